import { signal } from '@preact/signals';
import { onServerEvent } from './server-events.ts';

/** Much longer than it usually takes: then it is away. */
const PATIENCE = 3;

interface Restarting {
  /** That it usually takes. */
  readonly seconds: number;
  readonly sinceMs: number;
}

/** The device has said that it starts again; until it answers after that. */
export const restarting = signal<Restarting | undefined>(undefined);

export function noteRestart(seconds: number): void {
  restarting.value = { seconds, sinceMs: Date.now() };
}

/** The device has answered. Its last words come before it goes, and it may be back before anybody has missed it. */
export function noteAnswer(wasAway: boolean): void {
  const { seconds, sinceMs } = restarting.peek() ?? { seconds: 0, sinceMs: 0 };
  if (wasAway || Date.now() - sinceMs > seconds * 1000 * PATIENCE) {
    restarting.value = undefined;
  }
}

onServerEvent('box', ({ state, seconds }) => {
  if (state === 'restarting' && seconds !== undefined) {
    noteRestart(seconds);
  }
});
