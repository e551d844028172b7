import { explain } from '../../../agent/base/errors.ts';
import type { Sample } from '../../../agent/media/sample/sample.ts';
import type { Track } from '../../../agent/media/sample/track.ts';
import type { Source } from '../../../agent/stream/contracts.ts';
import { Stream } from '../../../agent/stream/stream.ts';

/** A run of a source, and its result. */
export class SourceRun<One extends Source = Source> {
  readonly samples: { track: number; sample: Sample }[] = [];
  /** The tracks when the stream opened. */
  tracks: readonly Track[] = [];
  /** Tracks that changed within the stream, with the number of samples before. */
  readonly changes: { track: number; afterSamples: number }[] = [];
  /** Tracks whose clock jumped, with the number of samples before. */
  readonly jumps: { track: number; afterSamples: number }[] = [];
  stream: Stream | undefined;
  readonly source: One;
  readonly #stop = new AbortController();
  readonly #over: Promise<unknown>;
  #onSample: () => void = () => {};

  /** @param toleratedDelayMs of its reader */
  constructor(source: One, toleratedDelayMs = 0) {
    this.source = source;
    const open = (tracks: readonly Track[]) => {
      this.tracks = tracks;
      this.stream = new Stream(tracks);
      this.stream.addReader(
        {
          id: 'test',
          toleratedDelayMs,
          onSample: (track, sample) => {
            this.samples.push({ track, sample });
            this.#onSample();
          },
          onTrack: (track) => this.changes.push({ track, afterSamples: this.samples.length }),
          onDiscontinuity: (track) => this.jumps.push({ track, afterSamples: this.samples.length }),
          onEnd: () => {},
        },
        false,
      );
      return this.stream;
    };
    this.#over = source.run({ publish: open }, this.#stop.signal).then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  /** Resolves when `count` samples have arrived; rejects when the run ends before. */
  async sampled(count: number): Promise<void> {
    const enough = new Promise<'enough'>((resolve) => {
      this.#onSample = () => {
        if (this.samples.length >= count) {
          resolve('enough');
        }
      };
      this.#onSample();
    });
    const first = await Promise.race([enough, this.#over]);
    if (first !== 'enough') {
      throw first ?? new Error('the run has ended');
    }
  }

  /** The text of the error that ended the source. */
  async failure(): Promise<string> {
    return explain(await this.#over);
  }

  /** The error that ended the source. */
  cause(): Promise<unknown> {
    return this.#over;
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#over;
  }
}
