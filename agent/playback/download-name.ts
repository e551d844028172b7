/** Characters that file systems reject or names should not have. */
const UNSAFE = /[/\\:*?"<>|\p{Cc}]+/gu;

/** File name of a clip: camera and local start time, in characters valid on every file system. */
export function downloadName(camera: string, localTime: string): string {
  const name = camera.replace(UNSAFE, '_').slice(0, 150);
  return `${name}_${localTime.slice(0, 19).replaceAll(':', '-')}.mp4`;
}

/** `Content-Disposition` (RFC 6266), with and without `filename*` (RFC 8187). */
export function contentDisposition(fileName: string): string {
  const plain = fileName.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  if (plain === fileName) {
    return `attachment; filename="${plain}"`;
  }
  // Not escaped by encodeURIComponent, but not allowed by RFC 8187.
  const encoded = encodeURIComponent(fileName.toWellFormed()).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
