import type { VideoSurface } from './video-surface.ts';

const PREFIX = 'perch-still:';
const WIDTH_PX = 320;
const QUALITY = 0.6;

/** Stores the current picture for the next visit, small enough for all cameras. */
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
    // Storage is full: the older still stays.
  }
}

/** The still of the last visit, once decoded. */
export function showSavedStill(camera: string, surface: VideoSurface): void {
  const kept = localStorage.getItem(PREFIX + camera);
  const [atMs, source] = kept?.split(' ') ?? [];
  if (source !== undefined) {
    const image = new Image();
    image.onload = () => surface.offer(image, Number(atMs));
    image.src = source;
  }
}

/** Removes the stills of all other cameras. */
export function keepStillsOf(cameras: readonly string[]): void {
  const wanted = new Set(cameras.map((camera) => PREFIX + camera));
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(PREFIX) && !wanted.has(key)) {
      localStorage.removeItem(key);
    }
  }
}
