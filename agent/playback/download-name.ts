/** What no file system takes in a name, and what none should have in it. */
const UNSAFE = /[/\\:*?"<>|\p{Cc}]+/gu;
const MAX_NAME_LENGTH = 150;

/** The name of a clip: the camera and the local time at which it begins, in characters that every file system takes. */
export function downloadName(camera: string, localTime: string): string {
  const name = camera.replace(UNSAFE, '_').slice(0, MAX_NAME_LENGTH);
  return `${name}_${localTime.slice(0, 19).replaceAll(':', '-')}.mp4`;
}

/** `Content-Disposition` of a download (RFC 6266), for browsers that know `filename*` (RFC 8187) and for those that do not. */
export function contentDisposition(fileName: string): string {
  const plain = fileName.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  if (plain === fileName) {
    return `attachment; filename="${plain}"`;
  }
  // encodeURIComponent leaves these, which RFC 8187 does not allow.
  const encoded = encodeURIComponent(fileName.toWellFormed()).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
