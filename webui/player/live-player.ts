import { signal } from '@preact/signals';
import { paths } from '../box/paths.ts';
import { loadSession } from '../box/session.ts';
import { onWake, pause } from '../box/wake.ts';
import { Backoff } from './backoff.ts';
import { openHls } from './hls.ts';
import { type LiveSession, PlayError, type SessionFacts, type Technology } from './live-session.ts';
import { Stage } from './stage.ts';
import { StartGate } from './start-gate.ts';
import { isUnplayable, rememberUnplayable } from './unplayable.ts';
import { openWhep } from './whep.ts';

/** What the page shows of a player. */
export interface PlayerView {
  readonly phase: 'stopped' | 'starting' | 'playing' | 'waiting' | 'unplayable';
  /** Which way the pictures come. */
  readonly technology?: Technology;
  /** Why there is none, in the box's or the player's words. */
  readonly reason?: string;
}

export interface LivePlayerOptions {
  /** The path that is played. */
  readonly name: string;
  /** Whose picture it is: main and small picture of a camera share the still. */
  readonly camera: string;
  /** Offers to take sound; whether it is heard, `setSound` says. */
  readonly wantsSound: boolean;
}

/** Without a frame for so long a connection is opened anew: the device slept, or the network changed. */
const SILENCE_LIMIT_MS = 10_000;
const AFTER_WAKE_MS = 3_000;
const LOOK_MS = 2_000;
const OPENING_LIMIT = 4;

const gate = new StartGate(OPENING_LIMIT);

/** What failed for one tile because of the network fails for all: the others need not wait for it, for a while. */
let webRtcBlockedUntilMs = 0;
const BLOCKED_MS = 5 * 60_000;

/** Plays one path live, over WebRTC or else HLS, and comes back by itself until it is stopped. */
export class LivePlayer {
  readonly stage: Stage;
  readonly view = signal<PlayerView>({ phase: 'stopped' });
  readonly #options: LivePlayerOptions;
  readonly #backoff = new Backoff();
  #run: AbortController | undefined;
  #session: LiveSession | undefined;
  /** Sound that WebRTC does not carry was asked for. */
  #needsHls = false;
  #isSwitching = false;

  constructor(options: LivePlayerOptions) {
    this.#options = options;
    this.stage = new Stage(options.camera, () => this.#onFirstFrame());
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
    // The still is older than any clock here: nothing is said about its age.
    this.stage.lastFrameMs = 0;
    this.view.value = { phase: 'stopped' };
  }

  /** Must be called from a tap or key: browsers want that before they make a sound. */
  setSound(isOn: boolean): void {
    this.stage.video.muted = !isOn;
    // WebRTC does not carry every camera's sound (AAC); HLS does.
    const lacksIt = this.#session?.technology === 'WebRTC' && !hasSoundTrack(this.stage.video);
    if (isOn && lacksIt && this.#options.wantsSound) {
      this.#needsHls = true;
      this.#isSwitching = true;
      this.#closeSession();
    }
  }

  async facts(): Promise<SessionFacts & { readonly width: number; readonly height: number; readonly dropped: number }> {
    const { video } = this.stage;
    const facts = (await this.#session?.facts()) ?? {};
    const dropped = video.getVideoPlaybackQuality?.().droppedVideoFrames ?? 0;
    return { ...facts, width: video.videoWidth, height: video.videoHeight, dropped };
  }

  async #loop(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      if (isUnplayable(this.#options.name, this.#tracks)) {
        this.view.value = { ...this.view.peek(), phase: 'unplayable' };
        await pause(LOOK_MS, stop);
        continue;
      }
      try {
        await this.#playOnce(stop);
      } catch (error) {
        if (stop.aborted) {
          return;
        }
        this.#onFailure(error);
      }
      if (!stop.aborted) {
        await pause(this.#isSwitching ? 0 : this.#backoff.take(), stop);
        this.#isSwitching = false;
      }
    }
  }

  /** As the box told last. */
  get #tracks(): readonly string[] {
    return paths.peek()?.find(({ name }) => name === this.#options.name)?.tracks ?? [];
  }

  /** One connection, from its offer to its end. */
  async #playOnce(stop: AbortSignal): Promise<void> {
    const leave = await gate.enter();
    let session: LiveSession;
    try {
      if (stop.aborted) {
        return;
      }
      this.view.value = { ...this.view.peek(), phase: this.stage.lastFrameMs > 0 ? 'waiting' : 'starting' };
      session = await this.#open(stop);
    } finally {
      leave();
    }
    if (stop.aborted) {
      session.close();
      return;
    }
    this.#session = session;
    const reason = await Promise.race([session.ended, this.#silence(session, stop)]);
    if (!stop.aborted) {
      this.#closeSession();
      this.view.value = { phase: 'waiting', reason };
    }
  }

  async #open(stop: AbortSignal): Promise<LiveSession> {
    const wantsHls = this.#needsHls || Date.now() < webRtcBlockedUntilMs;
    const order: readonly Technology[] = wantsHls ? ['HLS', 'WebRTC'] : ['WebRTC', 'HLS'];
    let failure: unknown;
    for (const technology of order) {
      try {
        return await this.#openBy(technology, stop);
      } catch (error) {
        if (stop.aborted) {
          throw error;
        }
        this.stage.end();
        // "Cannot decode" is worth more to the person than "did not come through", and that less than what the other way says.
        failure = failure instanceof PlayError && failure.kind === 'codec' ? failure : error;
        if (!(error instanceof PlayError) || !isWorthAnotherWay(error)) {
          throw failure;
        }
        if (technology === 'WebRTC' && error.kind === 'transport') {
          webRtcBlockedUntilMs = Date.now() + BLOCKED_MS;
        }
      }
    }
    // Neither works: next time in the usual order.
    webRtcBlockedUntilMs = 0;
    throw failure;
  }

  async #openBy(technology: Technology, signal: AbortSignal): Promise<LiveSession> {
    const { name, wantsSound } = this.#options;
    const { video } = this.stage;
    this.stage.begin();
    const session =
      technology === 'WebRTC'
        ? await openWhep(video, { name, wantsSound, signal })
        : await openHls(video, { name, signal });
    this.view.value = { ...this.view.peek(), technology };
    return session;
  }

  /** Resolves when no frame has come for too long while the page was there to see it. */
  async #silence(session: LiveSession, stop: AbortSignal): Promise<string> {
    let isOver = false;
    let soundedMs = Date.now();
    session.ended.then(() => {
      isOver = true;
    });
    // Hidden pages get no frames: their time does not count. After that a connection has to show soon that it lives.
    const forget = onWake(() => {
      soundedMs = Date.now() - SILENCE_LIMIT_MS + AFTER_WAKE_MS;
    });
    while (!isOver && !stop.aborted) {
      await pause(LOOK_MS, stop);
      const lastMs = Math.max(soundedMs, this.stage.lastFrameMs);
      if (document.visibilityState === 'visible' && Date.now() - lastMs > SILENCE_LIMIT_MS) {
        break;
      }
    }
    forget();
    return `no picture for ${SILENCE_LIMIT_MS / 1000} s`;
  }

  #onFirstFrame(): void {
    this.#backoff.reset();
    const { technology } = this.view.peek();
    this.view.value = { phase: 'playing', ...(technology === undefined ? {} : { technology }) };
  }

  #onFailure(error: unknown): void {
    this.#closeSession();
    const reason = error instanceof Error ? error.message : String(error);
    const kind = error instanceof PlayError ? error.kind : 'transport';
    if (kind === 'refused') {
      loadSession().catch(() => {});
    }
    if (kind === 'codec') {
      rememberUnplayable(this.#options.name, this.#tracks);
    }
    this.view.value = { phase: kind === 'codec' ? 'unplayable' : 'waiting', reason };
  }

  #closeSession(): void {
    this.stage.end();
    this.#session?.close();
    this.#session = undefined;
  }
}

const isWorthAnotherWay = ({ kind }: PlayError): boolean => kind === 'codec' || kind === 'transport';

function hasSoundTrack(video: HTMLVideoElement): boolean {
  const tracks = video.srcObject instanceof MediaStream ? video.srcObject.getAudioTracks() : [];
  // A section that the box left out still has a track, and a silent one is muted.
  return tracks.some((track) => !track.muted && track.readyState === 'live');
}
