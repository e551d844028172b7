import { randomBytes } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import { authorization, type Challenge, parseChallenges } from '../../media/rtsp/digest.ts';
import type { CallerOptions } from './caller-options.ts';
import type { CameraGuard } from './http/camera-guard.ts';
import { toNothing } from './http/failures.ts';
import { exchange, type HttpPlace, type HttpReply } from './http/http-exchange.ts';
import type { KeptConnection } from './http/kept-connection.ts';
import { hash } from './login/digest-hash.ts';
import type { LoginKey } from './login/login-memory.ts';

/** Pages that want a login and change nothing, of makers whose ONVIF may have users of its own: Hikvision, Dahua, Axis. */
const PAGES = [
  '/ISAPI/System/deviceInfo',
  '/cgi-bin/magicBox.cgi?action=getSystemInfo',
  '/axis-cgi/param.cgi?action=list&group=Brand',
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

  /** Asked once in a caller's life, and not again once it is known: it is the second and last try of the password. */
  async takes(place: HttpPlace, key: LoginKey, leftMs: number): Promise<boolean> {
    const { logins, isAsked, signal } = this.#options;
    const isKnown = logins.findingOf(key) === 'onvifUser';
    if (isKnown || this.#isAsked || !logins.mayTry({ ...key, channel: 'web' }, isAsked)) {
      return isKnown;
    }
    this.#isAsked = true;
    const joined = joinSignals([signal], leftMs);
    try {
      return await this.#ask(place, { ...key, channel: 'web' }, joined.signal);
    } finally {
      joined.release();
    }
  }

  async #ask(place: HttpPlace, key: LoginKey, signal: AbortSignal): Promise<boolean> {
    const { logins, isAsked, guard } = this.#options;
    const page = await findPage(place, signal);
    const turn = page && (await logins.turn(key, { isAsked, signal }).catch(toNothing));
    if (!page || !turn) {
      return false;
    }
    const clientNonce = randomBytes(8).toString('hex');
    const use = { method: 'GET', uri: page.path, clientNonce, count: 1 };
    const reply = await get(place, page.path, signal, authorization(page.challenge, key, use, hash), guard);
    if (!reply) {
      turn.lost();
    } else if (reply.status === 401) {
      turn.refused();
    } else if (reply.status < 500) {
      turn.accepted();
      logins.found(key, 'onvifUser');
    }
    turn.end();
    return reply !== undefined && reply.status !== 401 && reply.status < 500;
  }
}

/**
 * A web page of the camera that wants a login, and asks for a digest: the password is used once at most, and never in the clear. Where it
 * takes one that ONVIF has refused, the camera keeps users of its own for ONVIF.
 */
async function findPage(
  place: HttpPlace,
  signal: AbortSignal,
): Promise<{ readonly path: string; readonly challenge: Challenge } | undefined> {
  for (const path of PAGES) {
    const first = await get(place, path, signal);
    if (!first) {
      return undefined;
    }
    const challenges = first.status === 401 ? parseChallenges(first.headers['www-authenticate'] ?? []) : [];
    const challenge = challenges.find(({ scheme }) => scheme === 'digest');
    if (challenge) {
      return { path, challenge };
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
