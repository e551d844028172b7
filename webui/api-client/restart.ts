import { signal } from '@preact/signals';
import { onServerEvent } from './server-events.ts';

/** Longer restarts count as an outage. */
const MAX_FACTOR = 3;

interface Restarting {
  /** Usual duration of a restart. */
  readonly seconds: number;
  readonly sinceMs: number;
}

/** The restart that the box has announced; undefined once it answers again. */
export const restarting = signal<Restarting | undefined>(undefined);

export function noteRestart(seconds: number): void {
  restarting.value = { seconds, sinceMs: Date.now() };
}

/** Called for each response. The announcement precedes the restart, and the restart may go unnoticed. */
export function noteAnswer(wasAway: boolean): void {
  const { seconds, sinceMs } = restarting.peek() ?? { seconds: 0, sinceMs: 0 };
  if (wasAway || Date.now() - sinceMs > seconds * 1000 * MAX_FACTOR) {
    restarting.value = undefined;
  }
}

onServerEvent('box', ({ state, seconds }) => {
  if (state === 'restarting' && seconds !== undefined) {
    noteRestart(seconds);
  }
});
