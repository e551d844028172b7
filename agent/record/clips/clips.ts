import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Track } from '../../media/sample/track.ts';
import type { Reader, Stream } from '../../stream/stream.ts';
import type { CameraEvent, EventFeed } from '../events/event.ts';
import { ClipGate, type ClipSink } from './clip-gate.ts';
import { ClipWindow } from './clip-window.ts';

/** What a camera may keep in memory from before an event: 16 s of 8 Mbit/s. */
const RING_BYTES = 16 << 20;

export interface ClipOptions {
  readonly events: EventFeed;
  readonly preRollMs: number;
  readonly postRollMs: number;
  readonly ringBytes?: number;
}

export interface ClipDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** A clip is over: nothing is recorded before the next event. */
  readonly onClosed: () => void;
}

/** Records a path around its events only: follows them for as long as the recorder is there, and stands between each stream and its file. */
export class Clips {
  /** The most that a drained ring may make wait for the disk. */
  readonly ringBytes: number;
  readonly #path: string;
  readonly #options: ClipOptions;
  readonly #deps: ClipDeps;
  readonly #window: ClipWindow;
  #gate: ClipGate | undefined;
  #stopListening: (() => void) | undefined;

  constructor(path: string, options: ClipOptions, deps: ClipDeps) {
    this.ringBytes = options.ringBytes ?? RING_BYTES;
    this.#path = path;
    this.#options = options;
    this.#deps = deps;
    this.#window = new ClipWindow(options.postRollMs, deps.clock);
  }

  get keptBytes(): number {
    return this.#gate?.keptBytes ?? 0;
  }

  /** Nothing is wanted now. */
  get isResting(): boolean {
    return this.#gate?.isOpen !== true;
  }

  /**
   * What reads a stream in the place of `sink`; `joined` is to be called when it does.
   * @param source of the stream: asked for a key frame
   */
  reader(tracks: readonly Track[], sink: ClipSink, source: Pick<Stream, 'requestKeyFrame'>): Reader {
    const { logger, onClosed } = this.#deps;
    const limitBytes = this.ringBytes;
    this.#gate = new ClipGate(tracks, sink, this.#window, {
      preRollMs: this.#options.preRollMs,
      ringBytes: limitBytes,
      onOpened: (isBare) => {
        if (isBare) {
          // Nothing to begin with: then as soon as the camera can.
          source.requestKeyFrame();
        }
      },
      onClosed,
      onTooLarge: () =>
        logger.warn({ limitBytes }, 'a group of pictures is too large to be kept: clips begin after their event'),
    });
    return this.#gate;
  }

  /** An event that goes on wants the stream from its first sample on. */
  joined(): void {
    const { events } = this.#options;
    if (!this.#stopListening) {
      this.#stopListening = events.listen((event) => this.#onEvent(event));
      for (const event of events.running(this.#path)) {
        this.#onEvent(event);
      }
    }
    this.#gate?.open(Infinity);
  }

  /** The stream is over. */
  leave(): void {
    this.#gate = undefined;
  }

  stop(): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  #onEvent(event: CameraEvent): void {
    if (event.path === this.#path && event.source !== 'perch') {
      this.#window.take(event);
      this.#gate?.open(this.#window.agoMs(event.startUs));
    }
  }
}
