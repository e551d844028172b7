/** The cameras that the browser keeps for the next visit: the key in its storage. */
export const STORED_CAMERAS_KEY = 'perch-cameras';

/** `bFrames`: of its paths those whose pictures come out of their order. */
export type StoredCamera = readonly [name: string, title: string, sub: string | null, bFrames?: readonly string[]];

/** Whether a path's pictures came out of their order at the last visit: the player knows before the device has answered. */
export const hadBFrames = (path: string): boolean =>
  parseStoredCameras(localStorage.getItem(STORED_CAMERAS_KEY)).some(([, , , bFrames]) => bFrames?.includes(path));

/** @param text as `rememberCameras` wrote it, or whatever somebody has put there */
export function parseStoredCameras(text: string | null): readonly StoredCamera[] {
  try {
    const kept: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(kept) ? kept.filter(isKept) : [];
  } catch {
    return [];
  }
}

function isKept(value: unknown): value is StoredCamera {
  const [name, title, sub, bFrames = []] = Array.isArray(value) ? (value as unknown[]) : [];
  const isCamera = typeof name === 'string' && typeof title === 'string' && (sub === null || typeof sub === 'string');
  return isCamera && Array.isArray(bFrames) && bFrames.every((path) => typeof path === 'string');
}
