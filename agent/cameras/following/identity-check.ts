import { putBounded } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { ignoreExpected } from '../../base/errors.ts';
import type { Config } from '../../config/load/load.ts';
import { type FoundCamera, sameEndpoint } from '../../onvif/discovery/found-camera.ts';
import { isNoReply } from '../../onvif/soap/http/failures.ts';
import type { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import { cameraKey, type FollowedCamera, hostOf, isEndpointOfOthers } from './followed-camera.ts';
import {
  compareIdentity,
  type Identity,
  type IdentityQuery,
  readAnonymously,
  readSerial,
  type Verdict,
} from './identity.ts';

/** Pause before the camera's login is sent again to a device with another endpoint that rejected it. */
const REFUSED_MS = 5 * 60_000;
/** Shorter pause if the device did not answer: cameras are slow while they start. */
const UNANSWERED_MS = 30_000;
const CHECK_DEADLINE_MS = 1_500;
/** Time limit of a call before a service counts as ended although its host answers: the camera may be slow. */
const ENDED_DEADLINE_MS = 10_000;
/** How long a result holds, so that it serves all streams of a camera that connect together. */
const CHECK_HOLDS_MS = 2_000;

interface IdentityCheckDeps {
  readonly clock: Clock;
  readonly config: () => Config;
  readonly found: { find(endpoint: string): readonly FoundCamera[] };
  readonly logins: LoginMemory;
  readonly signal: AbortSignal;
  /** A camera at its own address has a new endpoint and the configured serial number. */
  readonly onNewEndpoint: (camera: FollowedCamera, endpoint: string) => void;
}

interface Check {
  readonly verdict: Promise<Verdict>;
  readonly beganMs: number;
}

/** Identifies the device at a camera's configured address. */
export class IdentityCheck {
  readonly #deps: IdentityCheckDeps;
  readonly #checks = new Map<string, Check>();
  /** By camera: until when a device with another endpoint gets no login. */
  readonly #refused = new Map<string, number>();

  constructor(deps: IdentityCheckDeps) {
    this.#deps = deps;
  }

  /** Rejects only for bugs. */
  verdictOf(camera: FollowedCamera): Promise<Verdict> {
    const nowMs = this.#deps.clock.monoMs();
    for (const [key, { beganMs }] of this.#checks) {
      if (nowMs - beganMs >= CHECK_HOLDS_MS) {
        this.#checks.delete(key);
      }
    }
    const key = cameraKey(camera);
    const known = this.#checks.get(key);
    if (known) {
      return known.verdict;
    }
    const check = { verdict: this.#ask(camera).catch(toUnknown), beganMs: nowMs };
    this.#checks.set(key, check);
    // A silent device may answer in a moment.
    const forget = (is?: Verdict) => is === 'silent' && this.#checks.get(key) === check && this.#checks.delete(key);
    void check.verdict.then(forget, () => forget('silent'));
    return check.verdict;
  }

  /** Whether the service at the configured address has ended, also for a slow camera. */
  async hasEnded(camera: FollowedCamera): Promise<boolean> {
    try {
      await readAnonymously(camera.onvif, { ...this.#query, callDeadlineMs: ENDED_DEADLINE_MS }, false);
      return false;
    } catch (error) {
      return toUnknown(error) === 'silent';
    }
  }

  /** The device at the address may have changed. */
  forget(key: string): void {
    this.#checks.delete(key);
  }

  async #ask(camera: FollowedCamera): Promise<Verdict> {
    const { endpoint, serial } = camera;
    const open = await readAnonymously(camera.onvif, this.#query, false);
    const isSaid = endpoint !== undefined && open.endpoint !== undefined;
    const isSame = isSaid && sameEndpoint(endpoint, open.endpoint);
    const isStranger = isSaid && !isSame;
    const isElsewhere = isStranger && this.#isElsewhere(camera, open.endpoint);
    const isEnough = isSame && !isEndpointOfOthers(this.#deps.config(), endpoint, cameraKey(camera));
    // No login for a known other camera: it would count as a wrong one there.
    const needsLogin = serial !== undefined && !isEnough && !isElsewhere && !(isStranger && this.#isRefused(camera));
    const read: Identity = needsLogin ? { ...open, serial: await this.#serialOf(camera, isStranger) } : open;
    const verdict = compareIdentity({ endpoint, serial }, read, isElsewhere);
    if (isStranger && verdict === 'same' && open.endpoint !== undefined) {
      this.#refused.delete(cameraKey(camera));
      this.#deps.onNewEndpoint(camera, open.endpoint);
    }
    return verdict;
  }

  async #serialOf(camera: FollowedCamera, isStranger: boolean): Promise<string | undefined> {
    const { clearPassword = false, user, password, onvif } = camera;
    const refuseFor = (ms: number): void => {
      if (isStranger) {
        putBounded(this.#refused, cameraKey(camera), this.#deps.clock.monoMs() + ms, 1024);
      }
    };
    refuseFor(REFUSED_MS);
    try {
      return await readSerial(onvif, { user, password }, clearPassword, this.#query);
    } catch (error) {
      if (isNoReply(error)) {
        refuseFor(UNANSWERED_MS);
      }
      return ignoreExpected(error);
    }
  }

  #isRefused(camera: FollowedCamera): boolean {
    return (this.#refused.get(cameraKey(camera)) ?? 0) > this.#deps.clock.monoMs();
  }

  get #query(): IdentityQuery {
    const { clock, logins, signal } = this.#deps;
    return { clock, logins, signal, callDeadlineMs: CHECK_DEADLINE_MS };
  }

  #isElsewhere(camera: FollowedCamera, endpoint: string | undefined): boolean {
    return (
      isEndpointOfOthers(this.#deps.config(), endpoint, cameraKey(camera)) ||
      this.#deps.found.find(camera.endpoint ?? '').some(({ url }) => hostOf(url) !== hostOf(camera.onvif))
    );
  }
}

function toUnknown(error: unknown): Verdict {
  ignoreExpected(error);
  return isNoReply(error) ? 'silent' : 'unknown';
}
