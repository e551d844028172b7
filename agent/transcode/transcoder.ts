import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { Track } from '../media/sample/track.ts';
import type { AudioForms, OpusPacketMs, OpusSound } from '../stream/contracts.ts';
import { DerivedStream, type DerivedTrack } from '../stream/derived-stream.ts';
import type { Reader, Stream } from '../stream/stream.ts';
import type { StartEngine } from './engine-host.ts';
import { Pacer } from './pacer.ts';
import { flacTrackOf, type OpusSourceTrack, opusTrackOf, whyNotOpus } from './transcodable.ts';
import { WorkerSupervisor } from './worker-supervisor.ts';

const OPUS_TICKS_PER_MS = 48;
const KEPT_MS = 10_000;

/** Derives streams with transcoded audio. */
export class Transcoder implements AudioForms {
  readonly opus: OpusSound;
  readonly #supervisor: WorkerSupervisor;
  readonly #clock: Clock;
  readonly #pathOf: (stream: Stream) => string | undefined;
  readonly #stop = new AbortController();
  readonly #flac = new WeakMap<Stream, DerivedStream>();
  /** Concurrent callers share one promise. */
  readonly #starting = new WeakMap<Stream, Promise<void>>();
  /** By track number and duration of a packet. */
  readonly #opus = new WeakMap<Stream, Map<string, DerivedStream>>();

  /** @param pathOf the name of a stream's path, for the log */
  constructor(
    start: StartEngine,
    clock: Clock,
    log: Logger,
    pathOf: (stream: Stream) => string | undefined = () => undefined,
  ) {
    this.#clock = clock;
    this.#pathOf = pathOf;
    this.#supervisor = new WorkerSupervisor(start, clock, log);
    this.opus = { whyNot: whyNotOpus, of: (...what) => this.#opusOf(...what) };
  }

  /** Whether the worker runs; it outlives the last job by a while. */
  get isRunning(): boolean {
    return this.#supervisor.isRunning;
  }

  of(stream: Stream, _form: 'flac'): Stream {
    const place = (track: Track): DerivedTrack => this.#flacMapping(stream, track);
    if (stream.tracks.every((track) => place(track).track === track)) {
      return stream;
    }
    const known = this.#flac.get(stream) ?? new DerivedStream(stream, { id: 'flac', place, startsWithGroup: true });
    this.#flac.set(stream, known);
    return known;
  }

  async open(stream: Stream, form: 'flac'): Promise<Stream> {
    const derived = this.of(stream, form);
    if (derived !== stream && derived.readers.length === 0) {
      const opening = this.#start(derived).finally(() => this.#starting.delete(derived));
      this.#starting.set(derived, opening);
    }
    await this.#starting.get(derived);
    return derived;
  }

  close(): void {
    this.#stop.abort();
    this.#supervisor.close();
  }

  /** Adds a reader and waits until the replayed GOP is transcoded. */
  async #start(derived: Stream): Promise<void> {
    const keepAlive = keepAliveReader();
    derived.addReader(keepAlive, false);
    void this.#clock.sleep(KEPT_MS, this.#stop.signal).then(() => derived.removeReader(keepAlive));
    await Promise.race([this.#supervisor.settled(), this.#clock.sleep(500, this.#stop.signal)]);
  }

  #flacMapping(stream: Stream, track: Track): DerivedTrack {
    const flac = track.codec === 'opus' ? flacTrackOf(track) : undefined;
    const pathOf = () => this.#pathOf(stream);
    return flac
      ? { track: flac, convert: (emit) => this.#supervisor.open('flac', track, flac.frameSamples, emit, pathOf) }
      : { track };
  }

  #opusOf(stream: Stream, number: number, packetMs: OpusPacketMs): Stream {
    const known = this.#opus.get(stream) ?? new Map<string, DerivedStream>();
    const key = `${number} ${packetMs}`;
    this.#opus.set(stream, known);
    const place = (track: Track, other: number): DerivedTrack | undefined =>
      other === number && whyNotOpus(track) === undefined
        ? this.#opusMapping(stream, track as OpusSourceTrack, packetMs)
        : undefined;
    // WebRTC viewers hear live audio only: the cached GOP is not transcoded.
    const derived = known.get(key) ?? new DerivedStream(stream, { id: 'opus', place, startsWithGroup: false });
    known.set(key, derived);
    return derived;
  }

  #opusMapping(stream: Stream, track: OpusSourceTrack, packetMs: OpusPacketMs): DerivedTrack {
    const pathOf = () => this.#pathOf(stream);
    return {
      track: opusTrackOf(track),
      convert: (emit) => {
        const pacer = new Pacer(packetMs, this.#clock, emit);
        const take = (packet: Sample): void => pacer.take(packet);
        const job = this.#supervisor.open('opus', track, OPUS_TICKS_PER_MS * packetMs, take, pathOf);
        return {
          push: (sample) => job.push(sample),
          close: () => {
            job.close?.();
            pacer.close();
          },
        };
      },
    };
  }
}

/** Reads the stream so that it stays open; delivers it nowhere. */
const keepAliveReader = (): Reader => ({
  id: 'flac-keeper',
  countsHolds: true,
  onSample: () => {},
  onTrack: () => {},
  onEnd: () => {},
});
