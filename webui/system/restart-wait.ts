import { fetchJson, RequestError } from '../api-client/request.ts';
import { type Session, session } from '../api-client/session.ts';
import { sleep } from '../shell/sleep.ts';
import type { RestorePlan } from './backup-file.ts';

const ASK_MS = 500;
const LIMIT_MS = 3_000;
/** Much longer than it usually takes. */
const PATIENCE = 3;

/** What tells the device of before a restore from the one after it; undefined while it does not answer. */
export async function serverRun(): Promise<string | undefined> {
  try {
    if (!session.peek()?.claimed) {
      const { claimed } = await fetchJson<Session>('v3/session', { limitMs: LIMIT_MS });
      return claimed ? 'owned' : 'new';
    }
    return (await fetchJson<{ started: string }>('v3/system', { limitMs: LIMIT_MS })).started;
  } catch (error) {
    // One has to log in to the other one.
    return error instanceof RequestError && error.status === 401 ? 'other' : undefined;
  }
}

/**
 * Waits for the device to come back as another one.
 * @param before its run until now
 * @param seconds that it usually takes
 * @returns false: it has not, for much longer than that
 */
export async function waitForRestart(before: string | undefined, seconds: number): Promise<boolean> {
  const never = new AbortController().signal;
  const untilMs = Date.now() + seconds * 1000 * PATIENCE;
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

/** Where this page will be once the backup is restored; undefined: where it is. */
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
  // Browsers leave the usual ports out.
  const there = new URL(`${isSecure ? 'https' : 'http'}://${here.hostname}:${port}/`);
  return there.protocol === here.protocol && there.port === here.port ? undefined : there.href;
}
