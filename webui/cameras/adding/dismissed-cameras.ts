import { signal } from '@preact/signals';

const DISMISSED_KEY = 'perch-dismissed-cameras';
const MAX_DISMISSED = 500;

/** Endpoints of found cameras that are not wanted in this browser. */
export const dismissedCameras = signal<ReadonlySet<string>>(
  new Set((localStorage.getItem(DISMISSED_KEY) ?? '').split('\n').filter(Boolean)),
);

export function dismissCameras(endpoints: readonly string[]): void {
  keepDismissed([...dismissedCameras.peek(), ...endpoints]);
}

export function restoreCameras(endpoints: readonly string[]): void {
  keepDismissed([...dismissedCameras.peek()].filter((endpoint) => !endpoints.includes(endpoint)));
}

function keepDismissed(endpoints: readonly string[]): void {
  const kept = [...new Set(endpoints)].slice(-MAX_DISMISSED);
  dismissedCameras.value = new Set(kept);
  localStorage.setItem(DISMISSED_KEY, kept.join('\n'));
}
