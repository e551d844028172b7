import * as entry from '../mp4/entry/sample-entry.ts';
import type {
  AacTrack,
  Ac3Track,
  Av1Track,
  Eac3Track,
  FlacTrack,
  G711Track,
  H264Track,
  H265Track,
  MpegAudioTrack,
  OpusTrack,
  Vp9Track,
} from '../sample/track.ts';

/** How FLV carries a track. */
export interface FlvFormat {
  /** In tags of the old form: the video codec's number, or the first byte of audio tags, or undefined for Enhanced RTMP only. */
  readonly legacy: number | undefined;
  /** fourCC in tags of Enhanced RTMP, or undefined for the old form only. */
  readonly fourCc: string | undefined;
  /** The decoder's configuration, if one is sent. */
  readonly config: Uint8Array | undefined;
  /** Pictures carry the difference of presentation and decode time. */
  readonly hasComposition: boolean;
}

const BOX_HEADER_BYTES = 8;
const FULL_BOX_HEADER_BYTES = 12;
const AVC = 7;
const AAC = 0xaf;
const MP3 = 0x22;
const G711_A = 0x70;
const G711_MU = 0x80;
const SIXTEEN_BITS = 2;
const STEREO = 1;
/** Sample rates by the two bits of the tag that name them. */
const RATES_HZ = [5_500, 11_025, 22_050, 44_100];
const OPUS_PRE_SKIP_SAMPLES = 312;

const content = (box: Uint8Array): Uint8Array => box.subarray(BOX_HEADER_BYTES);
const audio = (fourCc: string, config: Uint8Array | undefined): FlvFormat => ({
  legacy: undefined,
  fourCc,
  config,
  hasComposition: false,
});

export const h264Format = (track: H264Track): FlvFormat => ({
  legacy: AVC,
  fourCc: 'avc1',
  config: content(entry.avcC(track)),
  hasComposition: true,
});

export const h265Format = (track: H265Track): FlvFormat => ({
  legacy: undefined,
  fourCc: 'hvc1',
  config: content(entry.hvcC(track)),
  hasComposition: true,
});

export const av1Format = (track: Av1Track): FlvFormat => audio('av01', content(entry.av1C(track)));

export const vp9Format = (track: Vp9Track): FlvFormat =>
  audio('vp09', entry.vpcC(track).subarray(FULL_BOX_HEADER_BYTES));

export const aacFormat = ({ config }: AacTrack): FlvFormat => ({ ...audio('mp4a', config), legacy: AAC });

/** Undefined: not MP3, the only MPEG audio that FLV has a name for. */
export function mpegAudioFormat({ layer, sampleRate, channels }: MpegAudioTrack): FlvFormat | undefined {
  const nearest = RATES_HZ.findIndex((rateHz) => sampleRate <= rateHz);
  const rate = nearest < 0 ? RATES_HZ.length - 1 : nearest;
  const legacy = (MP3 & 0xf0) | (rate << 2) | SIXTEEN_BITS | (channels === 2 ? STEREO : 0);
  return layer === 3 ? { ...audio('.mp3', undefined), legacy } : undefined;
}

/** With an identification header (RFC 7845 §5.1) as configuration. */
export function opusFormat({ channels, layout }: OpusTrack): FlvFormat {
  const head = Buffer.alloc(19);
  head.write('OpusHead');
  head.writeUInt8(1, 8);
  head.writeUInt8(channels, 9);
  head.writeUInt16LE(OPUS_PRE_SKIP_SAMPLES, 10);
  head.writeUInt32LE(48_000, 12);
  head.writeUInt8(layout ? 1 : 0, 18);
  const mapping = layout ? [layout.streams, layout.coupledStreams, ...layout.mapping] : [];
  return audio('Opus', Buffer.concat([head, Uint8Array.from(mapping)]));
}

export const ac3Format = (_track: Ac3Track): FlvFormat => audio('ac-3', undefined);

export const eac3Format = (_track: Eac3Track): FlvFormat => audio('ec-3', undefined);

export const flacFormat = (track: FlacTrack): FlvFormat =>
  audio('fLaC', Buffer.concat([Buffer.from('fLaC'), entry.dfLa(track).subarray(FULL_BOX_HEADER_BYTES)]));

/** Undefined: not 8 kHz mono, the only G.711 that FLV carries. */
export const g711Format = ({ law, clockRate, channels }: G711Track): FlvFormat | undefined =>
  clockRate === 8_000 && channels === 1
    ? {
        legacy: (law === 'a' ? G711_A : G711_MU) | SIXTEEN_BITS,
        fourCc: undefined,
        config: undefined,
        hasComposition: false,
      }
    : undefined;
