import type { Camera } from './camera.ts';
import { stateOfPath } from './state.ts';

export interface Summary {
  readonly offline: number;
  /** Cameras whose recordings the user may see. */
  readonly recording: number;
}

export const isOffline = ({ main }: Camera, nowMs: number): boolean =>
  ['offline', 'misconfigured'].includes(stateOfPath(main, nowMs).kind);

/** For the line above the grid. */
export function summaryOf(all: readonly Camera[], nowMs: number): Summary {
  const isRecording = ({ main }: Camera) => main.recording?.active === true && main.mayPlayback !== false;
  return {
    offline: all.filter((camera) => isOffline(camera, nowMs)).length,
    recording: all.filter(isRecording).length,
  };
}
