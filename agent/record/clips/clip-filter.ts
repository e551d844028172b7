import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';
import { FILE_DELAY_MS, type Reader } from '../../stream/stream.ts';
import type { ClipWindow } from './clip-window.ts';
import { GopRing } from './gop-ring.ts';

/** Events are reported with a delay: this much more is kept than requested. */
const REPORT_DELAY_MS = 2_000;

export interface ClipSink extends Reader {
  onDiscontinuity(track: number): void;
  /** Flushes as soon as the disk can: what came so far must survive a power cut. */
  flush(): void;
  /** The clip is over: the next sample does not continue it. */
  pause(): void;
}

interface ClipFilterOptions {
  readonly preRollMs: number;
  readonly ringBytes: number;
  readonly onOpened: (isBare: boolean) => void;
  readonly onClosed: () => void;
  readonly onTooLarge: () => void;
}

/**
 * Passes samples of events and the whole GOPs before them. A clip starts and ends at a key sample of the leading track;
 * what follows is kept for the next clip without a gap.
 */
export class ClipFilter implements Reader {
  readonly id = 'recorder';
  readonly countsHolds = true;
  readonly toleratedDelayMs = FILE_DELAY_MS;
  readonly #sink: ClipSink;
  readonly #window: ClipWindow;
  readonly #options: ClipFilterOptions;
  readonly #ring: GopRing;
  #isOpen = false;
  #hasReportedTooLarge = false;

  constructor(tracks: readonly Track[], sink: ClipSink, window: ClipWindow, options: ClipFilterOptions) {
    this.#sink = sink;
    this.#window = window;
    this.#options = options;
    this.#ring = new GopRing(tracks, options.preRollMs + REPORT_DELAY_MS, options.ringBytes);
  }

  /** Bytes kept for the next event. */
  get keptBytes(): number {
    return this.#ring.bytes;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The window may have opened. @param agoMs since the event started */
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
    if (this.#isOpen && this.#ring.isLeadingKey(track, sample) && !this.#window.contains(sample.wall)) {
      this.#isOpen = false;
      this.#sink.pause();
      this.#options.onClosed();
    }
    if (this.#isOpen) {
      this.#sink.onSample(track, sample);
      return;
    }
    this.#ring.add(track, sample);
    if (this.#ring.tooLarge > 0 && !this.#hasReportedTooLarge) {
      this.#hasReportedTooLarge = true;
      this.#options.onTooLarge();
    }
  }

  /** The kept samples use other parameter sets, which the file cannot hold. */
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
