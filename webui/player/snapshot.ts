import type { Stage } from './stage.ts';

const QUALITY = 0.92;

/** Gives the person the picture that is shown now, in its own size, as a file. @returns whether there was one */
export async function saveSnapshot({ video }: Stage, title: string): Promise<boolean> {
  const { videoWidth: width, videoHeight: height } = video;
  if (width === 0 || height === 0) {
    return false;
  }
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  canvas.getContext('2d')?.drawImage(video, 0, 0, width, height);
  const jpeg = await new Promise<Blob | null>((resolve) => {
    canvas.toBlob(resolve, 'image/jpeg', QUALITY);
  });
  if (!jpeg) {
    return false;
  }
  const url = URL.createObjectURL(jpeg);
  Object.assign(document.createElement('a'), { href: url, download: snapshotName(title, new Date()) }).click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return true;
}

const LONGEST = 80;

/** `Front door 2026-11-20 16.04.12.jpg`: what no system takes in a name is left out. */
export function snapshotName(title: string, at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join('.');
  const letters = [...title.replace(/[\p{Cc}\p{Cf}"*/:<>?\\|]+/gu, ' ').trim()].slice(0, LONGEST).join('');
  return `${letters.replace(/^\.+/, '').replace(/\s+/g, ' ')} ${day} ${time}.jpg`.trim();
}
