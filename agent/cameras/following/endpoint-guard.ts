import type { Clock } from '../../base/clock.ts';
import { type CameraTarget, type OnvifSession, openSession } from '../../onvif/device/session.ts';
import { sameEndpoint } from '../../onvif/discovery/found-camera.ts';
import type { CameraGuard } from '../../onvif/soap/http/camera-guard.ts';
import { isReset, troubleOf } from '../../onvif/soap/http/failures.ts';
import { type HttpPlace, nameOf, parseHttpUrl } from '../../onvif/soap/http/http-exchange.ts';
import { KeptConnection } from '../../onvif/soap/http/kept-connection.ts';
import { CallLanes } from '../../onvif/soap/http/request-limiter.ts';
import { endpointOf, isClosed, isSilence, OTHER_CAMERA, otherCamera } from './identity.ts';

/** Where it keeps no connection: as long after it has said who it is it is taken for the one that is there. */
const HOLDS_MS = 1_000;
/** The same after a device that tells strangers nothing: each question may cost it, and whoever waits, two seconds. */
const MUTE_HOLDS_MS = 5 * 60_000;
const CALL_DEADLINE_MS = 2_000;

export interface GuardOptions {
  readonly url: string;
  /** That the configuration names, or whoever wants this camera. */
  readonly endpoint: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What to do about another camera; as the settings of a path need it when not given. */
  readonly words?: string | undefined;
}

/**
 * Asks a device without a login which endpoint it has, before it is shown one: another camera may be at the address now. What is meant
 * for the camera goes on the connection on which it has said that, for a connection stays with whom it was.
 */
export class EndpointGuard implements CameraGuard {
  readonly #options: GuardOptions;
  /** Of the device service. */
  readonly #own: HttpPlace | undefined;
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #muteUntilMs = Number.NEGATIVE_INFINITY;
  #hasTold = false;
  /** Whether the camera answers twice on one connection; undefined until that has been tried. */
  #isKeeping: boolean | undefined;
  /** On which the camera has said who it is, while nothing else goes there. */
  #idle: KeptConnection | undefined;
  /** Without a login. */
  #session: OnvifSession | undefined;
  #asking: Promise<void> | undefined;
  /** Of its own: it asks for calls that have got their turn already. */
  readonly #lanes = new CallLanes();

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#own = parseHttpUrl(options.url)?.place;
  }

  /** @throws PerchError otherCamera, when another one is there; when nobody is */
  confirm(): Promise<void> {
    const nowMs = this.#options.clock.monoMs();
    if (nowMs < this.#muteUntilMs || nowMs - this.#heardAtMs < HOLDS_MS) {
      return Promise.resolve();
    }
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async ready(): Promise<void> {
    if (this.#own) {
      this.#idle = await this.#recognised(this.#own, false);
    }
  }

  async call<T>(
    place: HttpPlace,
    isRead: boolean,
    send: (connection: KeptConnection | undefined) => Promise<T>,
  ): Promise<T> {
    const connection = await this.#recognised(place, isRead);
    try {
      const answer = await send(connection);
      this.#idle = connection ?? this.#idle;
      return answer;
    } catch (error) {
      this.doubt();
      if (connection && isRead && isReset(error)) {
        // Some boards end a connection after a number of requests, and do not say so.
        this.#isKeeping = false;
        return this.call(place, isRead, send);
      }
      throw error;
    }
  }

  doubt(): void {
    this.#heardAtMs = Number.NEGATIVE_INFINITY;
    this.#muteUntilMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * @param mayReuse one that has waited for a request, and may end while that is on its way
   * @returns the connection on which it was recognised; undefined: it keeps none, or tells strangers nothing
   */
  async #recognised(place: HttpPlace, mayReuse: boolean): Promise<KeptConnection | undefined> {
    const { endpoint, clock } = this.#options;
    const own = this.#own;
    if (endpoint === undefined || clock.monoMs() < this.#muteUntilMs) {
      return undefined;
    }
    const isOwn = own && nameOf(place) === nameOf(own) && place.isSecure === own.isSecure;
    if (this.#isKeeping === false || !isOwn) {
      await this.confirm();
      return undefined;
    }
    if (mayReuse) {
      const idle = this.#idle;
      this.#idle = undefined;
      if (idle?.isFree) {
        return idle;
      }
    }
    const connection = new KeptConnection(place);
    await this.#ask(connection);
    if (this.#hasTold && this.#isKeeping === undefined) {
      const isKeeping = await this.#answersAgain(connection);
      // One that has gone meanwhile is no such board.
      await this.confirm();
      this.#isKeeping = isKeeping;
    }
    return connection.isFree ? connection : undefined;
  }

  /** Some boards say that they keep a connection, and never answer on it again. */
  async #answersAgain(connection: KeptConnection): Promise<boolean> {
    try {
      if (connection.isFree) {
        await this.#ask(connection);
      }
      return connection.isFree;
    } catch (error) {
      if (isSilence(error)) {
        return false;
      }
      throw error;
    }
  }

  async #ask(connection?: KeptConnection): Promise<void> {
    const { endpoint, clock, words } = this.#options;
    if (endpoint === undefined) {
      return;
    }
    const told = await this.#told(connection);
    if (told !== undefined && !sameEndpoint(endpoint, told)) {
      throw otherCamera(words ?? OTHER_CAMERA);
    }
    this.#hasTold ||= told !== undefined;
    this.#heardAtMs = clock.monoMs();
    if (!this.#hasTold) {
      this.#muteUntilMs = this.#heardAtMs + MUTE_HOLDS_MS;
    }
  }

  async #told(connection: KeptConnection | undefined): Promise<string | undefined> {
    try {
      this.#session ??= await this.#open();
      return await endpointOf(this.#session, connection);
    } catch (error) {
      // A few answer what they do not know with silence.
      const isMute = this.#session !== undefined && !this.#hasTold && troubleOf(error) === 'timeout';
      if (isClosed(error) || isMute) {
        return undefined;
      }
      this.#session = undefined;
      throw error;
    }
  }

  #open(): Promise<OnvifSession> {
    const { clock, signal } = this.#options;
    // Not by `URL`, which knows no zones of link-local addresses.
    const url = this.#options.url.replace(/^(\s*https?:\/\/)[^/?#]*@/i, '$1');
    return openSession({ url, clock, signal, callDeadlineMs: CALL_DEADLINE_MS, lanes: this.#lanes });
  }
}

/** Begins to speak to the camera that was meant; another one that is at its address sees no login. @throws PerchError */
export async function openGuarded(
  target: CameraTarget & { readonly clock: Clock },
  endpoint: string | undefined,
  words?: string,
): Promise<{ readonly session: OnvifSession; readonly guard: EndpointGuard }> {
  const { url, clock, signal } = target;
  const guard = new EndpointGuard({ url, endpoint, clock, signal, words });
  return { session: await openSession({ ...target, guard }), guard };
}
