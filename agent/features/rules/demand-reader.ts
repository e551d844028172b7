import type { Clock } from '../../base/clock.ts';
import { explain } from '../../base/errors.ts';
import { FILE_DELAY_MS, type Reader } from '../../stream/stream.ts';
import type { Host } from '../contract.ts';

/** A camera that does not start, or has ended its stream, is asked again after this time. */
const RETRY_MS = 2_000;

interface DemandReaderOptions {
  readonly path: string;
  readonly paths: Pick<Host['paths'], 'open'>;
  readonly clock: Pick<Clock, 'sleep'>;
}

/** Reads a path on demand, as a viewer does, so that it can be recorded without one. */
export class DemandReader {
  readonly #options: DemandReaderOptions;
  readonly #stop = new AbortController();
  #leave = (): void => {};
  #isReading = false;
  #attempt = Promise.withResolvers<string | undefined>();

  constructor(options: DemandReaderOptions) {
    this.#options = options;
    void this.#read();
  }

  /** Undefined while it reads; else why its source does not start at the present or next attempt, or undefined if it does. Never rejects. */
  outcome(): Promise<string | undefined> {
    return this.#isReading ? Promise.resolve(undefined) : this.#attempt.promise;
  }

  close(): void {
    this.#stop.abort();
    this.#leave();
  }

  #tell(fault: string | undefined): void {
    this.#attempt.resolve(fault);
    this.#attempt = Promise.withResolvers();
  }

  async #read(): Promise<void> {
    const { paths, path, clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const stream = await paths.open(path);
        if (signal.aborted) {
          break;
        }
        this.#isReading = true;
        this.#tell(undefined);
        await new Promise<void>((ended) => {
          const reader: Reader = {
            ...{ id: 'rule', isAudience: true, countsHolds: true, toleratedDelayMs: FILE_DELAY_MS },
            ...{ onSample: () => {}, onTrack: () => {}, onEnd: () => ended() },
          };
          stream.addReader(reader, false);
          this.#leave = () => {
            stream.removeReader(reader);
            ended();
          };
        });
      } catch (error) {
        this.#tell(explain(error));
      }
      this.#isReading = false;
      await clock.sleep(RETRY_MS, signal);
    }
    this.#attempt.resolve(undefined);
  }
}
