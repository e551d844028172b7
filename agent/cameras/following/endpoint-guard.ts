import type { Clock } from '../../base/clock.ts';
import {
  type CallOptions,
  type CameraTarget,
  type OnvifSession,
  openSession,
} from '../../onvif/device/onvif-session.ts';
import { sameEndpoint } from '../../onvif/discovery/found-camera.ts';
import { cameraError, isNoReply, isOperationFault, isReset, troubleOf } from '../../onvif/soap/http/failures.ts';
import { type HttpOrigin, hostPortOf, parseHttpUrl } from '../../onvif/soap/http/origin.ts';
import {
  type CameraConnection,
  type CameraGuard,
  IdentifiedConnection,
  PersistentConnection,
} from '../../onvif/soap/http/persistent-connection.ts';
import { RequestLimiter } from '../../onvif/soap/http/request-limiter.ts';
import { endpointOf, isLoginRequired, OTHER_CAMERA, otherCamera } from './identity.ts';

/** How long the result holds for a device that reveals nothing without a login: each request may take two seconds. */
const MUTE_HOLDS_MS = 5 * 60_000;
const CALL_DEADLINE_MS = 2_000;

interface GuardOptions {
  readonly url: string;
  /** Expected endpoint, from the configuration or the request. */
  readonly endpoint: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Error text for another camera; default: the one for a configured path. */
  readonly words?: string | undefined;
  /** Time limit of each request to a slow camera. */
  readonly slowCallDeadlineMs?: number | undefined;
}

/**
 * Reads a device's endpoint without a login before it is sent one, because another camera may have the address now. Requests then use the
 * connection on which the endpoint was read, which still ends at the same device, or one that was opened before.
 */
export class EndpointGuard implements CameraGuard {
  readonly #options: GuardOptions;
  /** Origin of the device service. */
  readonly #own: HttpOrigin | undefined;
  #muteUntilMs = Number.NEGATIVE_INFINITY;
  #hasEndpoint = false;
  /** Whether the camera answers twice on one connection; undefined until tried. */
  #isKeeping: boolean | undefined;
  /** For requests that cannot use the connection on which the camera was identified. */
  readonly #opened: IdentifiedConnection;
  /** The idle connection on which the camera was identified. */
  #idle: PersistentConnection | undefined;
  /** Session without a login. */
  #session: OnvifSession | undefined;
  /** The guard has its own limiter, because its requests precede calls that already hold a slot. */
  readonly #limiter = new RequestLimiter();

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#own = parseHttpUrl(options.url)?.origin;
    this.#opened = new IdentifiedConnection(options.clock, (signal) => this.#ask({ signal }));
  }

  /** @throws PerchError otherCamera; or if there is no reply */
  async confirm(): Promise<void> {
    if (!this.#isUnknown) {
      await this.#ask();
    }
  }

  async ready(): Promise<void> {
    this.#idle = this.#own && (await this.#recognised(this.#own, false));
  }

  async call<T>(
    origin: HttpOrigin,
    isRead: boolean,
    send: (connection: CameraConnection | undefined) => Promise<T>,
  ): Promise<T> {
    const kept = await this.#recognised(origin, isRead);
    try {
      const answer = await send(kept ?? (this.#isUnknown ? undefined : this.#opened));
      this.#idle = kept ?? this.#idle;
      return answer;
    } catch (error) {
      this.recheck();
      if (kept && isRead && isReset(error)) {
        // Some boards close a connection after a number of requests without saying so.
        this.#isKeeping = false;
        return this.call(origin, isRead, send);
      }
      throw error;
    }
  }

  recheck(): void {
    this.#muteUntilMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * @param mayReuse use an idle connection, which may end while the request is under way
   * @returns the connection on which the camera was identified; undefined if it keeps none or reveals nothing
   */
  async #recognised(origin: HttpOrigin, mayReuse: boolean): Promise<PersistentConnection | undefined> {
    const own = this.#own;
    const isOwn = own && hostPortOf(origin) === hostPortOf(own) && origin.isSecure === own.isSecure;
    if (this.#isUnknown || this.#isKeeping === false || !isOwn) {
      return undefined;
    }
    if (mayReuse) {
      const idle = this.#idle;
      this.#idle = undefined;
      if (idle?.isFree) {
        return idle;
      }
    }
    const connection = new PersistentConnection(origin);
    await this.#ask({ connection });
    if (this.#hasEndpoint) {
      this.#isKeeping = connection.isFree && (this.#isKeeping ?? (await this.#answersAgain(connection)));
    }
    return connection.isFree ? connection : undefined;
  }

  /** Nothing can be asked, or the device reveals nothing. */
  get #isUnknown(): boolean {
    const { endpoint, clock } = this.#options;
    return endpoint === undefined || clock.monoMs() < this.#muteUntilMs;
  }

  /** Whether the device answers a second request on the connection: some boards announce keep-alive and never do. */
  async #answersAgain(connection: PersistentConnection): Promise<boolean> {
    try {
      await this.#ask({ connection });
      return connection.isFree;
    } catch (error) {
      if (isNoReply(error)) {
        return false;
      }
      throw error;
    }
  }

  async #ask(options: CallOptions = {}): Promise<void> {
    const { endpoint, clock, words } = this.#options;
    if (endpoint === undefined) {
      return;
    }
    const read = await this.#readEndpoint(options);
    if (read !== undefined && !sameEndpoint(endpoint, read)) {
      throw otherCamera(words ?? OTHER_CAMERA);
    }
    this.#hasEndpoint ||= read !== undefined;
    if (!this.#hasEndpoint) {
      this.#muteUntilMs = clock.monoMs() + MUTE_HOLDS_MS;
    }
  }

  async #readEndpoint(options: CallOptions): Promise<string | undefined> {
    let session: OnvifSession | undefined;
    try {
      this.#session ??= await this.#open();
      session = this.#session;
      return await endpointOf(session, options, this.#hasEndpoint);
    } catch (error) {
      if (this.#hasEndpoint && (isLoginRequired(error) || isOperationFault(error))) {
        const text = 'the device at its address does not identify itself: it may be another camera';
        throw cameraError('unreachable', text, {}, error);
      }
      if (isLoginRequired(error)) {
        return undefined;
      }
      this.#session = options.signal?.aborted ? session : undefined;
      if (session && !this.#hasEndpoint && troubleOf(error) === 'timeout') {
        return this.#askTwoThings(session);
      }
      throw error;
    }
  }

  /**
   * A few devices do not reply at all to what they do not know. One that is only busy, and may be another camera, answers neither of two
   * requests, or both.
   */
  async #askTwoThings(session: OnvifSession): Promise<string | undefined> {
    const deadlineMs = this.#options.slowCallDeadlineMs ?? CALL_DEADLINE_MS;
    const options = { deadlineMs: deadlineMs / 2 };
    const time = session.call('device', '<tds:GetSystemDateAndTime/>', 'GetSystemDateAndTimeResponse', options);
    const [endpoint] = await Promise.all([
      // Longer than for the time: of a device that has just answered that, a busy machine may hold up this answer.
      endpointOf(session, { deadlineMs }).catch((error) =>
        troubleOf(error) === 'timeout' ? undefined : Promise.reject(error),
      ),
      // A rejection is an answer.
      time.catch((error) => (isNoReply(error) ? Promise.reject(error) : undefined)),
    ]);
    this.#session = session;
    return endpoint;
  }

  #open(): Promise<OnvifSession> {
    const { clock, signal, slowCallDeadlineMs } = this.#options;
    // Without `URL`, which does not support zones of link-local addresses.
    const url = this.#options.url.replace(/^(\s*https?:\/\/)[^/?#]*@/i, '$1');
    return openSession({
      url,
      clock,
      signal,
      callDeadlineMs: CALL_DEADLINE_MS,
      slowCallDeadlineMs,
      limiter: this.#limiter,
    });
  }
}

/** Opens a session with the intended camera; another device at its address sees no login. @throws PerchError */
export async function openGuarded(
  target: CameraTarget & { readonly clock: Clock },
  endpoint: string | undefined,
  words?: string,
): Promise<{ readonly session: OnvifSession; readonly guard: EndpointGuard }> {
  const { url, clock, signal, slowCallDeadlineMs } = target;
  const guard = new EndpointGuard({ url, endpoint, clock, signal, words, slowCallDeadlineMs });
  return { session: await openSession({ ...target, guard }), guard };
}
