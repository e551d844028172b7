import type { Camera } from './camera.ts';
import { stateOfPath } from './state.ts';

export interface Summary {
  readonly offline: number;
  /** Of those whose recordings the one who looks may see. */
  readonly recording: number;
}

/** What the line above the grid tells of all cameras. */
export function summaryOf(all: readonly Camera[], nowMs: number): Summary {
  const isOffline = ({ main }: Camera) => ['offline', 'misconfigured'].includes(stateOfPath(main, nowMs).kind);
  const isRecording = ({ main }: Camera) => main.recording?.active === true && main.mayPlayback !== false;
  return { offline: all.filter(isOffline).length, recording: all.filter(isRecording).length };
}
