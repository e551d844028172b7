import { codecOf, isMetadata } from '../media/codecs.ts';
import { FlacEncoder } from '../media/flac/encode.ts';
import { PcmBlockBuffer } from '../media/pcm/block-buffer.ts';
import { isPcm, type PcmDecoder, type PcmTrack, pcmDecoderOf, sampleRateOf } from '../media/pcm/decode.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { FlacTrack, Track } from '../media/sample/track.ts';
import { DerivedStream, type DerivedTrack } from './derived-stream.ts';
import type { Stream } from './stream.ts';

/** 40 ms: smaller blocks cost bytes, larger ones delay. */
const FRAMES_PER_SECOND = 25;

/** The track that `FlacFromPcm` makes. */
export function flacTrackOf(track: PcmTrack): FlacTrack {
  const clockRate = sampleRateOf(track);
  const frameSamples = Math.max(16, Math.round(clockRate / FRAMES_PER_SECOND));
  return { kind: 'audio', codec: 'flac', clockRate, channels: track.channels, frameSamples };
}

/** Encodes G.711, G.722 or LPCM of any packet length as FLAC frames of 40 ms with steady timestamps. */
export class FlacFromPcm {
  readonly #encoder: FlacEncoder;
  readonly #decoder: PcmDecoder;
  readonly #blocks: PcmBlockBuffer;
  /** Buffer for the PCM values of the current sample. */
  #values = new Int16Array(0);
  /** PCM samples in a tick of the input. */
  readonly #samplesPerTick: number;

  /** @param emit called during `push` for each full frame */
  constructor(track: PcmTrack, emit: (sample: Sample) => void) {
    const { clockRate, channels, frameSamples } = flacTrackOf(track);
    this.#decoder = pcmDecoderOf(track);
    const { unusedBits } = this.#decoder;
    this.#encoder = new FlacEncoder({ sampleRateHz: clockRate, channels, frameSamples, unusedBits });
    this.#samplesPerTick = clockRate / track.clockRate;
    this.#blocks = new PcmBlockBuffer({ rateHz: clockRate, channels, blockSamples: frameSamples }, (block, pts, wall) =>
      emit({ pts, dts: pts, wall, key: true, data: this.#encoder.encode(block) }),
    );
  }

  push(sample: Sample): void {
    const maxValues = sample.data.length * this.#decoder.valuesPerByte;
    if (this.#values.length < maxValues) {
      this.#values = new Int16Array(Math.ceil(maxValues));
    }
    const count = this.#decoder.decode(sample.data, this.#values);
    this.#blocks.push(this.#values, count, sample.pts * this.#samplesPerTick, sample.wall);
  }
}

/** Container format of recordings, HLS and live fMP4. */
export type Container = 'fmp4' | 'mpegts';

const derived: Record<Container, WeakMap<Stream, DerivedStream>> = { fmp4: new WeakMap(), mpegts: new WeakMap() };

/**
 * The stream without the tracks that the container cannot hold; in MP4 with FLAC in place of G.711, G.722 and LPCM, which browsers
 * reject in MP4. All callers share one derived stream; without a change it is the stream itself.
 */
export function containerStream(stream: Stream, container: Container = 'fmp4'): Stream {
  const place = PLACES[container];
  if (stream.tracks.every((track) => place(track)?.track === track)) {
    return stream;
  }
  const known =
    derived[container].get(stream) ??
    new DerivedStream(stream, { id: 'container-stream', place, startsWithGroup: true });
  derived[container].set(stream, known);
  return known;
}

/** Labels of the tracks that the container stream lacks. Metadata does not count. */
export function leftOutLabels(stream: Stream, container: Container = 'fmp4'): string[] {
  const left = stream.tracks.filter((track) => PLACES[container](track) === undefined && !isMetadata(track));
  return left.map((track) => codecOf(track).label + (container === 'fmp4' ? ofChannels(track) : ''));
}

/** Part of an audio label for MP4, which lacks only PCM with more channels than the FLAC encoder supports. */
const ofChannels = (track: Track): string => (track.kind === 'audio' ? ` with ${track.channels} channels` : '');

/** The track as each container holds it, or undefined if the container does not hold it. */
const PLACES: Record<Container, (track: Track) => DerivedTrack | undefined> = {
  fmp4: (track) => {
    if (isPcm(track)) {
      return { track: flacTrackOf(track), convert: (emit) => new FlacFromPcm(track, emit) };
    }
    return codecOf(track).sampleEntry && { track };
  },
  // Metadata is not recorded: playback would have no place for it.
  mpegts: (track) => (track.kind !== 'data' && codecOf(track).tsFormat?.(track) ? { track } : undefined),
};
