import { signal } from '@preact/signals';
import { fetchJson } from '../api-client/request.ts';

/** Days of recordings, or undefined if there are none, or the number is unknown. */
export const reachesBackDays = signal<number | undefined>(undefined);

const KEPT_MS = 10 * 60_000;
let askedMs = Number.NEGATIVE_INFINITY;

/** Asks the box, at most once per period. Only for the owner. */
export async function loadReach(nowMs: number): Promise<void> {
  if (nowMs - askedMs < KEPT_MS) {
    return;
  }
  askedMs = nowMs;
  try {
    const { reachesBackDays: days } = await fetchJson<{ reachesBackDays: number | null }>('v3/recordings/usage');
    reachesBackDays.value = days === null || days < 1 ? undefined : Math.floor(days);
  } catch {
    // The next visit asks again.
    askedMs = Number.NEGATIVE_INFINITY;
  }
}
