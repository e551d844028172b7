import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';
import { FILE_DELAY_MS, type Reader } from '../../stream/stream.ts';
import type { ClipWindow } from './clip-window.ts';
import { GopRing } from './gop-ring.ts';

/** Kept in addition to the requested time before an event, because events are reported with a delay. */
const REPORT_DELAY_MS = 2_000;

export interface ClipSink extends Reader {
  onDiscontinuity(track: number): void;
  /** Flushes as soon as the disk allows it: the samples so far must survive a power cut. */
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
 * Passes on the samples during events and the whole GOPs before them. A clip starts and ends at a key sample of the leading
 * track; the samples after it are kept, so that a clip that follows soon has no gap before it.
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

  /** Called when the window may have opened. @param agoMs time since the start of the event */
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

  /** Drops the kept samples: they use other parameter sets, and a file holds only one description per track. */
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
