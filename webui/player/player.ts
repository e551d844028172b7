import { onRetryNow, sleep } from '../shell/sleep.ts';
import type { Fallbacks } from './fallbacks.ts';
import type { Codec } from './session/codecs.ts';
import { GONE, type LiveSession, PlayError, type SessionFacts, type Technology } from './session/live-session.ts';
import type { Source } from './session/source.ts';
import { openWhep } from './session/whep.ts';
import { isFinal, isWorthTrying, planTechnologies, type SkippedTechnology } from './technologies.ts';
import { VideoSurface } from './video-surface.ts';

const FIRST_MS = 2_000;

/** Retry delay: 2 s, growing to 10 s. */
export class Backoff {
  #nextMs = FIRST_MS;

  take(): number {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(10_000, ms * 1.5);
    return ms;
  }

  /** A frame was received. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}

/** Limits how many connections open at the same time. The others wait in order. */
export class ConcurrencyLimit {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  /** @returns releases the slot; further calls do nothing */
  async enter(): Promise<() => void> {
    if (this.#free > 0) {
      this.#free -= 1;
    } else {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    let isGiven = false;
    return () => {
      if (isGiven) {
        return;
      }
      isGiven = true;
      const next = this.#waiting.shift();
      if (next) {
        next();
      } else {
        this.#free += 1;
      }
    };
  }
}

export interface PlayerView {
  readonly phase: 'stopped' | 'starting' | 'playing' | 'waiting' | 'unplayable';
  /** Technology in use. */
  readonly technology?: Technology;
  /** Reason of the failure, from the box or the player. */
  readonly reason?: string;
  /** Codec that this browser cannot decode. */
  readonly codec?: Codec;
  /** Skipped technologies with reasons. */
  readonly passed: readonly SkippedTechnology[];
}

interface PlayerOptions {
  readonly source: Source;
  /** Players of the same camera share the still. */
  readonly camera: string;
  /** Read before each attempt. */
  readonly technologies: readonly Technology[];
  /** Requests audio; `muted` of the video decides whether it is heard. */
  readonly wantsSound: boolean;
  /** Loaded when WebRTC fails. */
  readonly loadFallbacks: () => Promise<Fallbacks>;
  onView(view: PlayerView): void;
  onFailure?(failure: PlayError): void;
  readonly known?: KnownState;
}

/** What is known about the path before an attempt. Read often. */
interface KnownState {
  /** An attempt would fail as before. */
  isHopeless(): boolean;
  /** The box does not answer. */
  isAway(): boolean;
  /** The box has rejected WebRTC for this path and browser. */
  noteUnsupported(): void;
}

/** After this long without a frame the connection is reopened: the machine slept, or the network changed. */
const MAX_SILENCE_MS = 10_000;
const SILENT = `nothing came for ${MAX_SILENCE_MS / 1000} s`;
const AFTER_WAKE_MS = 3_000;
const POLL_MS = 2_000;
/** After this long without a frame the box is asked for the session: ICE notices a server that was killed after ten seconds. */
const STILL_MS = 1_500;
const LOOK_MS = 500;
/** The camera's codec may change. */
const UNPLAYABLE_MS = 30_000;

const gate = new ConcurrencyLimit(4);

/** WebRTC failed because of the network: other players skip it for a while. */
let webRtcBlockedUntilMs = 0;
const BLOCKED_MS = 5 * 60_000;

/** Plays a path live over WebRTC, else MSE, else HLS, and reconnects until it is stopped. */
export class Player {
  readonly surface: VideoSurface;
  readonly #options: PlayerOptions;
  readonly #backoff = new Backoff();
  #view: PlayerView = { phase: 'stopped', passed: [] };
  #run: AbortController | undefined;
  #session: LiveSession | undefined;
  /** Audio that WebRTC cannot carry is requested. */
  #needsSound = false;
  /** The next attempt does not wait. */
  #opensAtOnce = false;

  constructor(options: PlayerOptions) {
    this.#options = options;
    this.surface = new VideoSurface(options.camera, () => this.#onFirstFrame());
    this.surface.video.addEventListener('volumechange', () => this.#onVolume());
  }

  get view(): PlayerView {
    return this.#view;
  }

  start(): void {
    if (!this.#run) {
      this.#run = new AbortController();
      this.#loop(this.#run.signal);
    }
  }

  stop(): void {
    this.#run?.abort();
    this.#run = undefined;
    this.#closeSession();
    // The age of the still is unknown.
    this.surface.lastFrameMs = 0;
    this.#show({ phase: 'stopped', passed: [] });
  }

  async facts(): Promise<SessionFacts & { readonly width: number; readonly height: number; readonly dropped: number }> {
    const { video } = this.surface;
    const facts = await this.#session?.facts();
    const dropped = video.getVideoPlaybackQuality?.().droppedVideoFrames ?? 0;
    return { ...facts, width: video.videoWidth, height: video.videoHeight, dropped };
  }

  #show(view: PlayerView): void {
    this.#view = view;
    this.#options.onView(view);
  }

  get #isHeard(): boolean {
    const { muted, volume } = this.surface.video;
    return !muted && volume > 0;
  }

  /** Changes to a technology that carries audio while it is wanted, and back. */
  #onVolume(): void {
    const technology = this.#session?.technology;
    const wasNeeded = this.#needsSound;
    this.#needsSound = this.#isHeard && (wasNeeded || this.#session?.lacksSound === true);
    const moves = this.#needsSound ? technology === 'WebRTC' : technology !== 'WebRTC';
    if (this.#needsSound !== wasNeeded && technology !== undefined && moves) {
      this.#opensAtOnce = true;
      this.#closeSession();
    }
  }

  async #loop(stop: AbortSignal): Promise<void> {
    const { known } = this.#options;
    while (!stop.aborted) {
      const isHopeless = known?.isHopeless();
      if (isHopeless) {
        this.#show({ ...this.#view, phase: 'unplayable' });
      }
      if (isHopeless || known?.isAway()) {
        await sleep(POLL_MS, stop);
        continue;
      }
      try {
        await this.#playOnce(stop);
      } catch (error) {
        if (stop.aborted) {
          return;
        }
        this.#onFailed(error);
      }
      if (!stop.aborted) {
        await sleep(this.#opensAtOnce ? 0 : this.#waitMs, stop);
        this.#opensAtOnce = false;
      }
    }
  }

  get #waitMs(): number {
    const isLong = this.#view.phase === 'unplayable' && this.#options.known === undefined;
    return isLong ? UNPLAYABLE_MS : this.#backoff.take();
  }

  async #playOnce(stop: AbortSignal): Promise<void> {
    const leave = await gate.enter();
    let session: LiveSession;
    try {
      if (stop.aborted) {
        return;
      }
      this.#show({ ...this.#view, phase: this.surface.lastFrameMs > 0 ? 'waiting' : 'starting' });
      session = await this.#open(stop);
    } finally {
      leave();
    }
    if (stop.aborted) {
      session.close();
      return;
    }
    this.#session = session;
    if (session.soundAlone) {
      this.surface.listen(session.soundAlone);
    }
    // Audio may have been turned on meanwhile.
    this.#onVolume();
    const reason = await Promise.race([session.ended, this.#silence(session, stop)]);
    if (reason === SILENT && session.technology === 'WebRTC' && this.#view.phase !== 'playing') {
      // Connected, but no frame was received.
      webRtcBlockedUntilMs = Date.now() + BLOCKED_MS;
    }
    if (!stop.aborted) {
      this.#opensAtOnce ||= reason === GONE;
      this.#closeSession();
      this.#show({ phase: 'waiting', reason, passed: this.#view.passed });
    }
  }

  async #open(stop: AbortSignal): Promise<LiveSession> {
    const { technologies, source, known } = this.#options;
    const isWebRtcBlocked = Date.now() < webRtcBlockedUntilMs;
    const plan = planTechnologies({ wanted: technologies, source, isWebRtcBlocked, needsSound: this.#needsSound });
    const failures = new Map<Technology, PlayError>();
    for (const technology of plan.order) {
      if (!isWorthTrying(technology, failures)) {
        continue;
      }
      const session = await this.#openBy(technology, stop).catch((error: unknown) => asFailure(error));
      const passed = [...plan.passed.filter((one) => one.technology !== technology), ...passedOf(failures)];
      if (!(session instanceof PlayError)) {
        this.#show({ ...this.#view, technology, passed });
        return session;
      }
      failures.set(technology, session);
      if (stop.aborted) {
        throw session;
      }
      this.surface.end();
      this.#show({ phase: this.#view.phase, passed: [...plan.passed, ...passedOf(failures)] });
      if (isFinal(session) || known?.isAway()) {
        throw mainFailure(failures);
      }
      if (technology === 'WebRTC' && session.kind === 'codec') {
        known?.noteUnsupported();
      } else if (technology === 'WebRTC') {
        webRtcBlockedUntilMs = Date.now() + BLOCKED_MS;
      }
    }
    // All have failed: the next attempt uses the usual order.
    webRtcBlockedUntilMs = 0;
    throw mainFailure(failures);
  }

  async #openBy(technology: Technology, signal: AbortSignal): Promise<LiveSession> {
    const { source, wantsSound, loadFallbacks, known } = this.#options;
    const { video } = this.surface;
    // Known rejections were skipped.
    const options = { source, wantsSound, signal, asksFirst: !known };
    this.surface.begin();
    if (technology === 'WebRTC') {
      return openWhep(video, options);
    }
    const others = await loadFallbacks();
    signal.throwIfAborted();
    return others[technology](video, options);
  }

  /** Resolves when no frame was received for too long on a visible page. */
  async #silence(session: LiveSession, stop: AbortSignal): Promise<string> {
    let isOver = false;
    let soundedMs = Date.now();
    let askedMs = 0;
    session.ended.then(() => {
      isOver = true;
    });
    // Time while hidden does not count: such a page gets no frames.
    const forget = onRetryNow(() => {
      soundedMs = Date.now() - MAX_SILENCE_MS + AFTER_WAKE_MS;
    });
    while (!isOver && !stop.aborted) {
      await sleep(LOOK_MS, stop);
      if (document.visibilityState !== 'visible' || this.surface.video.paused) {
        soundedMs = Date.now();
      }
      const nowMs = Date.now();
      const silentMs = nowMs - Math.max(soundedMs, this.surface.lastFrameMs);
      if (silentMs > MAX_SILENCE_MS) {
        break;
      }
      if (silentMs > STILL_MS && this.#view.phase === 'playing' && nowMs - askedMs > POLL_MS) {
        askedMs = nowMs;
        void session.check?.();
      }
    }
    forget();
    return SILENT;
  }

  #onFirstFrame(): void {
    this.#backoff.reset();
    const { technology, passed } = this.#view;
    this.#show({ phase: 'playing', passed, ...(technology === undefined ? {} : { technology }) });
  }

  #onFailed(error: unknown): void {
    this.#closeSession();
    const failure = asFailure(error);
    this.#options.onFailure?.(failure);
    const { kind, message: reason, codec } = failure;
    this.#show({
      phase: kind === 'codec' ? 'unplayable' : 'waiting',
      reason,
      passed: this.#view.passed,
      ...(codec === undefined ? {} : { codec }),
    });
  }

  #closeSession(): void {
    this.surface.end();
    this.#session?.close();
    this.#session = undefined;
  }
}

const asFailure = (error: unknown): PlayError =>
  error instanceof PlayError
    ? error
    : new PlayError('transport', error instanceof Error ? error.message : String(error));

const passedOf = (failures: ReadonlyMap<Technology, PlayError>): SkippedTechnology[] =>
  [...failures].map(([technology, { kind, message }]) => ({ technology, kind, reason: message }));

/** "Cannot decode" is the most useful message, then the last one other than a transport failure. */
function mainFailure(failures: ReadonlyMap<Technology, PlayError>): PlayError {
  const all = [...failures.values()];
  return (
    all.find(({ kind, codec }) => kind === 'codec' && codec !== undefined) ??
    all.find(({ kind }) => kind === 'codec') ??
    all.at(-1) ??
    new PlayError('transport', 'no way to play is served here')
  );
}
