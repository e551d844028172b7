import { PerchError } from '../../base/errors.ts';
import { CODEC_LABEL, type Track } from '../track.ts';

export interface SdpOptions {
  /** The `s=` line; what stands there is for people. */
  readonly name: string;
  /** Address for the `o=` and `c=` lines, such as `127.0.0.1`. */
  readonly host: string;
  /** A number for the `o=` line that differs between sessions. */
  readonly sessionId: number;
}

/** RFC 3551 §6. */
const PCMU_PAYLOAD_TYPE = 0;
const PCMA_PAYLOAD_TYPE = 8;
const FIRST_DYNAMIC_PAYLOAD_TYPE = 96;

/** The payload type that `writeSdp` announces for a track. */
export function payloadTypeOf(track: Track, index: number): number {
  if (track.codec === 'g711' && track.clockRate === 8000 && track.channels === 1) {
    return track.law === 'a' ? PCMA_PAYLOAD_TYPE : PCMU_PAYLOAD_TYPE;
  }
  return FIRST_DYNAMIC_PAYLOAD_TYPE + index;
}

/** The relative control URL of a track, as `writeSdp` announces it. */
export function controlOf(index: number): string {
  return `trackID=${index}`;
}

/** The description of a server's stream; each track is one media section with its own control URL. */
export function writeSdp(tracks: readonly Track[], options: SdpOptions): string {
  const family = options.host.includes(':') ? 'IP6' : 'IP4';
  const lines = [
    'v=0',
    `o=- ${options.sessionId} ${options.sessionId} IN ${family} ${options.host}`,
    `s=${options.name.replace(/[\r\n]/g, ' ') || ' '}`,
    `c=IN ${family} ${options.host}`,
    't=0 0',
    'a=control:*',
  ];
  for (const [index, track] of tracks.entries()) {
    const type = payloadTypeOf(track, index);
    lines.push(`m=${track.kind} 0 RTP/AVP ${type}`, `a=rtpmap:${type} ${mapOf(track)}`);
    const fmtp = fmtpOf(track);
    if (fmtp !== '') {
      lines.push(`a=fmtp:${type} ${fmtp}`);
    }
    lines.push(`a=control:${controlOf(index)}`);
  }
  return `${lines.join('\r\n')}\r\n`;
}

function mapOf(track: Track): string {
  switch (track.codec) {
    case 'h264':
      return `H264/${track.clockRate}`;
    case 'h265':
      return `H265/${track.clockRate}`;
    case 'aac':
      return `mpeg4-generic/${track.clockRate}/${track.channels}`;
    case 'opus':
      // Two channels whatever is inside, RFC 7587 §7.
      return 'opus/48000/2';
    case 'g711':
      return `${track.law === 'a' ? 'PCMA' : 'PCMU'}/${track.clockRate}${track.channels > 1 ? `/${track.channels}` : ''}`;
    case 'flac':
      throw new PerchError('unsupported', 'FLAC has no RTP format: it is made for files only');
    default:
      throw new PerchError('unsupported', `${CODEC_LABEL[track.codec]} is not sent over RTP`);
  }
}

function fmtpOf(track: Track): string {
  switch (track.codec) {
    case 'h264': {
      // profile_idc, constraint flags and level_idc follow the SPS's first byte, RFC 6184 §8.1.
      const profile = hex(track.sps.subarray(1, 4));
      const sets = [track.sps, ...track.pps].map(base64).join(',');
      return `packetization-mode=1; profile-level-id=${profile}; sprop-parameter-sets=${sets}`;
    }
    case 'h265':
      return `sprop-vps=${base64(track.vps)}; sprop-sps=${base64(track.sps)}; sprop-pps=${track.pps.map(base64).join(',')}`;
    case 'aac':
      return `streamtype=5; profile-level-id=1; mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config=${hex(track.config)}`;
    case 'opus':
      return track.channels === 2 ? 'sprop-stereo=1' : 'sprop-stereo=0';
    default:
      return '';
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
