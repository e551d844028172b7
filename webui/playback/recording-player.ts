import type { CameraRange, Span } from '../api-client/recordings/recordings.ts';
import { clipAddress } from '../api-client/urls.ts';
import { type FileRange, fileRangeAt, nextFileRange } from '../timeline/file-ranges.ts';
import { FrameStepper } from './frame-steps.ts';
import { LoadRetry, type PlaybackFailure } from './load-retry.ts';

interface RecordingPlayerListener {
  /** Moment of the shown frame, Unix milliseconds. */
  readonly onTime: (ms: number) => void;
  /** The frame of the moment is shown. */
  readonly onShown: () => void;
  /** Another frame follows; the shown one may be kept until then. */
  readonly onLeave: () => void;
  /** The target has no recording. */
  readonly onGap: (isGap: boolean) => void;
  /** A missing recording is retried automatically. */
  readonly onFailure: (why: PlaybackFailure) => void;
  /** No video frames: Chromium plays the audio of video that it cannot decode. */
  readonly onSoundOnly: () => void;
  /** The system or the browser paused playback. */
  readonly onPaused: () => void;
}

/** From this speed on, the box sends key frames only. */
const BOX_SPEED_FROM = 8;
/** Constants of MediaError, which are missing in some environments. */
const NETWORK_ERROR = 2;
const DECODE_ERROR = 3;
const NOT_FOUND = 404;
/** A seek this close to the end would end the file. */
const END_MS = 150;
/** Within this tolerance a moment counts as recorded: the frame before it lasts. */
const NEAR_MS = 700;

/** Plays recordings by moment: file after file, skipping gaps. */
export class RecordingPlayer {
  readonly video: HTMLVideoElement;
  readonly #listener: RecordingPlayerListener;
  readonly #steps: FrameStepper;
  readonly #skipsGaps: boolean;
  readonly #loadRetry = new LoadRetry();
  readonly #skipAhead = new RetryPosition();
  #name = '';
  #spans: readonly Span[] = [];
  #range: FileRange | undefined;
  /** Speed of the file's own time. */
  #pieceSpeed = 1;
  #speed = 1;
  #plays = false;
  #isHeld = false;
  #hasEnded = false;
  /** Position in a gap. */
  #gapMs: number | undefined;
  /** The shown moment, or the one to be shown. */
  #wantedMs = 0;
  /** Last target. */
  #sentMs = 0;
  #isClosed = false;

  /** @param skipsGaps false: stops in a gap */
  constructor(video: HTMLVideoElement, listener: RecordingPlayerListener, skipsGaps = true) {
    this.video = video;
    this.#skipsGaps = skipsGaps;
    this.#listener = listener;
    this.#steps = new FrameStepper(video);
    video.addEventListener('ended', this.#onEnded);
    video.addEventListener('pause', this.#onPause);
    video.addEventListener('seeked', this.#onPicture);
    video.addEventListener('loadeddata', this.#onPicture);
    video.addEventListener('error', this.#onError);
    video.addEventListener('timeupdate', this.#onTimeUpdate);
    this.#watchFrames();
  }

  /**
   * Recorded ranges; they grow during recording.
   * @param deleted what a person has deleted on this page: it is dropped from the buffer, too
   */
  load(name: string, spans: readonly Span[], deleted?: CameraRange): void {
    if (name !== this.#name) {
      this.#name = name;
      this.#range = undefined;
      this.#loadRetry.cancel();
    }
    this.#spans = spans;
    const gapMs = this.#gapMs;
    if (this.#range && deleted?.name === name && lacks(spans, this.#range, deleted)) {
      this.#dropDeleted(this.nowMs() ?? this.#wantedMs);
    } else if (gapMs !== undefined && spans.some(({ startMs, endMs }) => startMs <= gapMs && endMs >= gapMs)) {
      // A deletion was undone.
      this.goTo(gapMs);
    } else if (this.#hasEnded) {
      // At the newest end, as soon as more has been recorded.
      this.#playNext();
    }
  }

  #dropDeleted(ms: number): void {
    this.#unload();
    if (this.#spans.length > 0) {
      this.goTo(ms);
    } else {
      this.#standInGap(ms);
    }
  }

  /** Shows a moment. Without a recording it stops, or skips the gap while playing. */
  goTo(ms: number, plays = this.#plays): void {
    this.#plays = plays;
    const range = this.#holds(ms) ? this.#range : fileRangeAt(this.#spans, ms, this.#boxSpeed());
    if (!range) {
      return;
    }
    const isGap = ms < range.startMs - NEAR_MS || ms > range.endMs + NEAR_MS;
    if (isGap && !(this.#skipsGaps && this.#wants())) {
      this.#standInGap(ms);
      return;
    }
    this.#leaveGap();
    this.#open(range, Math.min(Math.max(ms, range.startMs), range.endMs - END_MS));
  }

  #standInGap(ms: number): void {
    this.#gapMs = ms;
    this.#loadRetry.cancel();
    this.video.pause();
    this.#listener.onGap(true);
  }

  #leaveGap(): void {
    this.#gapMs = undefined;
    this.#listener.onGap(false);
  }

  #holds(ms: number): boolean {
    const range = this.#range;
    return (
      range !== undefined && this.#pieceSpeed === this.#boxSpeed() && ms >= range.startMs && ms < range.endMs - END_MS
    );
  }

  #open(range: FileRange, ms: number): void {
    this.#hasEnded = false;
    this.#wantedMs = ms;
    this.#sentMs = ms;
    this.#loadRetry.cancel();
    const isNew = range !== this.#range;
    if (isNew) {
      this.#listener.onLeave();
      this.#range = range;
      this.#pieceSpeed = this.#boxSpeed();
      this.video.src = this.#addressOf(range);
      this.video.defaultPlaybackRate = this.#speed / this.#pieceSpeed;
    }
    this.video.playbackRate = this.#speed / this.#pieceSpeed;
    const toS = (ms - range.startMs) / 1000 / this.#pieceSpeed;
    if (isNew || Math.abs(this.video.currentTime - toS) > 0.001) {
      this.video.currentTime = toS;
    }
    this.#apply();
  }

  readonly #addressOf = ({ start, startMs, endMs }: FileRange): string =>
    clipAddress(this.#name, start, (endMs - startMs) / 1000, this.#pieceSpeed);

  play(plays: boolean): void {
    this.#plays = plays;
    if (plays && this.#gapMs !== undefined && !this.#isHeld) {
      this.goTo(this.#gapMs);
    }
    this.#apply();
  }

  /** Holds the picture while scrubbing. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#apply();
  }

  /** @param speed 0.25 to 1440 */
  setSpeed(speed: number): void {
    this.#speed = speed;
    const ms = this.nowMs();
    if (this.#range && ms !== undefined && this.#pieceSpeed !== this.#boxSpeed()) {
      this.goTo(ms);
    }
    this.video.playbackRate = this.#speed / this.#pieceSpeed;
  }

  /** Temporary factor for synchronization. */
  adjustRate(factor: number): void {
    this.video.playbackRate = (this.#speed / this.#pieceSpeed) * factor;
  }

  readonly #boxSpeed = (): number => (this.#speed >= BOX_SPEED_FROM ? this.#speed : 1);
  readonly #wants = (): boolean => this.#plays && !this.#isHeld;

  #apply(): void {
    if (!this.#range) {
      return;
    }
    if (!this.#wants()) {
      this.video.pause();
    } else if (this.video.paused && this.#gapMs === undefined) {
      this.video.play().catch((error: unknown) => {
        // Without a user gesture browsers may block playback with audio; a new file interrupts the earlier call.
        if (error instanceof DOMException && error.name === 'NotAllowedError') {
          this.#listener.onPaused();
        }
      });
    }
  }

  /** Steps one frame, within the file. */
  step(by: -1 | 1): void {
    this.#steps.step(by);
  }

  /** Media time of the shown frame. */
  nowMs(mediaS = this.video.currentTime): number | undefined {
    return this.#gapMs ?? this.#momentOf(mediaS);
  }

  #momentOf(mediaS: number): number | undefined {
    return this.#range && this.#range.startMs + mediaS * 1000 * this.#pieceSpeed;
  }

  #playNext(): void {
    const { endMs = 0 } = this.#range ?? {};
    const next = this.#range && nextFileRange(this.#spans, this.#range, this.#boxSpeed());
    if (!next) {
      return;
    }
    if (this.#skipsGaps || next.startMs - endMs < NEAR_MS) {
      this.#open(next, next.startMs);
    } else {
      this.#standInGap(endMs);
    }
  }

  readonly #onEnded = (): void => {
    this.#hasEnded = true;
    this.#playNext();
  };
  readonly #onPause = (): void => {
    // The event of a pause may arrive after playback was resumed.
    const { paused, ended, seeking } = this.video;
    if (this.#range && this.#wants() && paused && !ended && !seeking && this.#gapMs === undefined) {
      this.#listener.onPaused();
    }
  };
  readonly #onPicture = (): void => {
    if (this.video.seeking) {
      return;
    }
    if (this.video.videoWidth === 0) {
      this.#listener.onSoundOnly();
    } else {
      this.#listener.onShown();
    }
    afterPaints(3, () => this.#steps.settle());
  };
  readonly #onError = (): void => {
    const range = this.#range;
    if (!range) {
      return;
    }
    // A failure lasts until the file is loaded again.
    this.#range = undefined;
    const code = this.video.error?.code;
    let toMs: number | undefined = this.#wantedMs;
    this.#loadRetry.after(
      this.#addressOf(range),
      (status) => {
        const isHere = status >= 200 && status < 300 && code !== NETWORK_ERROR;
        toMs = isHere ? this.#skipAhead.after(this.#wantedMs, code === DECODE_ERROR) : toMs;
        const why = status === NOT_FOUND ? 'gone' : toMs === undefined ? 'unplayable' : 'away';
        this.#listener.onFailure(why);
        return why === 'away';
      },
      () => toMs !== undefined && this.goTo(toMs),
    );
  };
  /** Without `requestVideoFrameCallback`, and while the page is hidden. */
  readonly #onTimeUpdate = (): void => {
    if (!this.video.seeking) {
      this.#tell(this.video.currentTime);
    }
  };

  #watchFrames(): void {
    this.video.requestVideoFrameCallback?.((_now, { mediaTime }) => {
      if (this.#isClosed) {
        return;
      }
      this.#steps.see(mediaTime);
      if (!this.video.seeking) {
        this.#tell(mediaTime);
      }
      this.#watchFrames();
    });
  }

  #tell(mediaS: number): void {
    const ms = this.nowMs(mediaS);
    const hasPicture = this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    if (ms !== undefined && hasPicture && !this.#isHeld && this.#gapMs === undefined) {
      this.#wantedMs = ms;
      this.#skipAhead.pass(ms);
      if (ms > this.#sentMs + MOVED_MS) {
        this.#loadRetry.succeed();
      }
      this.#listener.onTime(ms);
    }
  }

  /** Frees the decoder and the connection at once. */
  close(): void {
    this.#isClosed = true;
    this.#unload();
  }

  #unload(): void {
    this.#range = undefined;
    this.#loadRetry.cancel();
    this.video.removeAttribute('src');
    this.video.load();
  }
}

/** Whether spans, oldest first, leave out what a file and a deletion share. */
function lacks(spans: readonly Span[], file: FileRange, deleted: CameraRange): boolean {
  const endMs = Math.min(file.endMs, deleted.endMs) - NEAR_MS;
  let atMs = Math.max(file.startMs, deleted.startMs) + NEAR_MS;
  for (const span of spans) {
    atMs = span.startMs - NEAR_MS <= atMs ? Math.max(atMs, span.endMs) : atMs;
  }
  return atMs < endMs;
}

const afterPaints = (count: number, then: () => void): void => {
  requestAnimationFrame(() => (count > 1 ? afterPaints(count - 1, then) : then()));
};

/** Progress after which a failure counts as overcome. */
const MOVED_MS = 2_000;

/** Retries from the failure: the same moment once, because decoders may fail once, then after further key frames. */
const RETRY_OFFSETS_MS = [0, 2_000, 8_000, 32_000] as const;

/** The next moment to try; undefined after too many. */
class RetryPosition {
  #fromMs = 0;
  /** Last retry. */
  #toMs = 0;
  #tries = 0;

  /** @param maySkip false: every frame fails for the same reason @returns undefined after too many retries */
  after(ms: number, maySkip: boolean): number | undefined {
    this.pass(ms);
    if (this.#tries === 0) {
      this.#fromMs = ms;
    }
    const offsetMs = RETRY_OFFSETS_MS[this.#tries];
    if (offsetMs === undefined) {
      return undefined;
    }
    this.#tries += 1;
    this.#toMs = this.#fromMs + (maySkip ? offsetMs : 0);
    return this.#toMs;
  }

  /** Playback beyond the failed range resets the retries. */
  pass(ms: number): void {
    if (ms < this.#fromMs - MOVED_MS || ms > this.#toMs + MOVED_MS) {
      this.#tries = 0;
    }
  }
}
