import type { VideoSurface } from './video-surface.ts';

const PREFIX = 'perch-still:';
const WIDTH_PX = 320;
const QUALITY = 0.6;

/** Keeps what a stage shows now for the next visit: small, so that the browser has room for all cameras. */
export function saveStill(camera: string, { video, element, lastFrameMs }: VideoSurface): void {
  const { videoWidth, videoHeight } = video;
  if (videoWidth === 0 || !element.classList.contains('playing')) {
    return;
  }
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH_PX;
  canvas.height = Math.round((WIDTH_PX * videoHeight) / videoWidth);
  canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
  try {
    localStorage.setItem(PREFIX + camera, `${lastFrameMs} ${canvas.toDataURL('image/jpeg', QUALITY)}`);
  } catch {
    // The browser has no more room: what was kept before stays.
  }
}

/** The picture that was kept at the last visit, as soon as it is decoded. */
export function showSavedStill(camera: string, surface: VideoSurface): void {
  const kept = localStorage.getItem(PREFIX + camera);
  const [atMs, source] = kept?.split(' ') ?? [];
  if (source !== undefined) {
    const image = new Image();
    image.onload = () => surface.offer(image, Number(atMs));
    image.src = source;
  }
}

/** Of all other cameras nothing is kept any longer. */
export function keepStillsOf(cameras: readonly string[]): void {
  const wanted = new Set(cameras.map((camera) => PREFIX + camera));
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(PREFIX) && !wanted.has(key)) {
      localStorage.removeItem(key);
    }
  }
}
