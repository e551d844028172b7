import { ignoreExpected } from '../../base/errors.ts';
import { withJoinedSignal } from '../../base/joined-signal.ts';
import { type Challenge, parseChallenges } from '../../media/rtsp/digest.ts';
import { exchange, type HttpReply } from './http/http-exchange.ts';
import type { HttpOrigin } from './http/origin.ts';
import type { CameraConnection, CameraGuard } from './http/persistent-connection.ts';
import type { LoginKey } from './login/login-memory.ts';
import { answerTo } from './login/nonce-cache.ts';
import type { CallerOptions } from './soap-call.ts';

/** Pages that need a login and change nothing, of makers whose ONVIF may have its own users: Hikvision, Dahua, Axis. */
const PAGES = [
  '/ISAPI/System/deviceInfo',
  '/cgi-bin/magicBox.cgi?action=getSystemInfo',
  '/axis-cgi/param.cgi?action=list&group=Brand',
];
const PAGE_DEADLINE_MS = 1_500;
/** The camera is identified first. */
const GUARDED_DEADLINE_MS = 3_500;

/** Whether the camera's web page accepts a login that its ONVIF rejects: then ONVIF has its own users. */
export class WebLogin {
  readonly #options: CallerOptions;
  #isTried = false;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** Tried once per caller, unless known: it is the second and last try of the password. */
  async accepts(origin: HttpOrigin, key: LoginKey, leftMs: number): Promise<boolean> {
    const { logins, isInteractive, signal } = this.#options;
    const isKnown = logins.refusalCauseOf(key) === 'onvifUser';
    if (isKnown || this.#isTried || !logins.mayTry({ ...key, channel: 'web' }, isInteractive)) {
      return isKnown;
    }
    this.#isTried = true;
    return withJoinedSignal([signal], leftMs, (joined) => this.#ask(origin, { ...key, channel: 'web' }, joined.signal));
  }

  async #ask(origin: HttpOrigin, key: LoginKey, signal: AbortSignal): Promise<boolean> {
    const { logins, isInteractive, guard } = this.#options;
    const page = await findPage(origin, signal);
    const turn = page && (await logins.turn(key, { isInteractive, signal }).catch(ignoreExpected));
    if (!page || !turn) {
      return false;
    }
    const login = answerTo(page.challenge, key, { method: 'GET', uri: page.path });
    const reply = await get(origin, page.path, signal, login, guard);
    if (!reply) {
      turn.lost();
    } else if (reply.status === 401) {
      turn.refused();
    } else if (reply.status < 500) {
      turn.accepted();
      logins.setRefusalCause(key, 'onvifUser');
    }
    turn.end();
    return reply !== undefined && reply.status !== 401 && reply.status < 500;
  }
}

/** A web page that asks for a digest, so the password is used at most once and never unencrypted. */
async function findPage(
  origin: HttpOrigin,
  signal: AbortSignal,
): Promise<{ readonly path: string; readonly challenge: Challenge } | undefined> {
  for (const path of PAGES) {
    const first = await get(origin, path, signal);
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

function get(
  origin: HttpOrigin,
  path: string,
  signal: AbortSignal,
  login?: string,
  guard?: CameraGuard,
): Promise<HttpReply | undefined> {
  const headers: Record<string, string> = login === undefined ? {} : { Authorization: login };
  const asked = { origin, path, headers, body: '', signal, method: 'GET', maxBytes: 256 << 10 } as const;
  const deadlineMs = guard ? GUARDED_DEADLINE_MS : PAGE_DEADLINE_MS;
  const send = (connection?: CameraConnection) => exchange({ ...asked, connection, deadlineMs });
  return (guard ? guard.call(origin, true, send) : send()).catch(ignoreExpected);
}
