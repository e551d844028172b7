import { clipAddress } from '../api-client/urls.ts';
import type { Span } from '../api-client/recordings.ts';
import { type Piece, pieceAfter, pieceAround } from '../timeline/file-ranges.ts';
import { BadSpot, MOVED_MS } from './bad-spot.ts';
import { FrameSteps } from './frame-steps.ts';
import { NextTry, type WhyNot } from './load-retry.ts';

export interface DeckListener {
  /** The moment of the picture that is shown, Unix milliseconds. */
  readonly onTime: (ms: number) => void;
  /** The picture of the moment is there. */
  readonly onShown: () => void;
  /** The picture will be another one: what is seen now may be kept until then. */
  readonly onLeave: () => void;
  /** Nothing was recorded at the moment that it was sent to. */
  readonly onGap: (isGap: boolean) => void;
  /** What is away is tried again by itself. */
  readonly onFailure: (why: WhyNot) => void;
  /** It would be there, but there is none: Chromium plays the sound of pictures that it cannot decode. */
  readonly onBlind: () => void;
  /** Not by us: the phone did, or the browser refuses to play. */
  readonly onHalted: () => void;
}

/** From here on the box sends key frames alone, which it makes of less. */
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
export class Deck {
  readonly video: HTMLVideoElement;
  readonly #listener: DeckListener;
  readonly #steps: FrameSteps;
  readonly #jumpsGaps: boolean;
  readonly #nextTry = new NextTry();
  readonly #badSpot = new BadSpot();
  #name = '';
  #spans: readonly Span[] = [];
  #piece: Piece | undefined;
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

  /** @param jumpsGaps false: it waits in a gap until it is sent behind it */
  constructor(video: HTMLVideoElement, listener: DeckListener, jumpsGaps = true) {
    this.video = video;
    this.#jumpsGaps = jumpsGaps;
    this.#listener = listener;
    this.#steps = new FrameSteps(video);
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
      this.#piece = undefined;
      this.#nextTry.cancel();
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
    const piece = this.#holds(ms) ? this.#piece : pieceAround(this.#spans, ms);
    if (!piece) {
      return;
    }
    const isGap = ms < piece.startMs - NEAR_MS || ms > piece.endMs + NEAR_MS;
    if (isGap && !(this.#jumpsGaps && this.#wants())) {
      this.#standInGap(ms);
      return;
    }
    this.#leaveGap();
    this.#open(piece, Math.min(Math.max(ms, piece.startMs), piece.endMs - END_MS));
  }

  #standInGap(ms: number): void {
    this.#gapMs = ms;
    this.#nextTry.cancel();
    this.video.pause();
    this.#listener.onGap(true);
  }

  #leaveGap(): void {
    this.#gapMs = undefined;
    this.#listener.onGap(false);
  }

  #holds(ms: number): boolean {
    const piece = this.#piece;
    return (
      piece !== undefined && this.#pieceSpeed === this.#boxSpeed() && ms >= piece.startMs && ms < piece.endMs - END_MS
    );
  }

  #open(piece: Piece, ms: number): void {
    this.#hasEnded = false;
    this.#wantedMs = ms;
    this.#sentMs = ms;
    this.#nextTry.cancel();
    const isNew = piece !== this.#piece;
    if (isNew) {
      this.#listener.onLeave();
      this.#piece = piece;
      this.#pieceSpeed = this.#boxSpeed();
      this.video.src = this.#addressOf(piece);
      this.video.defaultPlaybackRate = this.#speed / this.#pieceSpeed;
    }
    this.video.playbackRate = this.#speed / this.#pieceSpeed;
    const toS = (ms - piece.startMs) / 1000 / this.#pieceSpeed;
    if (isNew || Math.abs(this.video.currentTime - toS) > 0.001) {
      this.video.currentTime = toS;
    }
    this.#apply();
  }

  #addressOf = ({ start, startMs, endMs }: Piece): string =>
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
    if (this.#piece && ms !== undefined && this.#pieceSpeed !== this.#boxSpeed()) {
      this.goTo(ms);
    }
    this.video.playbackRate = this.#speed / this.#pieceSpeed;
  }

  /** So much faster or slower for a while, to come into step with another. */
  lean(factor: number): void {
    this.video.playbackRate = (this.#speed / this.#pieceSpeed) * factor;
  }

  #boxSpeed = (): number => (this.#speed >= BOX_SPEED_FROM ? this.#speed : 1);
  #wants = (): boolean => this.#plays && !this.#isHeld;

  #apply(): void {
    if (!this.#piece) {
      return;
    }
    if (!this.#wants()) {
      this.video.pause();
    } else if (this.video.paused && this.#gapMs === undefined) {
      this.video.play().catch((error: unknown) => {
        // Without a tap some browsers play nothing that has sound; a new piece ends what was asked of the last.
        if (error instanceof DOMException && error.name === 'NotAllowedError') {
          this.#listener.onHalted();
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
    return this.#piece && this.#piece.startMs + mediaS * 1000 * this.#pieceSpeed;
  }

  #playNext(): void {
    const { endMs = 0 } = this.#piece ?? {};
    const next = this.#piece && pieceAfter(this.#spans, this.#piece);
    if (!next) {
      return;
    }
    if (this.#jumpsGaps || next.startMs - endMs < NEAR_MS) {
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
    if (this.#piece && this.#wants() && !this.video.ended && !this.video.seeking && this.#gapMs === undefined) {
      this.#listener.onHalted();
    }
  };
  readonly #onPicture = (): void => {
    if (this.video.seeking) {
      return;
    }
    if (this.video.videoWidth === 0) {
      this.#listener.onBlind();
    } else {
      this.#listener.onShown();
    }
    afterPaints(3, () => this.#steps.settle());
  };
  readonly #onError = (): void => {
    const piece = this.#piece;
    if (!piece) {
      return;
    }
    // What failed once stays so until it is loaded anew.
    this.#piece = undefined;
    const code = this.video.error?.code;
    let toMs: number | undefined = this.#wantedMs;
    this.#nextTry.after(
      this.#addressOf(piece),
      (status) => {
        const isHere = status >= 200 && status < 300 && code !== NETWORK_ERROR;
        toMs = isHere ? this.#badSpot.after(this.#wantedMs, code === DECODE_ERROR) : toMs;
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
      this.#badSpot.pass(ms);
      if (ms > this.#sentMs + MOVED_MS) {
        this.#nextTry.succeed();
      }
      this.#listener.onTime(ms);
    }
  }

  /** Frees the decoder and ends the transfer at once, not when it is collected. */
  close(): void {
    this.#isClosed = true;
    this.#piece = undefined;
    this.#nextTry.cancel();
    this.video.removeAttribute('src');
    this.video.load();
  }
}

const afterPaints = (count: number, then: () => void): void => {
  requestAnimationFrame(() => (count > 1 ? afterPaints(count - 1, then) : then()));
};
