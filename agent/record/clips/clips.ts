import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Track } from '../../media/sample/track.ts';
import type { Reader, Stream } from '../../stream/stream.ts';
import type { CameraEvent, EventFeed } from '../events/event.ts';
import { ClipFilter, type ClipSink } from './clip-filter.ts';
import { ClipWindow } from './clip-window.ts';

/** Per camera, before an event: 16 s of 8 Mbit/s. */
const RING_BYTES = 16 << 20;

export interface ClipOptions {
  readonly events: EventFeed;
  readonly preRollMs: number;
  readonly postRollMs: number;
  readonly ringBytes?: number;
}

interface ClipDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onClosed: () => void;
}

/** Records a path around its events: sits between each stream and its file. */
export class Clips {
  /** Upper bound of the bytes that a drained ring queues for the disk. */
  readonly ringBytes: number;
  readonly #path: string;
  readonly #options: ClipOptions;
  readonly #deps: ClipDeps;
  readonly #window: ClipWindow;
  #filter: ClipFilter | undefined;
  #stopListening: (() => void) | undefined;

  constructor(path: string, options: ClipOptions, deps: ClipDeps) {
    this.ringBytes = options.ringBytes ?? RING_BYTES;
    this.#path = path;
    this.#options = options;
    this.#deps = deps;
    this.#window = new ClipWindow(options.postRollMs, deps.clock);
  }

  get keptBytes(): number {
    return this.#filter?.keptBytes ?? 0;
  }

  get isResting(): boolean {
    return this.#filter?.isOpen !== true;
  }

  /** The reader to add to the stream in place of `sink`; call `joined` afterwards. @param source gets requests for key frames */
  reader(tracks: readonly Track[], sink: ClipSink, source: Pick<Stream, 'requestKeyFrame'>): Reader {
    const { logger, onClosed } = this.#deps;
    const { ringBytes } = this;
    this.#filter = new ClipFilter(tracks, sink, this.#window, {
      preRollMs: this.#options.preRollMs,
      ringBytes,
      onOpened: (isBare) => {
        if (isBare) {
          // Without a kept GOP the clip starts at the next key frame.
          source.requestKeyFrame();
        }
      },
      onClosed,
      onTooLarge: () => logger.warn({ limitBytes: ringBytes }, 'GOP too large to keep, clips start after their event'),
    });
    return this.#filter;
  }

  /** Called when the reader was added. If an event is under way, the stream is recorded from its first sample. */
  joined(): void {
    const { events } = this.#options;
    if (!this.#stopListening) {
      this.#stopListening = events.listen((event, known) => {
        // Only the labels of an event that was over are new, and its times are wrong after a step of the clock.
        if (known?.endUs === undefined) {
          this.#onEvent(event);
        }
      });
      for (const event of events.running(this.#path)) {
        this.#onEvent(event);
      }
    }
    this.#filter?.open(Infinity);
  }

  leave(): void {
    this.#filter = undefined;
  }

  stop(): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  #onEvent(event: CameraEvent): void {
    if (event.path === this.#path && event.source !== 'perch') {
      this.#window.take(event);
      this.#filter?.open(this.#window.agoMs(event.startUs));
    }
  }
}
