import type { TellBox } from '../../base/box-events.ts';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/load/load.ts';
import type { Edit, KeyPath } from '../../config/yaml/edit.ts';
import { type FoundCamera, sameEndpoint } from '../../onvif/discovery/found-camera.ts';
import type { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import { cameraOfPath, type FollowedCamera, hostOf, keyOf, planMove } from './followed-camera.ts';
import type { Asking, Verdict } from './identity.ts';
import { IdentityCheck } from './identity-check.ts';
import { NewEndpoints } from './new-endpoints.ts';
import { type Doubt, prove } from './prove.ts';
import { isInNetworkOf } from './same-network.ts';

/** A camera that was cut off for a moment is back by itself. */
const FIRST_PAUSE_MS = 2_000;
/** Whoever says Hello again and again wakes nobody more often. */
const TRY_EVERY_MS = 1_000;
/** A look takes 4 s; what is found by it is told at once. The last one goes on. */
const PAUSES_MS = [5_000, 10_000, 20_000, 40_000, 60_000, 180_000] as const;
/** All missing cameras look together, no more often than this. */
const LOOK_EVERY_MS = 5_000;
/** Who has claimed to be a camera and was not is not asked again before. */
const DOUBTED_MS = 10 * 60_000;
/** The same for one that was not shown the login because of its clock, which may be set at any time. */
const CLOCK_DOUBTED_MS = 30_000;
const MAX_DOUBTED = 256;
/** Boards of a make that all have one identity. */
const MAX_CANDIDATES = 8;
/** Cameras that are asked at the same time: a router may have given all of them new addresses. */
const LANES = 4;
export interface FollowerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: () => Config;
  readonly found: {
    find(endpoint: string): readonly FoundCamera[];
    look(): Promise<void>;
    onFound(listener: (camera: FoundCamera) => void): () => void;
  };
  readonly revise: (plan: (now: { readonly config: Config }) => readonly Edit[]) => Promise<void>;
  /** The variable of the environment that sets a key. */
  readonly variableOf: (keyPath: KeyPath) => string | undefined;
  readonly tell: TellBox;
  readonly logins: LoginMemory;
  readonly isInNetworkOf?: (oldHost: string, foundFrom: string) => boolean;
}

/** A device that says that it is a camera which is missing. */
export interface Doubted extends Doubt {
  readonly address: string;
}

interface KnownDoubt extends Doubt {
  readonly untilMs: number;
}

interface Missing {
  /** Ends its pause. */
  wake: () => void;
  isWoken: boolean;
  triedAtMs: number;
  /** Somebody was not shown the login at the last try because of the clock. */
  isClockDoubted: boolean;
  readonly ended: AbortController;
}

/** Goes after cameras whose address has changed, and sees to it that nobody else is taken for them. */
export class Follower {
  readonly #deps: FollowerDeps;
  readonly #stop = new AbortController();
  readonly #missing = new Map<string, Missing>();
  /** By camera and address. */
  readonly #doubted = new Map<string, KnownDoubt>();
  readonly #checks: IdentityCheck;
  readonly #lanes: Promise<unknown>[] = Array.from({ length: LANES }, () => Promise.resolve());
  readonly #working = new Set<Promise<void>>();
  #turn = 0;
  #looking: Promise<void> | undefined;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** The last new address could not be written down. */
  #isUnwritten = false;
  readonly #unlisten: () => void;

  constructor(deps: FollowerDeps) {
    this.#deps = deps;
    const endpoints = new NewEndpoints(deps);
    this.#checks = new IdentityCheck({
      ...deps,
      signal: this.#stop.signal,
      onNewEndpoint: (camera, endpoint) =>
        this.#work(endpoints.take(camera, endpoint), 'a new endpoint is not taken', camera.paths),
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

  /** The path's camera gives no picture. @param isOther somebody else is at its address, so it will not be back there in a moment */
  failed(path: string, isOther = false): void {
    const camera = cameraOfPath(this.#deps.config(), path);
    const key = camera && keyOf(camera);
    if (key !== undefined) {
      this.#checks.forget(key);
    }
    if (!camera?.endpoint || key === undefined || this.#stop.signal.aborted) {
      return;
    }
    if (this.#missing.has(key)) {
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
    this.#work(seeking, 'a missing camera is not looked for', [path]);
  }

  /** The path has its picture. */
  connected(path: string): void {
    const camera = cameraOfPath(this.#deps.config(), path);
    const missing = camera && this.#missing.get(keyOf(camera));
    missing?.ended.abort();
    missing?.wake();
  }

  /** Why the path's camera, which is missing, is not followed to where it was seen; undefined: it is not missing, or not seen. */
  doubtOf(path: string): Doubted | undefined {
    const camera = this.#missing.size === 0 ? undefined : cameraOfPath(this.#deps.config(), path);
    if (!camera || !this.#missing.has(keyOf(camera))) {
      return undefined;
    }
    const doubts = this.#seen(camera).flatMap(({ url }) => {
      const known = this.#doubted.get(doubtKeyOf(camera, url));
      return known ? [{ address: hostOf(url), reason: known.reason, trouble: known.trouble }] : [];
    });
    return doubts.find(({ trouble }) => trouble !== undefined) ?? doubts[0];
  }

  /** Who is at the address that the configuration names for this path. Never rejects. */
  check(path: string): Promise<Verdict> {
    const camera = cameraOfPath(this.#deps.config(), path);
    if (!camera) {
      return Promise.resolve('unknown');
    }
    return this.#checks.verdictOf(camera).catch((error: unknown): Verdict => {
      this.#deps.log.error({ paths: camera.paths, err: error }, 'it cannot be told which camera is at an address');
      return 'unknown';
    });
  }

  /** What goes on by itself, and is waited for at the end. */
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
      if (signal.aborted || !camera || keyOf(camera) !== key || (await this.#tryAll(camera, missing))) {
        return;
      }
      this.#look();
    }
  }

  /** Until its time is over, or something of it is heard. */
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

  #look(): void {
    const { clock, found, log } = this.#deps;
    if (this.#looking || clock.monoMs() - this.#lookedAtMs < LOOK_EVERY_MS) {
      return;
    }
    this.#lookedAtMs = clock.monoMs();
    this.#looking = found
      .look()
      .catch((error: unknown) => log.warn({ reason: explain(error) }, 'cannot look for cameras'))
      .finally(() => {
        this.#looking = undefined;
      });
  }

  /** @returns whether it was found and followed */
  async #tryAll(camera: FollowedCamera, missing: Missing): Promise<boolean> {
    const { signal } = missing.ended;
    const candidates = this.#seen(camera)
      .filter(({ url }) => !this.#isDoubted(camera, url))
      .slice(0, MAX_CANDIDATES);
    if (candidates.length === 0) {
      return false;
    }
    missing.triedAtMs = this.#deps.clock.monoMs();
    missing.isClockDoubted = false;
    return this.#inLane(async () => {
      // It is where it was, and has another address besides, or somebody says so.
      if ((await this.#checks.verdictOf(camera)) === 'same') {
        return false;
      }
      for (const { url } of candidates) {
        // At one of the ports of a liar, not at all of them.
        const isWanted = !signal.aborted && !this.#isDoubted(camera, url);
        if (isWanted && (await this.#tryOne(camera, url, missing))) {
          return true;
        }
      }
      return false;
    });
  }

  /** Known at other addresses than the configuration has, in the network that the camera was in. */
  #seen(camera: FollowedCamera): FoundCamera[] {
    const { found, isInNetworkOf: isNear = isInNetworkOf } = this.#deps;
    const old = hostOf(camera.onvif);
    return found
      .find(camera.endpoint ?? '')
      .filter(({ url, foundFrom }) => hostOf(url) !== old && isNear(old, foundFrom));
  }

  async #tryOne(camera: FollowedCamera, url: string, missing: Missing): Promise<boolean> {
    const { signal } = missing.ended;
    try {
      const doubt = await prove(camera, url, this.#asking(signal), this.#deps.logins);
      if (doubt !== undefined) {
        missing.isClockDoubted ||= doubt.trouble === 'clock';
        this.#doubt(camera, url, doubt);
        return false;
      }
      return signal.aborted ? false : await this.#move(camera, url);
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      // Still on its way up: it is asked again.
      this.#deps.log.debug(
        { paths: camera.paths, to: url, reason: explain(error) },
        'a missing camera does not answer yet',
      );
      return false;
    }
  }

  async #move(camera: FollowedCamera, to: string): Promise<boolean> {
    const { revise, variableOf, log, tell } = this.#deps;
    let refusal: string | undefined;
    let isWritten = false;
    try {
      await revise(({ config }) => {
        const plan = planMove(config, camera, to, variableOf);
        refusal = plan.refusal;
        isWritten = plan.edits.length > 0;
        return plan.edits;
      });
    } catch (error) {
      this.#unwritten(camera, to, error);
      return false;
    }
    this.#isUnwritten = false;
    const [from, at] = [hostOf(camera.onvif), hostOf(to)];
    if (refusal !== undefined) {
      this.#doubt(camera, to, { reason: refusal });
      return false;
    }
    if (isWritten) {
      log.info({ paths: camera.paths, from, to: at }, 'camera has another address, and is followed there');
      for (const path of camera.paths) {
        tell('camera', { state: 'moved', path, from, to: at });
      }
    }
    return isWritten;
  }

  /** Told once; it is tried again, for the file may be put in order at any time. */
  #unwritten(camera: FollowedCamera, url: string, error: unknown): void {
    if (!(error instanceof PerchError)) {
      throw error;
    }
    if (!this.#isUnwritten) {
      this.#tellElsewhere(camera, url, explain(error), 'a camera has another address, which cannot be written down');
    }
    this.#isUnwritten = true;
  }

  /** Told once, and not tried again for a while. */
  #doubt(camera: FollowedCamera, url: string, doubt: Doubt): void {
    const { clock } = this.#deps;
    const name = doubtKeyOf(camera, url);
    const known = this.#doubted.get(name);
    const isNews = known === undefined || known.trouble !== doubt.trouble;
    const forMs = doubt.trouble === 'clock' ? CLOCK_DOUBTED_MS : DOUBTED_MS;
    this.#doubted.delete(name);
    this.#doubted.set(name, { ...doubt, untilMs: clock.monoMs() + forMs });
    for (const oldest of this.#doubted.keys()) {
      if (this.#doubted.size <= MAX_DOUBTED) {
        break;
      }
      this.#doubted.delete(oldest);
    }
    if (isNews) {
      this.#tellElsewhere(camera, url, doubt.reason, 'a device says that it is this camera, and is not followed');
    }
  }

  #tellElsewhere(camera: FollowedCamera, url: string, reason: string, phrase: string): void {
    const { log, tell } = this.#deps;
    const to = hostOf(url);
    log.warn({ paths: camera.paths, to, reason }, phrase);
    for (const path of camera.paths) {
      tell('camera', { state: 'elsewhere', path, from: hostOf(camera.onvif), to, reason });
    }
  }

  #isDoubted(camera: FollowedCamera, url: string): boolean {
    return (this.#doubted.get(doubtKeyOf(camera, url))?.untilMs ?? 0) > this.#deps.clock.monoMs();
  }

  #asking(signal: AbortSignal): Asking {
    const { clock, logins } = this.#deps;
    return { signal, clock, logins };
  }

  #inLane<T>(work: () => Promise<T>): Promise<T> {
    const i = this.#turn++ % LANES;
    const done = (this.#lanes[i] ?? Promise.resolve()).then(work);
    this.#lanes[i] = done.catch(() => {});
    return done;
  }
}

const doubtKeyOf = (camera: FollowedCamera, url: string): string => `${keyOf(camera)} ${hostOf(url)}`;
