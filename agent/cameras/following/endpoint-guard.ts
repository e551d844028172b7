import type { Clock } from '../../base/clock.ts';
import { type CameraTarget, type OnvifSession, openSession } from '../device/session.ts';
import { sameEndpoint } from '../discovery/found-camera.ts';
import { troubleOf } from '../soap/failures.ts';
import { endpointOf, isClosed, OTHER_CAMERA, otherCamera } from './identity.ts';

/** As long after an answer nobody else has come to the camera's address unnoticed, mostly. */
const HOLDS_MS = 5_000;
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

/** Asks a device without a login which endpoint it has, before it is shown one: another camera may be at the address now. */
export class EndpointGuard {
  readonly #options: GuardOptions;
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #muteUntilMs = Number.NEGATIVE_INFINITY;
  #hasTold = false;
  /** Without a login. */
  #session: OnvifSession | undefined;
  #asking: Promise<void> | undefined;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** @throws PerchError otherCamera, when another one is there; when nobody is */
  confirm(): Promise<void> {
    const { endpoint, clock } = this.#options;
    const nowMs = clock.monoMs();
    if (endpoint === undefined || nowMs < this.#muteUntilMs || nowMs - this.#heardAtMs < HOLDS_MS) {
      return Promise.resolve();
    }
    this.#asking ??= this.#ask(endpoint).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** A call with its login, once it is known who gets it; after one that has failed it is asked anew. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    await this.confirm();
    try {
      const answer = await work();
      this.#heardAtMs = this.#options.clock.monoMs();
      return answer;
    } catch (error) {
      this.#heardAtMs = Number.NEGATIVE_INFINITY;
      this.#muteUntilMs = Number.NEGATIVE_INFINITY;
      throw error;
    }
  }

  async #ask(endpoint: string): Promise<void> {
    const told = await this.#told();
    if (told !== undefined && !sameEndpoint(endpoint, told)) {
      throw otherCamera(this.#options.words ?? OTHER_CAMERA);
    }
    this.#hasTold ||= told !== undefined;
    this.#heardAtMs = this.#options.clock.monoMs();
    if (!this.#hasTold) {
      this.#muteUntilMs = this.#heardAtMs + MUTE_HOLDS_MS;
    }
  }

  async #told(): Promise<string | undefined> {
    try {
      this.#session ??= await this.#open();
      return await endpointOf(this.#session);
    } catch (error) {
      // A few answer what they do not know with silence.
      const isSilence = this.#session !== undefined && !this.#hasTold && troubleOf(error) === 'timeout';
      if (isClosed(error) || isSilence) {
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
    return openSession({ url, clock, signal, callDeadlineMs: CALL_DEADLINE_MS });
  }
}

/** The session, each of whose calls goes to the camera that was meant, also when it has been idle or was interrupted. */
export const guarded = (session: OnvifSession, guard: EndpointGuard): OnvifSession => ({
  url: session.url,
  host: session.host,
  get skewMs() {
    return session.skewMs;
  },
  get isTrusted() {
    return session.isTrusted;
  },
  credentials: session.credentials,
  information: () => guard.call(() => session.information()),
  has: (service) => session.has(service),
  call: (...asked) => guard.call(() => session.call(...asked)),
  callAt: (...asked) => guard.call(() => session.callAt(...asked)),
  readClock: () => session.readClock(),
});

/** Begins to speak to the camera that was meant; another one that is at its address sees no login. @throws PerchError */
export async function openGuarded(
  target: CameraTarget & { readonly clock: Clock },
  endpoint: string | undefined,
  words?: string,
): Promise<{ readonly session: OnvifSession; readonly guard: EndpointGuard }> {
  const { url, clock, signal } = target;
  const guard = new EndpointGuard({ url, endpoint, clock, signal, words });
  return { session: await guard.call(async () => guarded(await openSession(target), guard)), guard };
}
