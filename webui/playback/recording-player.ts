import type { Span } from '../api-client/recordings.ts';
import { clipAddress } from '../api-client/urls.ts';
import { type FileRange, fileRangeAt, nextFileRange } from '../timeline/file-ranges.ts';
import { FrameStepper } from './frame-steps.ts';
import { LoadRetry, type PlaybackFailure } from './load-retry.ts';

interface RecordingPlayerListener {
  /** The moment of the picture that is shown, Unix milliseconds. */
  readonly onTime: (ms: number) => void;
  /** The picture of the moment is there. */
  readonly onShown: () => void;
  /** The picture will be another one: what is seen now may be kept until then. */
  readonly onLeave: () => void;
  /** Nothing was recorded at the moment that it was sent to. */
  readonly onGap: (isGap: boolean) => void;
  /** What is away is tried again by itself. */
  readonly onFailure: (why: PlaybackFailure) => void;
  /** It would be there, but there is none: Chromium plays the sound of pictures that it cannot decode. */
  readonly onSoundOnly: () => void;
  /** Not by us: the phone did, or the browser refuses to play. */
  readonly onPaused: () => void;
}

/** From here on the device sends key frames alone, which it makes of less. */
const BOX_SPEED_FROM = 8;
/** MediaError's, whose names are not everywhere. */
const NETWORK_ERROR = 2;
const DECODE_ERROR = 3;
const NOT_FOUND = 404;
/** A seek so near the end of a piece would end it. */
const END_MS = 150;
/** A moment that is off by less is recorded: the picture before it lasts until then. */
const NEAR_MS = 700;

/** Plays what was recorded, moment by moment: pieces follow each other, and gaps are jumped over. */
export class RecordingPlayer {
  readonly video: HTMLVideoElement;
  readonly #listener: RecordingPlayerListener;
  readonly #steps: FrameStepper;
  readonly #skipsGaps: boolean;
  readonly #loadRetry = new LoadRetry();
  readonly #skipAhead = new SkipAhead();
  #name = '';
  #spans: readonly Span[] = [];
  #range: FileRange | undefined;
  /** How much faster the piece's own time goes. */
  #pieceSpeed = 1;
  #speed = 1;
  #plays = false;
  #isHeld = false;
  #hasEnded = false;
  /** Where it stands in a gap. */
  #gapMs: number | undefined;
  /** The moment that is shown, or is to be as soon as it is there. */
  #wantedMs = 0;
  /** Where it was sent last. */
  #sentMs = 0;
  #isClosed = false;

  /** @param skipsGaps false: it waits in a gap until it is sent behind it */
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

  /** What there is of a camera; it grows while it is recorded. */
  load(name: string, spans: readonly Span[]): void {
    if (name !== this.#name) {
      this.#name = name;
      this.#range = undefined;
      this.#loadRetry.cancel();
    }
    this.#spans = spans;
    if (this.#hasEnded) {
      // At the newest end this happens as soon as more has been recorded.
      this.#playNext();
    }
  }

  /** Shows that moment. Where nothing was recorded it stands still, or goes on behind the gap when it plays. */
  goTo(ms: number, plays = this.#plays): void {
    this.#plays = plays;
    const range = this.#holds(ms) ? this.#range : fileRangeAt(this.#spans, ms);
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

  #addressOf = ({ start, startMs, endMs }: FileRange): string =>
    clipAddress(this.#name, start, (endMs - startMs) / 1000, this.#pieceSpeed);

  play(plays: boolean): void {
    this.#plays = plays;
    if (plays && this.#gapMs !== undefined && !this.#isHeld) {
      this.goTo(this.#gapMs);
    }
    this.#apply();
  }

  /** Stands still while a finger looks for another moment. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#apply();
  }

  /** @param speed 0.25 to 16 */
  setSpeed(speed: number): void {
    this.#speed = speed;
    const ms = this.nowMs();
    if (this.#range && ms !== undefined && this.#pieceSpeed !== this.#boxSpeed()) {
      this.goTo(ms);
    }
    this.video.playbackRate = this.#speed / this.#pieceSpeed;
  }

  /** So much faster or slower for a while, to come into step with another. */
  adjustRate(factor: number): void {
    this.video.playbackRate = (this.#speed / this.#pieceSpeed) * factor;
  }

  #boxSpeed = (): number => (this.#speed >= BOX_SPEED_FROM ? this.#speed : 1);
  #wants = (): boolean => this.#plays && !this.#isHeld;

  #apply(): void {
    if (!this.#range) {
      return;
    }
    if (!this.#wants()) {
      this.video.pause();
    } else if (this.video.paused && this.#gapMs === undefined) {
      this.video.play().catch((error: unknown) => {
        // Without a tap some browsers play nothing that has sound; a new piece ends what was asked of the last.
        if (error instanceof DOMException && error.name === 'NotAllowedError') {
          this.#listener.onPaused();
        }
      });
    }
  }

  /** One picture on or back, within the piece. */
  step(by: -1 | 1): void {
    this.#steps.step(by);
  }

  /** Of the picture that is shown. */
  nowMs(mediaS = this.video.currentTime): number | undefined {
    return this.#gapMs ?? this.#momentOf(mediaS);
  }

  #momentOf(mediaS: number): number | undefined {
    return this.#range && this.#range.startMs + mediaS * 1000 * this.#pieceSpeed;
  }

  #playNext(): void {
    const { endMs = 0 } = this.#range ?? {};
    const next = this.#range && nextFileRange(this.#spans, this.#range);
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
    if (this.#range && this.#wants() && !this.video.ended && !this.video.seeking && this.#gapMs === undefined) {
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
    // What failed once stays so until it is loaded anew.
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
  /** Where the browser does not tell of each picture, and while it is hidden. */
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

  /** Frees the decoder and ends the transfer at once, not when it is collected. */
  close(): void {
    this.#isClosed = true;
    this.#range = undefined;
    this.#loadRetry.cancel();
    this.video.removeAttribute('src');
    this.video.load();
  }
}

const afterPaints = (count: number, then: () => void): void => {
  requestAnimationFrame(() => (count > 1 ? afterPaints(count - 1, then) : then()));
};

/** Played so far beyond where it failed it has moved on. */
const MOVED_MS = 2_000;

/** From where it failed: first the same moment again, since a decoder may fail once, then behind one or more key frames. */
const LEAPS_MS = [0, 2_000, 8_000, 32_000] as const;

/** A moment that the device has and the browser does not play: where to try next, until it is not worth it any more. */
class SkipAhead {
  #fromMs = 0;
  /** Where it was tried last. */
  #toMs = 0;
  #tries = 0;

  /** @param canLeap false: it fails everywhere for the same reason. @returns where to try next; undefined: nowhere near */
  after(ms: number, canLeap: boolean): number | undefined {
    this.pass(ms);
    if (this.#tries === 0) {
      this.#fromMs = ms;
    }
    const leapMs = LEAPS_MS[this.#tries];
    if (leapMs === undefined) {
      return undefined;
    }
    this.#tries += 1;
    this.#toMs = this.#fromMs + (canLeap ? leapMs : 0);
    return this.#toMs;
  }

  /** That moment plays, or is at least another one: away from the spot it is forgotten. */
  pass(ms: number): void {
    if (ms < this.#fromMs - MOVED_MS || ms > this.#toMs + MOVED_MS) {
      this.#tries = 0;
    }
  }
}
