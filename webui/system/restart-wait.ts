import type { RestorePlan, SessionAnswer } from '../api-client/api-types.ts';
import { fetchJson, RequestError } from '../api-client/request.ts';
import { session } from '../api-client/session.ts';
import { sleep } from '../shell/sleep.ts';

const ASK_MS = 500;
const MAX_WAIT_MS = 3_000;
/** Limit, much longer than usual. */
const MAX_FACTOR = 3;

/** Identifies a run of the box; undefined while it does not answer. */
export async function serverRun(): Promise<string | undefined> {
  try {
    if (!session.peek()?.claimed) {
      const { claimed } = await fetchJson<SessionAnswer>('v3/session', { limitMs: MAX_WAIT_MS });
      return claimed ? 'owned' : 'new';
    }
    return (await fetchJson<{ started: string }>('v3/system', { limitMs: MAX_WAIT_MS })).started;
  } catch (error) {
    // The restored box needs another login.
    return error instanceof RequestError && error.status === 401 ? 'other' : undefined;
  }
}

/**
 * Waits for another run of the box.
 * @param before the present run
 * @param seconds usual duration
 * @returns false after the limit
 */
export async function waitForRestart(before: string | undefined, seconds: number): Promise<boolean> {
  const never = new AbortController().signal;
  const untilMs = Date.now() + seconds * 1000 * MAX_FACTOR;
  for (;;) {
    await sleep(ASK_MS, never);
    const now = await serverRun();
    if (now !== undefined && now !== before) {
      return true;
    }
    if (Date.now() > untilMs) {
      return now !== undefined;
    }
  }
}

/** Address of this page after the restore, or undefined if it is unchanged. */
export function newAddress(
  { settings, address, tlsAddress }: Pick<RestorePlan, 'settings' | 'address' | 'tlsAddress'>,
  here: Pick<Location, 'protocol' | 'hostname' | 'port'>,
): string | undefined {
  const isSecure = here.protocol === 'https:' && tlsAddress !== '';
  const key = here.protocol === 'https:' ? 'tlsAddress' : 'address';
  const port = /:(\d+)$/.exec(isSecure ? tlsAddress : address)?.[1];
  if (!settings.includes(key) || port === undefined) {
    return undefined;
  }
  // Browsers omit default ports.
  const there = new URL(`${isSecure ? 'https' : 'http'}://${here.hostname}:${port}/`);
  return there.protocol === here.protocol && there.port === here.port ? undefined : there.href;
}
