import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';
import type { Reader } from '../../stream/stream.ts';
import type { ClipWindow } from './clip-window.ts';
import { GroupRing } from './group-ring.ts';

/** An event is told some time after it has begun: so much more is kept than is wanted from before it. */
const TOLD_LATE_MS = 2_000;

/** Where samples of clips go. */
export interface ClipSink extends Reader {
  onDiscontinuity(track: number): void;
  /** What came so far is to survive a power cut as soon as the disk can make it. */
  flush(): void;
  /** The clip is over: what comes next does not follow on from it. */
  pause(): void;
}

export interface ClipGateOptions {
  readonly preRollMs: number;
  /** What may be kept in memory from before an event. */
  readonly ringBytes: number;
  /** A clip has begun; `isBare`: nothing was kept from before. */
  readonly onOpened: (isBare: boolean) => void;
  readonly onClosed: () => void;
  readonly onTooLarge: () => void;
}

/**
 * Lets through what belongs to events, and the whole groups of pictures right before them. A clip begins and ends at a key sample of the
 * leading track: so it is never shorter than its group, and what follows it is kept for the next one without a hole.
 */
export class ClipGate implements Reader {
  readonly id = 'recorder';
  readonly countsHolds = true;
  readonly #sink: ClipSink;
  readonly #window: ClipWindow;
  readonly #options: ClipGateOptions;
  readonly #ring: GroupRing;
  #isOpen = false;
  #toldTooLarge = false;

  constructor(tracks: readonly Track[], sink: ClipSink, window: ClipWindow, options: ClipGateOptions) {
    this.#sink = sink;
    this.#window = window;
    this.#options = options;
    this.#ring = new GroupRing(tracks, options.preRollMs + TOLD_LATE_MS, options.ringBytes);
  }

  /** Bytes kept from before the next event. */
  get keptBytes(): number {
    return this.#ring.bytes;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The window has opened, or may have. @param agoMs since the event began */
  open(agoMs: number): void {
    if (this.#isOpen || !this.#window.isOpen) {
      return;
    }
    this.#isOpen = true;
    const isBare = this.#ring.isEmpty;
    this.#ring.drain(this.#sink, agoMs + this.#options.preRollMs);
    this.#sink.flush();
    this.#options.onOpened(isBare);
  }

  onSample(track: number, sample: Sample): void {
    if (this.#isOpen && this.#ring.isLeadingKey(track, sample) && !this.#window.takes(sample.wall)) {
      this.#isOpen = false;
      this.#sink.pause();
      this.#options.onClosed();
    }
    if (this.#isOpen) {
      this.#sink.onSample(track, sample);
      return;
    }
    this.#ring.add(track, sample);
    if (this.#ring.tooLarge > 0 && !this.#toldTooLarge) {
      this.#toldTooLarge = true;
      this.#options.onTooLarge();
    }
  }

  /** What was kept was made with other parameter sets, which no file holds beside the new ones. */
  onTrack(track: number, description: Track): void {
    this.#ring.clear();
    this.#sink.onTrack(track, description);
  }

  onDiscontinuity(track: number): void {
    if (this.#isOpen) {
      this.#sink.onDiscontinuity(track);
    } else if (this.#ring.isLeading(track)) {
      this.#ring.clear();
    }
  }

  onEnd(cause?: unknown): void {
    this.#ring.clear();
    this.#sink.onEnd(cause);
  }
}
