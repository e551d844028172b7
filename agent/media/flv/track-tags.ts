import { type AmfInput, ecmaArray, writeAmf0 } from '../amf/amf0.ts';
import type { Sample } from '../sample/sample.ts';
import type { Track } from '../sample/track.ts';
import { AUDIO_MULTITRACK, EX_AUDIO, EX_VIDEO, FRAME, MULTITRACK, PACKET, TAG, VIDEO_MULTITRACK } from './codes.ts';
import type { FlvFormat } from './stream-format.ts';

const AAC_FORMAT = 10;

/** The tags of one track. */
export class TrackTags {
  readonly track: Track;
  /** Tag type, one of `TAG`. */
  readonly type: number;
  readonly #format: FlvFormat;
  /** fourCC in tags of Enhanced RTMP, or undefined if the tags have the old form. */
  readonly #fourCc: string | undefined;
  /** Track number in multitrack tags; 0: the tags have one track, without a number. */
  readonly #trackId: number;
  /** Bytes before the sample's data in its tag; reused for each sample. */
  readonly #head: Uint8Array;

  /** @param isEnhanced tags have a fourCC even where the old form could carry the track */
  constructor(track: Track, format: FlvFormat, isEnhanced: boolean, trackId: number) {
    this.track = track;
    this.type = track.kind === 'video' ? TAG.video : TAG.audio;
    this.#format = format;
    this.#fourCc = isEnhanced || trackId > 0 ? format.fourCc : undefined;
    this.#trackId = trackId;
    this.#head = Uint8Array.from(this.#headOf(PACKET.codedFrames));
  }

  /** The body of the tag before the first sample. */
  get header(): Uint8Array | undefined {
    const { config } = this.#format;
    if (!config) {
      return undefined;
    }
    const head = this.#headOf(PACKET.sequenceStart);
    // The composition time is a part of coded frames only.
    const isEnhanced = this.#fourCc !== undefined;
    const bytes = isEnhanced && this.#format.hasComposition ? head.slice(0, -3) : head;
    return Buffer.concat([Uint8Array.from(bytes), config]);
  }

  timestampOf({ dts }: Sample): number {
    return Math.round((dts * 1000) / this.track.clockRate);
  }

  /** What precedes the sample's data in its tag; valid up to the next call. */
  head(sample: Sample, timestamp: number): Uint8Array {
    const head = this.#head;
    if (this.type === TAG.video) {
      const frame = sample.key ? FRAME.key : FRAME.inter;
      head[0] = ((head[0] as number) & 0x8f) | (frame << 4);
    }
    if (this.#format.hasComposition) {
      const compositionMs = Math.max(0, Math.round((sample.pts * 1000) / this.track.clockRate) - timestamp);
      const at = head.length - 3;
      head[at] = compositionMs >> 16;
      head[at + 1] = compositionMs >> 8;
      head[at + 2] = compositionMs;
    }
    return head;
  }

  #headOf(packet: number): number[] {
    const isVideo = this.type === TAG.video;
    const { legacy = 0, hasComposition } = this.#format;
    const composition = hasComposition ? [0, 0, 0] : [];
    const fourCc = this.#fourCc;
    if (fourCc === undefined) {
      const audio = legacy >> 4 === AAC_FORMAT ? [legacy, packet] : [legacy];
      return isVideo ? [(FRAME.key << 4) | legacy, packet, ...composition] : audio;
    }
    const lead = isVideo ? EX_VIDEO | (FRAME.key << 4) : EX_AUDIO << 4;
    const code = [...Buffer.from(fourCc, 'latin1')];
    if (this.#trackId === 0) {
      return [lead | packet, ...code, ...composition];
    }
    const multitrack = isVideo ? VIDEO_MULTITRACK : AUDIO_MULTITRACK;
    return [lead | multitrack, (MULTITRACK.one << 4) | packet, ...code, this.#trackId, ...composition];
  }

  /** Fields of onMetaData for this track. */
  get metadata(): { readonly [name: string]: AmfInput } {
    const { track } = this;
    const fourCc = this.#fourCc ?? '';
    const number = [...Buffer.from(fourCc, 'latin1')].reduce((sum, byte) => sum * 256 + byte, 0);
    const { legacy = 0 } = this.#format;
    if (track.kind === 'video') {
      const { width, height, fps } = track;
      const codec = fourCc === '' ? legacy : number;
      return { width, height, videocodecid: codec, ...(fps === undefined ? {} : { framerate: fps }) };
    }
    if (track.kind !== 'audio') {
      return {};
    }
    const rateHz = track.codec === 'mpeg-audio' ? track.sampleRate : track.clockRate;
    const codec = fourCc === '' ? legacy >> 4 : number;
    return { audiocodecid: codec, audiosamplerate: rateHz, audiosamplesize: 16, stereo: track.channels === 2 };
  }
}

/** The body of the script tag at the start of a stream. */
export function writeMetadata(tracks: readonly TrackTags[]): Buffer {
  const fields: { [name: string]: AmfInput } = {};
  // The first track of a kind comes last, so that its fields count.
  for (const tags of [...tracks].reverse()) {
    Object.assign(fields, tags.metadata);
  }
  return writeAmf0('onMetaData', ecmaArray({ ...fields, encoder: 'Perch' }));
}
