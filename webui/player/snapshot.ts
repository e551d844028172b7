import type { VideoSurface } from './video-surface.ts';

const QUALITY = 0.92;

/** The current frame at full resolution. Undefined without video. */
export const snapshotOf = ({ video }: VideoSurface, title: string): Promise<File | undefined> =>
  pictureOf(video, snapshotName(title, new Date()));

/** The current frame as a JPEG file. */
export async function pictureOf(video: HTMLVideoElement, name: string): Promise<File | undefined> {
  const { videoWidth: width, videoHeight: height } = video;
  if (width === 0 || height === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
    return undefined;
  }
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  canvas.getContext('2d')?.drawImage(video, 0, 0, width, height);
  const jpeg = await new Promise<Blob | null>((resolve) => {
    canvas.toBlob(resolve, 'image/jpeg', QUALITY);
  });
  return jpeg ? new File([jpeg], name, { type: jpeg.type }) : undefined;
}

/** `Front door 2026-11-20 16.04.12.jpg`, without characters that file systems reject. */
export function snapshotName(title: string, at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join('.');
  const letters = [...title.replace(/[\p{Cc}\p{Cf}"*/:<>?\\|]+/gu, ' ').trim()].slice(0, 80).join('');
  return `${letters.replace(/^\.+/, '').replace(/\s+/g, ' ')} ${day} ${time}.jpg`.trim();
}
