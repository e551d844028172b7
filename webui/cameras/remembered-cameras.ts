import type { PathItem } from '../api-client/paths.ts';
import { hadBFrames, parseStoredCameras, STORED_CAMERAS_KEY, type StoredCamera } from '../player/stored-cameras.ts';
import { keepStillsOf } from '../player/stored-stills.ts';
import { LAST_CAMERA_KEY } from '../shell/navigation.ts';
import type { Camera } from './camera.ts';
import { CHOSEN_GROUP_KEY, GROUPS_KEY } from './layouts.ts';

/** Stores the cameras: the next visit shows their names and order before the first response. */
export function rememberCameras(all: readonly Camera[]): void {
  const kept = all.map(({ name, title, main, sub }): StoredCamera => {
    const streams = [main, ...(sub ? [sub] : [])];
    const withBFrames = streams.filter((path) => path.hasBFrames ?? hadBFrames(path.name)).map((path) => path.name);
    const stored = [name, title, sub?.name ?? null, withBFrames] as const;
    return main.box ? [...stored, main.box.name] : stored;
  });
  const text = JSON.stringify(kept);
  if (localStorage.getItem(STORED_CAMERAS_KEY) !== text) {
    localStorage.setItem(STORED_CAMERAS_KEY, text);
    keepStillsOf(all.map(({ name }) => name));
  }
}

/** Removes the stored cameras, groups and stills. Call it at logout. */
export function forgetCameras(): void {
  localStorage.removeItem(STORED_CAMERAS_KEY);
  localStorage.removeItem(LAST_CAMERA_KEY);
  localStorage.removeItem(GROUPS_KEY);
  localStorage.removeItem(CHOSEN_GROUP_KEY);
  keepStillsOf([]);
}

/** Cameras of the last visit, with unknown states. */
export function rememberedCameras(): readonly Camera[] | undefined {
  const kept = parseStoredCameras(localStorage.getItem(STORED_CAMERAS_KEY));
  return kept.length === 0 ? undefined : kept.map(cameraOf);
}

const cameraOf = ([name, title, sub, , box]: StoredCamera): Camera => ({
  name,
  title,
  main: {
    ...unknownPath(name),
    box: box ? { id: '', name: box, awaySince: null, turn: false, switch: false, settings: false } : null,
  },
  sub: sub === null ? undefined : unknownPath(sub),
});

/** Assumed to be ready, so that the same stream plays after the first response. */
const unknownPath = (name: string): PathItem => ({
  name,
  title: null,
  order: null,
  paused: false,
  pausedUntil: null,
  privacy: false,
  ready: true,
  readyTime: null,
  tracks: [],
  tracks2: [],
  hasBFrames: null,
  leftOut: null,
  box: null,
  bitrate: 0,
  sourceState: null,
  sourceOnDemand: false,
  offlineSince: null,
  lastError: null,
  lastErrorWhy: null,
  lastErrorTime: null,
  configError: null,
  recording: null,
});
