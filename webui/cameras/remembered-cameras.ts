import type { PathItem } from '../api-client/paths.ts';
import { hadBFrames, parseStoredCameras, STORED_CAMERAS_KEY, type StoredCamera } from '../player/stored-cameras.ts';
import { keepStillsOf } from '../player/stored-stills.ts';
import type { Camera } from './camera.ts';

/** Remembers names and order for the next visit, which shows them before the device has answered. */
export function rememberCameras(all: readonly Camera[]): void {
  const kept = all.map(({ name, title, main, sub }): StoredCamera => {
    const reordered = [main, ...(sub ? [sub] : [])].filter((path) => path.hasBFrames ?? hadBFrames(path.name));
    return [name, title, sub?.name ?? null, reordered.map((path) => path.name)];
  });
  const text = JSON.stringify(kept);
  if (localStorage.getItem(STORED_CAMERAS_KEY) !== text) {
    localStorage.setItem(STORED_CAMERAS_KEY, text);
    keepStillsOf(all.map(({ name }) => name));
  }
}

/** They belong to the one who was logged in. */
export function forgetCameras(): void {
  localStorage.removeItem(STORED_CAMERAS_KEY);
  keepStillsOf([]);
}

/** The cameras of the last visit. Nothing is known of how they are. */
export function rememberedCameras(): readonly Camera[] | undefined {
  const kept = parseStoredCameras(localStorage.getItem(STORED_CAMERAS_KEY));
  return kept.length === 0 ? undefined : kept.map(cameraOf);
}

const cameraOf = ([name, title, sub]: StoredCamera): Camera => ({
  ...{ name, title, main: unknownPath(name) },
  sub: sub === null ? undefined : unknownPath(sub),
});

/** As if it were there, so that the same picture is played when the device has answered. */
const unknownPath = (name: string): PathItem => ({
  ...{ name, title: null, order: null, paused: false, pausedUntil: null },
  ...{ ready: true, readyTime: null, tracks: [], tracks2: [], hasBFrames: null, bitrate: 0 },
  ...{ sourceState: null, sourceOnDemand: false, offlineSince: null },
  ...{ lastError: null, lastErrorWhy: null, lastErrorTime: null, configError: null, recording: null },
});
