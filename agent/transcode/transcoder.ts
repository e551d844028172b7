import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Track } from '../media/sample/track.ts';
import type { AudioForms, OpusSound } from '../stream/audio-forms.ts';
import { DerivedStream, type Place } from '../stream/derived-stream.ts';
import type { Reader, Stream } from '../stream/stream.ts';
import type { StartEngine } from './engine-host.ts';
import { Pacer } from './pacer.ts';
import { flacOfOpus, type OpusOrigin, opusTrackOf, whyNotOpus } from './turnable.ts';
import { Workshop } from './workshop.ts';

const OPUS_FRAME_MS = 20;
/** At 48 kHz. */
const OPUS_FRAME_TICKS = 960;
const OPEN_LIMIT_MS = 500;
const KEPT_MS = 10_000;

/** Makes other sound of streams' sound. */
export class Transcoder implements AudioForms {
  /** For WebRTC. */
  readonly opus: OpusSound;
  readonly #workshop: Workshop;
  readonly #clock: Clock;
  readonly #pathOf: (stream: Stream) => string | undefined;
  readonly #stop = new AbortController();
  readonly #flac = new WeakMap<Stream, DerivedStream>();
  /** Those who come meanwhile wait for the same. */
  readonly #opening = new WeakMap<Stream, Promise<void>>();
  readonly #opus = new WeakMap<Stream, Map<number, DerivedStream>>();

  /** @param pathOf the name of a stream's path, for the log */
  constructor(
    start: StartEngine,
    clock: Clock,
    log: Logger,
    pathOf: (stream: Stream) => string | undefined = () => undefined,
  ) {
    this.#clock = clock;
    this.#pathOf = pathOf;
    this.#workshop = new Workshop(start, clock, log);
    this.opus = { whyNot: whyNotOpus, of: (stream, track) => this.#opusOf(stream, track) };
  }

  /** Whether anything is turned, or was a moment ago. */
  get isRunning(): boolean {
    return this.#workshop.isRunning;
  }

  of(stream: Stream, _form: 'flac'): Stream {
    const place = (track: Track): Place => this.#inFlac(stream, track);
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
      const opening = this.#begin(derived).finally(() => this.#opening.delete(derived));
      this.#opening.set(derived, opening);
    }
    await this.#opening.get(derived);
    return derived;
  }

  close(): void {
    this.#stop.abort();
    this.#workshop.close();
  }

  /** Has the derived stream read, and waits for what it was replayed. */
  async #begin(derived: Stream): Promise<void> {
    const keeper = keeperOf();
    derived.addReader(keeper, false);
    void this.#clock.sleep(KEPT_MS, this.#stop.signal).then(() => derived.removeReader(keeper));
    await Promise.race([this.#workshop.settled(), this.#clock.sleep(OPEN_LIMIT_MS, this.#stop.signal)]);
  }

  #inFlac(stream: Stream, track: Track): Place {
    const flac = track.codec === 'opus' ? flacOfOpus(track) : undefined;
    const pathOf = () => this.#pathOf(stream);
    return flac
      ? { track: flac, convert: (emit) => this.#workshop.open('flac', track, flac.frameSamples, emit, pathOf) }
      : { track };
  }

  #opusOf(stream: Stream, number: number): Stream {
    const known = this.#opus.get(stream) ?? new Map<number, DerivedStream>();
    this.#opus.set(stream, known);
    const place = (track: Track, other: number): Place | undefined =>
      other === number && whyNotOpus(track) === undefined ? this.#inOpus(stream, track as OpusOrigin) : undefined;
    // What is heard is live: nothing of what the stream keeps is turned.
    const derived = known.get(number) ?? new DerivedStream(stream, { id: 'opus', place, startsWithGroup: false });
    known.set(number, derived);
    return derived;
  }

  #inOpus(stream: Stream, track: OpusOrigin): Place {
    const pathOf = () => this.#pathOf(stream);
    return {
      track: opusTrackOf(track),
      convert: (emit) => {
        const pacer = new Pacer(OPUS_FRAME_MS, this.#clock, emit);
        const lane = this.#workshop.open('opus', track, OPUS_FRAME_TICKS, (frame) => pacer.take(frame), pathOf);
        return {
          push: (sample) => lane.push(sample),
          close: () => {
            lane.close?.();
            pacer.close();
          },
        };
      },
    };
  }
}

/** Nobody gets the stream through it. */
const keeperOf = (): Reader => ({
  type: 'hidden',
  id: 'flac-keeper',
  countsHolds: true,
  onSample: () => {},
  onTrack: () => {},
  onEnd: () => {},
});
