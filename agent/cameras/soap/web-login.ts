import { randomBytes } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import { authorization, type Credentials, parseChallenges } from '../../media/rtsp/digest.ts';
import type { CallerOptions } from './caller-options.ts';
import type { CameraGuard } from './camera-guard.ts';
import { hash } from './digest-hash.ts';
import { exchange, type HttpPlace, type HttpReply } from './http-exchange.ts';
import type { KeptConnection } from './kept-connection.ts';
import type { LoginKey } from './login-memory.ts';

/** Pages that want a login and change nothing: Hikvision, Dahua, Axis, and whatever has one for everything. */
const PAGES = [
  '/ISAPI/System/deviceInfo',
  '/cgi-bin/magicBox.cgi?action=getSystemInfo',
  '/axis-cgi/param.cgi?action=list&group=Brand',
  '/',
];
const MAX_PAGE_BYTES = 256 << 10;
const PAGE_DEADLINE_MS = 1_500;

/** What the camera's web page says of a login that its ONVIF refuses. */
export class WebLogin {
  readonly #options: Pick<CallerOptions, 'logins' | 'isAsked' | 'signal' | 'guard'>;
  #isAsked = false;

  constructor(options: Pick<CallerOptions, 'logins' | 'isAsked' | 'signal' | 'guard'>) {
    this.#options = options;
  }

  /** Asked once in a caller's life, and not again once it is known: it is one more try of the password. */
  async takes(place: HttpPlace, key: LoginKey, leftMs: number): Promise<boolean> {
    const { logins, isAsked, signal, guard } = this.#options;
    const isKnown = logins.findingOf(key) === 'onvifUser';
    if (isKnown || this.#isAsked || !logins.mayTry(key, isAsked)) {
      return isKnown;
    }
    this.#isAsked = true;
    const shown = logins.show(key, isAsked);
    const joined = joinSignals([signal], leftMs);
    const takes = await webTakes(place, key, joined.signal, guard).finally(() => {
      joined.release();
      shown.end();
    });
    if (takes === false) {
      logins.refused(key);
    } else if (takes) {
      logins.found(key, 'onvifUser');
    }
    return takes === true;
  }
}

/**
 * Whether a camera's web page takes a login that its ONVIF has refused: then it keeps users of its own for ONVIF. The password is
 * used once at most, and never in the clear.
 * @returns undefined when it cannot be found out
 */
async function webTakes(
  place: HttpPlace,
  credentials: Credentials,
  signal: AbortSignal,
  guard: CameraGuard | undefined,
): Promise<boolean | undefined> {
  for (const path of PAGES) {
    const first = await get(place, path, signal);
    if (!first) {
      return undefined;
    }
    const challenge =
      first.status === 401
        ? parseChallenges(first.headers['www-authenticate'] ?? []).find(({ scheme }) => scheme === 'digest')
        : undefined;
    if (challenge) {
      const clientNonce = randomBytes(8).toString('hex');
      const use = { method: 'GET', uri: path, clientNonce, count: 1 };
      const reply = await get(place, path, signal, authorization(challenge, credentials, use, hash), guard);
      return reply && (reply.status === 401 ? false : reply.status < 500);
    }
  }
  return undefined;
}

async function get(
  place: HttpPlace,
  path: string,
  signal: AbortSignal,
  login?: string,
  guard?: CameraGuard,
): Promise<HttpReply | undefined> {
  const headers: Record<string, string> = login === undefined ? {} : { Authorization: login };
  const asked = { place, path, headers, body: '', signal, method: 'GET', maxBytes: MAX_PAGE_BYTES } as const;
  const send = (connection?: KeptConnection) => exchange({ ...asked, connection, deadlineMs: PAGE_DEADLINE_MS });
  try {
    return await (guard ? guard.call(place, true, send) : send());
  } catch (error) {
    if (error instanceof PerchError) {
      return undefined;
    }
    throw error;
  }
}
