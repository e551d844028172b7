import { systemClock } from '../../../agent/base/clock.ts';
import { explain } from '../../../agent/base/errors.ts';
import { type Logger, silentLogger } from '../../../agent/base/log.ts';
import type { Sample } from '../../../agent/media/sample/sample.ts';
import type { Track } from '../../../agent/media/sample/track.ts';
import { RtspSource } from '../../../agent/sources/rtsp/client.ts';
import type { RtspSourceOptions } from '../../../agent/sources/rtsp/request/settings.ts';
import { Stream } from '../../../agent/stream/stream.ts';
import type { FakeClock } from '../base/fake-clock.ts';
import type { Caller } from './scripted-camera.ts';

export interface RunOptions extends Partial<RtspSourceOptions> {
  readonly log?: Logger;
  /** An earlier source, which has its own options. */
  readonly source?: RtspSource;
}

/** A run of the RTSP source against `url` (or of an earlier source), and its result. */
export class Run {
  readonly samples: { track: number; sample: Sample }[] = [];
  /** As they were when the stream opened. */
  tracks: readonly Track[] = [];
  /** Tracks that changed within the stream, with the number of samples before. */
  readonly changes: { track: number; afterSamples: number }[] = [];
  /** Tracks whose clock jumped, with the number of samples before. */
  readonly jumps: { track: number; afterSamples: number }[] = [];
  stream: Stream | undefined;
  readonly source: RtspSource;
  readonly #stop = new AbortController();
  readonly #over: Promise<unknown>;
  #onSample: () => void = () => {};

  constructor(
    url: string,
    { log = silentLogger, source: former, ...options }: RunOptions = {},
    clock: FakeClock | typeof systemClock = systemClock,
  ) {
    const source = former ?? new RtspSource({ name: 'garden', url, readTimeoutMs: 5000, ...options }, clock, log);
    this.source = source;
    const open = (tracks: readonly Track[]) => {
      this.tracks = tracks;
      this.stream = new Stream(tracks);
      this.stream.addReader(
        {
          id: 'test',
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

  /** The text of its own end. */
  async failure(): Promise<string> {
    return explain(await this.#over);
  }

  /** The error of its own end. */
  cause(): Promise<unknown> {
    return this.#over;
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#over;
  }
}

/** The URL of a scripted camera. */
export const url = (camera: { port: number }, rest = '/live') => `rtsp://127.0.0.1:${camera.port}${rest}`;
/** The camera's latest client. */
export const lastCaller = (camera: { callers: readonly Caller[] }): Caller => {
  const caller = camera.callers.at(-1);
  if (!caller) {
    throw new Error('nobody has called');
  }
  return caller;
};
