import { pause } from '../box/pause.ts';
import { ask, BoxError } from '../box/request.ts';
import { type Session, session } from '../box/session.ts';

const ASK_MS = 500;
const LIMIT_MS = 3_000;
/** Much longer than it usually takes. */
const PATIENCE = 3;

/** What tells the box of before a restore from the one after it; undefined while it does not answer. */
export async function runOfBox(): Promise<string | undefined> {
  try {
    if (!session.peek()?.claimed) {
      const { claimed } = await ask<Session>('v3/session', { limitMs: LIMIT_MS });
      return claimed ? 'owned' : 'new';
    }
    return (await ask<{ started: string }>('v3/system', { limitMs: LIMIT_MS })).started;
  } catch (error) {
    // One has to log in to the other one.
    return error instanceof BoxError && error.status === 401 ? 'other' : undefined;
  }
}

/**
 * Returns when the box has come back as another one.
 * @param before its run until now
 * @param seconds that it usually takes
 */
export async function afterRestart(before: string | undefined, seconds: number): Promise<void> {
  const never = new AbortController().signal;
  const untilMs = Date.now() + seconds * 1000 * PATIENCE;
  for (;;) {
    await pause(ASK_MS, never);
    const now = await runOfBox();
    if (now !== undefined && (now !== before || Date.now() > untilMs)) {
      return;
    }
  }
}
