import { parseAacConfig } from './aac/params.ts';
import { FlacEncoder } from './flac/encode.ts';
import { BitWriter } from './payload/bit-writer.ts';
import type { AacTrack, FlacTrack, OpusTrack, Track } from './sample/track.ts';

/** A coded silent frame. */
export interface SilentFrame {
  readonly data: Uint8Array;
  /** Its duration in ticks of the track. */
  readonly ticks: number;
}

/** Undefined for video, MP3, AC-3, E-AC-3, and AAC with its own channel order. */
export function silentFrame(track: Track): SilentFrame | undefined {
  switch (track.codec) {
    case 'aac':
      return silentAac(track);
    case 'opus':
      return silentOpus(track);
    case 'flac':
      return silentFlac(track);
    default:
      return undefined;
  }
}

const AAC_LC = 2;
const [SINGLE, PAIR, LOW, END] = [0, 1, 3, 7];
/** The elements of each channelConfiguration, ISO/IEC 14496-3 table 1.19, by number of channels. */
const AAC_ELEMENTS = new Map([
  [1, [SINGLE]],
  [2, [PAIR]],
  [3, [SINGLE, PAIR]],
  [4, [SINGLE, PAIR, SINGLE]],
  [5, [SINGLE, PAIR, PAIR]],
  [6, [SINGLE, PAIR, PAIR, LOW]],
  [8, [SINGLE, PAIR, PAIR, PAIR, LOW]],
]);
const AAC_BYTES = 64;

/** A raw_data_block whose channels have no bands (max_sfb 0), ISO/IEC 14496-3 §4.4.2. */
function silentAac({ config, frameSamples }: AacTrack): SilentFrame | undefined {
  const { objectType, channels } = parseAacConfig(config);
  const elements = AAC_ELEMENTS.get(channels);
  if (objectType !== AAC_LC || !elements) {
    return undefined;
  }
  const out = new BitWriter(AAC_BYTES);
  /** Number of elements by kind. */
  const tags = new Map<number, number>();
  for (const kind of elements) {
    const tag = tags.get(kind) ?? 0;
    tags.set(kind, tag + 1);
    out.bits(kind, 3);
    out.bits(tag, 4);
    if (kind === PAIR) {
      out.bits(0, 1); // common_window: each has its own
      out.bits(0, AAC_CHANNEL_BITS);
    }
    out.bits(0, AAC_CHANNEL_BITS);
  }
  out.bits(END, 3);
  out.align();
  return { data: out.bytes.slice(0, out.length), ticks: frameSamples };
}

/** global_gain 8, ics_info (reserved 1, window_sequence 2, window_shape 1, max_sfb 6, predictor 1), pulse, tns and gain control 1 each. */
const AAC_CHANNEL_BITS = 8 + 11 + 3;

/** CELT, the whole band, 20 ms, one frame (RFC 6716 §3.1); with the bit: two channels. */
const OPUS_TOC = 0xf8;
const OPUS_STEREO = 0x04;
const OPUS_TICKS = 960;
/** A frame that the range decoder reads as silent (RFC 6716 §4.3.1). */
const OPUS_FRAME = [0xff, 0xfe];

/** All streams but the last one have a length (RFC 6716 appendix B). */
function silentOpus({ channels, layout }: OpusTrack): SilentFrame {
  const streams = layout?.streams ?? 1;
  const coupled = layout?.coupledStreams ?? channels - 1;
  const packets = Array.from({ length: streams }, (_, i) => [
    i < coupled ? OPUS_TOC | OPUS_STEREO : OPUS_TOC,
    ...(i < streams - 1 ? [OPUS_FRAME.length] : []),
    ...OPUS_FRAME,
  ]);
  return { data: Uint8Array.from(packets.flat()), ticks: OPUS_TICKS };
}

function silentFlac({ channels, clockRate, frameSamples }: FlacTrack): SilentFrame {
  const encoder = new FlacEncoder({ sampleRateHz: clockRate, channels, frameSamples, unusedBits: 0 });
  return { data: encoder.encode(new Int16Array(frameSamples * channels)), ticks: frameSamples };
}
