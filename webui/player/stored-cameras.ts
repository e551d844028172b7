/** Storage key of the cameras of the last visit. */
export const STORED_CAMERAS_KEY = 'perch-cameras';

/** `bFrames`: paths with B-frames. `box`: the name of the box whose camera it is. */
export type StoredCamera = readonly [
  name: string,
  title: string,
  sub: string | null,
  bFrames?: readonly string[],
  box?: string,
];

/** Whether a path had B-frames at the last visit; known before the first response. */
export const hadBFrames = (path: string): boolean =>
  parseStoredCameras(localStorage.getItem(STORED_CAMERAS_KEY)).some(([, , , bFrames]) => bFrames?.includes(path));

/** @param text untrusted */
export function parseStoredCameras(text: string | null): readonly StoredCamera[] {
  try {
    const kept: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(kept) ? kept.filter(isKept) : [];
  } catch {
    return [];
  }
}

function isKept(value: unknown): value is StoredCamera {
  const [name, title, sub, bFrames = [], box = ''] = Array.isArray(value) ? (value as unknown[]) : [];
  const isCamera = typeof name === 'string' && typeof title === 'string' && (sub === null || typeof sub === 'string');
  return (
    isCamera && typeof box === 'string' && Array.isArray(bFrames) && bFrames.every((path) => typeof path === 'string')
  );
}
