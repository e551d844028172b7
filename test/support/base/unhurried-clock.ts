import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, systemClock } from '../../../agent/base/clock.ts';

const TURN_MS = 20;

/**
 * The system's clock, but `sleep` counts 20 ms for each turn of the event loop, however long that took: on a busy machine peers in this
 * process get as many turns to answer as on an idle one.
 */
export const unhurriedClock: Clock = {
  ...systemClock,
  sleep: async (ms, signal) => {
    for (let leftMs = ms; leftMs > 0 && !signal.aborted; leftMs -= TURN_MS) {
      await delay(Math.min(TURN_MS, leftMs), undefined, { signal }).catch(() => {});
    }
  },
};
