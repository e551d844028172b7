import { putBounded } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { ConcurrencyLimit } from '../../base/concurrency-limit.ts';
import { explain, ignoreExpected } from '../../base/errors.ts';
import type { PublishEvent } from '../../base/event-bus.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/load/load.ts';
import type { KeyPath } from '../../config/yaml/edit.ts';
import { getStreamUri, ownProfile } from '../../onvif/device/media.ts';
import { candidatePorts, repairStreamUri } from '../../onvif/device/media-uri.ts';
import { type FoundCamera, sameEndpoint } from '../../onvif/discovery/found-camera.ts';
import { isInNetworkOf } from '../../onvif/discovery/interfaces.ts';
import { isNoReply } from '../../onvif/soap/http/failures.ts';
import { httpOriginOf } from '../../onvif/soap/http/origin.ts';
import type { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import { speaksRtsp } from '../../sources/rtsp/probe.ts';
import {
  cameraKey,
  cameraOfPath,
  type FollowedCamera,
  hostOf,
  isElsewhere,
  isSameHost,
  type MovePlan,
  namesOf,
  planMove,
  type Revise,
  revisePlan,
  streamPortOf,
} from './followed-camera.ts';
import { type IdentityMismatch, type IdentityQuery, openUnverified, type Verdict, verifyIdentity } from './identity.ts';
import { IdentityCheck } from './identity-check.ts';
import { NewEndpoints } from './new-endpoints.ts';

/** Time limits of the question whether a port has streams. */
const RTSP_TIMES = { connectMs: 2_000, answerMs: 10_000 };
/** Pause before the first search: a camera that was cut off for a moment returns by itself. */
const FIRST_PAUSE_MS = 2_000;
/** Minimum time between two tries, so that repeated Hellos do not cause more. */
const TRY_EVERY_MS = 1_000;
/** A scan takes 4 s and reports at once. The last pause repeats. */
const PAUSES_MS = [5_000, 10_000, 20_000, 40_000, 60_000, 180_000] as const;
/** Minimum time between two scans, which all missing cameras share. */
const SCAN_EVERY_MS = 5_000;
/** Pause for a device that claimed to be the camera and was not. */
const DOUBTED_MS = 10 * 60_000;
/** Shorter pause after a doubtful clock, which may be set at any time. */
const CLOCK_DOUBTED_MS = 30_000;

export interface FollowerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: () => Config;
  readonly found: {
    find(endpoint: string): readonly FoundCamera[];
    scan(): Promise<void>;
    onFound(listener: (camera: FoundCamera) => void): () => void;
  };
  readonly revise: Revise;
  readonly variableOf: (keyPath: KeyPath) => string | undefined;
  readonly publish: PublishEvent;
  readonly logins: LoginMemory;
  readonly isInNetworkOf?: (oldHost: string, foundFrom: string) => boolean;
  readonly streamFailed?: ((path: string, cause: unknown) => void) | undefined;
}

/** A device that claims to be the missing camera. */
export interface MismatchedDevice extends IdentityMismatch {
  readonly address: string;
}

interface KnownMismatch extends IdentityMismatch {
  readonly untilMs: number;
}

interface Missing {
  wake: () => void;
  isWoken: boolean;
  triedAtMs: number;
  /** At the last try a login was withheld because of the clock. */
  isClockDoubted: boolean;
  readonly ended: AbortController;
}

/** Finds cameras whose address has changed, and makes sure that no other device is taken for them. */
export class Follower {
  readonly #deps: FollowerDeps;
  readonly #stop = new AbortController();
  readonly #missing = new Map<string, Missing>();
  readonly #doubted = new Map<string, KnownMismatch>();
  readonly #checks: IdentityCheck;
  /** A router may have given all cameras new addresses. */
  readonly #limit = new ConcurrencyLimit(4, Number.POSITIVE_INFINITY, 'cameras');
  readonly #working = new Set<Promise<void>>();
  #scanning: Promise<void> | undefined;
  #scannedAtMs = Number.NEGATIVE_INFINITY;
  /** The last new address could not be saved. */
  #isUnwritten = false;
  readonly #unlisten: () => void;

  constructor(deps: FollowerDeps) {
    this.#deps = deps;
    const endpoints = new NewEndpoints(deps);
    this.#checks = new IdentityCheck({
      ...deps,
      signal: this.#stop.signal,
      onNewEndpoint: (camera, endpoint) =>
        this.#work(endpoints.take(camera, endpoint), 'saving a new endpoint failed', camera.paths),
    });
    this.#unlisten = deps.found.onFound(({ endpoint }) => this.#wake(endpoint));
  }

  async close(): Promise<void> {
    this.#unlisten();
    this.#stop.abort();
    for (const missing of this.#missing.values()) {
      missing.ended.abort();
      missing.wake();
    }
    await Promise.all(this.#working);
  }

  /** The path's camera has no stream. @param isOther another device is at its address, so no short pause */
  failed(path: string, isOther = false, cause?: unknown): void {
    this.#deps.streamFailed?.(path, cause);
    const camera = cameraOfPath(this.#deps.config(), path);
    const key = camera && cameraKey(camera);
    if (key !== undefined) {
      this.#checks.forget(key);
    }
    if (!camera?.endpoint || key === undefined || this.#stop.signal.aborted || this.#missing.has(key)) {
      return;
    }
    const missing: Missing = {
      wake: () => {},
      isWoken: false,
      triedAtMs: Number.NEGATIVE_INFINITY,
      isClockDoubted: false,
      ended: new AbortController(),
    };
    this.#missing.set(key, missing);
    const seeking = this.#seek(path, key, missing, isOther ? 0 : FIRST_PAUSE_MS).finally(() => {
      this.#missing.delete(key);
    });
    this.#work(seeking, 'searching for a missing camera failed', [path]);
  }

  connected(path: string): void {
    const camera = cameraOfPath(this.#deps.config(), path);
    const missing = camera && this.#missing.get(cameraKey(camera));
    missing?.ended.abort();
    missing?.wake();
  }

  /** Why the missing camera of a path is not followed to where it was seen, or undefined if it is not missing or was not seen. */
  mismatchOf(path: string): MismatchedDevice | undefined {
    const camera = this.#missing.size === 0 ? undefined : cameraOfPath(this.#deps.config(), path);
    if (!camera || !this.#missing.has(cameraKey(camera))) {
      return undefined;
    }
    const doubts = this.#seen(camera).flatMap(({ url }) => {
      const known = this.#doubted.get(doubtKeyOf(camera, url));
      return known ? [{ address: namesOf(camera.onvif, url)[1], reason: known.reason, trouble: known.trouble }] : [];
    });
    return doubts.find(({ trouble }) => trouble !== undefined) ?? doubts[0];
  }

  check(path: string): Promise<Verdict> {
    const camera = cameraOfPath(this.#deps.config(), path);
    if (!camera) {
      return Promise.resolve('unknown');
    }
    return this.#checks.verdictOf(camera).catch((error: unknown): Verdict => {
      this.#deps.log.error({ paths: camera.paths, err: error }, 'checking the identity of a camera failed');
      return 'unknown';
    });
  }

  /** Background work, awaited by `close`. */
  #work(going: Promise<void>, phrase: string, paths: readonly string[]): void {
    const ended = going
      .catch((error: unknown) => this.#deps.log.error({ paths, err: error }, phrase))
      .finally(() => this.#working.delete(ended));
    this.#working.add(ended);
  }

  #wake(endpoint: string): void {
    for (const [key, missing] of this.#missing) {
      const [missed] = JSON.parse(key) as [string | null];
      if (missed !== null && sameEndpoint(missed, endpoint)) {
        missing.isWoken = true;
        missing.wake();
      }
    }
  }

  async #seek(path: string, key: string, missing: Missing, firstPauseMs: number): Promise<void> {
    const { signal } = missing.ended;
    for (let i = -1; ; i += 1) {
      const pauseMs = i < 0 ? firstPauseMs : (PAUSES_MS[Math.min(i, PAUSES_MS.length - 1)] ?? 0);
      await this.#pause(missing, missing.isClockDoubted ? Math.min(pauseMs, CLOCK_DOUBTED_MS) : pauseMs);
      const camera = cameraOfPath(this.#deps.config(), path);
      if (signal.aborted || !camera || cameraKey(camera) !== key || (await this.#tryAll(camera, missing))) {
        return;
      }
      this.#scan();
    }
  }

  /** Ends early if the camera is found. */
  async #pause(missing: Missing, pauseMs: number): Promise<void> {
    const { clock } = this.#deps;
    if (!missing.isWoken && !missing.ended.signal.aborted) {
      const woken = new AbortController();
      missing.wake = () => woken.abort();
      await clock.sleep(pauseMs, woken.signal);
    }
    missing.wake = () => {};
    const tooSoonMs = missing.triedAtMs + TRY_EVERY_MS - clock.monoMs();
    if (tooSoonMs > 0) {
      await clock.sleep(tooSoonMs, missing.ended.signal);
    }
    missing.isWoken = false;
  }

  #scan(): void {
    const { clock, found, log } = this.#deps;
    if (this.#scanning || clock.monoMs() - this.#scannedAtMs < SCAN_EVERY_MS) {
      return;
    }
    this.#scannedAtMs = clock.monoMs();
    this.#scanning = found
      .scan()
      .catch((error: unknown) => log.warn({ reason: explain(error) }, 'searching for cameras failed'))
      .finally(() => {
        this.#scanning = undefined;
      });
  }

  async #tryAll(camera: FollowedCamera, missing: Missing): Promise<boolean> {
    const { signal } = missing.ended;
    const candidates = this.#seen(camera)
      .filter(({ url }) => !this.#isDoubted(camera, url))
      // Boards of one make may share an identity.
      .slice(0, 8);
    if (candidates.length === 0) {
      return false;
    }
    missing.triedAtMs = this.#deps.clock.monoMs();
    missing.isClockDoubted = false;
    return this.#limit.run(async () => {
      // The camera is at its old address, and has a second one, or the claim is false.
      const verdict = await this.#checks.verdictOf(camera);
      if (verdict === 'same') {
        return false;
      }
      let ended: Promise<boolean> | undefined;
      const hasEnded = async () => {
        ended ??= verdict === 'silent' ? this.#checks.hasEnded(camera) : Promise.resolve(verdict === 'other');
        return ended;
      };
      for (const { url } of candidates) {
        // A device that turned out to be another one is tried at one port, not at all of them.
        const isWanted =
          !signal.aborted && !this.#isDoubted(camera, url) && (!isSameHost(url, camera.onvif) || (await hasEnded()));
        if (isWanted && (await this.#tryOne(camera, url, missing))) {
          return true;
        }
      }
      return false;
    });
  }

  /** Known services other than the configured one, in the camera's network. */
  #seen(camera: FollowedCamera): FoundCamera[] {
    const { found, isInNetworkOf: isNear = isInNetworkOf } = this.#deps;
    const old = hostOf(camera.onvif);
    return found
      .find(camera.endpoint ?? '')
      .filter(({ url, foundFrom }) => isElsewhere(camera, url) && isNear(old, foundFrom));
  }

  async #tryOne(camera: FollowedCamera, url: string, missing: Missing): Promise<boolean> {
    const { clock, logins } = this.#deps;
    const { signal } = missing.ended;
    try {
      const doubt = await verifyIdentity(camera, url, { signal, clock, logins });
      if (doubt !== undefined) {
        missing.isClockDoubted ||= doubt.trouble === 'clock';
        this.#doubt(camera, url, doubt);
        return false;
      }
      const streamPort = await this.#newStreamPort(camera, url, signal);
      return signal.aborted ? false : await this.#move(camera, url, streamPort);
    } catch (error) {
      ignoreExpected(error);
      // It may still be starting, and is tried again.
      const facts = { paths: camera.paths, to: url, reason: explain(error) };
      this.#deps.log.debug(facts, 'missing camera does not answer yet');
      return false;
    }
  }

  /** Undefined if the port that is known still speaks RTSP. At another host the ports are those that the camera had. */
  async #newStreamPort(camera: FollowedCamera, url: string, signal: AbortSignal): Promise<number | undefined> {
    const { clock, logins, config } = this.#deps;
    const host = hostOf(url);
    const isStreamPort = (port: number) =>
      speaksRtsp(`rtsp://${host.includes(':') ? `[${host}]` : host}:${port}/`, clock, RTSP_TIMES, signal);
    const known = isSameHost(url, camera.onvif) ? streamPortOf(config(), camera) : undefined;
    if (known === undefined || (await isStreamPort(known))) {
      return undefined;
    }
    const port = await readStreamPort(camera, url, { signal, clock, logins });
    return port !== undefined && (await isStreamPort(port)) ? port : undefined;
  }

  async #move(camera: FollowedCamera, to: string, streamPort: number | undefined): Promise<boolean> {
    const { revise, variableOf, log, publish } = this.#deps;
    let plan: MovePlan;
    try {
      plan = await revisePlan(revise, (config) => planMove(config, camera, to, variableOf, streamPort));
    } catch (error) {
      this.#unwritten(camera, to, error);
      return false;
    }
    this.#isUnwritten = false;
    if (plan.refusal !== undefined) {
      this.#doubt(camera, to, { reason: plan.refusal });
      return false;
    }
    if (plan.edits.length === 0) {
      return false;
    }
    const [from, at] = namesOf(camera.onvif, to);
    log.info({ paths: camera.paths, from, to: at }, 'camera has a new address, following');
    for (const path of camera.paths) {
      publish('camera', { state: 'moved', path, from, to: at });
    }
    return true;
  }

  /** Notes that a new address could not be saved. Logged once, and retried, because the file may become writable at any time. */
  #unwritten(camera: FollowedCamera, url: string, error: unknown): void {
    ignoreExpected(error);
    if (!this.#isUnwritten) {
      this.#publishElsewhere(camera, url, explain(error), 'new address of a camera cannot be saved');
    }
    this.#isUnwritten = true;
  }

  /** Notes a device that is not the camera. Logged once, and not tried again for a while. */
  #doubt(camera: FollowedCamera, url: string, doubt: IdentityMismatch): void {
    const { clock } = this.#deps;
    const name = doubtKeyOf(camera, url);
    const known = this.#doubted.get(name);
    const isNews = known === undefined || known.trouble !== doubt.trouble;
    const forMs = doubt.trouble === 'clock' ? CLOCK_DOUBTED_MS : DOUBTED_MS;
    putBounded(this.#doubted, name, { ...doubt, untilMs: clock.monoMs() + forMs }, 256);
    if (isNews) {
      this.#publishElsewhere(camera, url, doubt.reason, 'device claims to be this camera, not followed');
    }
  }

  #publishElsewhere(camera: FollowedCamera, url: string, reason: string, phrase: string): void {
    const { log, publish } = this.#deps;
    const [from, to] = namesOf(camera.onvif, url);
    log.warn({ paths: camera.paths, to, reason }, phrase);
    for (const path of camera.paths) {
      publish('camera', { state: 'elsewhere', path, from, to, reason });
    }
  }

  #isDoubted(camera: FollowedCamera, url: string): boolean {
    return (this.#doubted.get(doubtKeyOf(camera, url))?.untilMs ?? 0) > this.#deps.clock.monoMs();
  }
}

const doubtKeyOf = (camera: FollowedCamera, url: string): string => `${cameraKey(camera)} ${hostOf(url)}`;

/**
 * The port of the camera's streams, as its service says.
 * @returns undefined if it does not say
 * @throws PerchError if it does not answer
 */
async function readStreamPort(camera: FollowedCamera, url: string, query: IdentityQuery): Promise<number | undefined> {
  try {
    const session = await openUnverified(camera, url, query);
    const uri = await getStreamUri(session, await ownProfile(session, camera.profile));
    const webPort = httpOriginOf(session.url).port;
    return candidatePorts(repairStreamUri(uri, session.host), { rtsp: [], http: [] }, webPort)[0];
  } catch (error) {
    if (isNoReply(error)) {
      throw error;
    }
    return ignoreExpected(error);
  }
}
