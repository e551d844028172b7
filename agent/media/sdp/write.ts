import { PerchError } from '../../base/errors.ts';
import { parseAv1Sequence } from '../av1/params.ts';
import { writeKeyAttribute } from '../mikey/key-mgmt.ts';
import type { MikeyMessage } from '../mikey/message.ts';
import { profileLevelOf } from '../mpeg4-video/params.ts';
import { writeOpusLayout } from '../opus/params.ts';
import type { AudioTrack, G711Track, Track } from '../sample/track.ts';

interface SdpOptions {
  /** Session name, for the `s=` line. */
  readonly name: string;
  /** Address for the `o=` and `c=` lines, such as `127.0.0.1`. */
  readonly host: string;
  /** A number for the `o=` line that differs between sessions. */
  readonly sessionId: number;
  /** Destination of multicast; without it each receiver chooses its own ports. */
  readonly multicast?: SdpMulticast | undefined;
  /** Keys of SRTP, by track; without them the media is sent as plain RTP. */
  readonly keys?: readonly MikeyMessage[] | undefined;
  /** URL of a recording, for ONVIF clients: tracks have tokens and absolute URLs, because some lose the path before a query. */
  readonly replayUrl?: string;
  /** Audio that the receiver may send (ONVIF Streaming §5.3); its media section follows those of all tracks. */
  readonly backChannel?: G711Track | undefined;
}

interface SdpMulticast {
  readonly group: string;
  /** RTP and RTCP ports by track. */
  readonly ports: readonly (readonly [rtp: number, rtcp: number])[];
  readonly ttl: number;
}

const FIRST_DYNAMIC_PAYLOAD_TYPE = 96;

/** The payload type that `writeSdp` announces for a track. */
export function payloadTypeOf(track: Track, index: number): number {
  return staticPayloadTypeOf(track) ?? FIRST_DYNAMIC_PAYLOAD_TYPE + index;
}

/** A multiplex contains video (RFC 2250 §2); KLV is an application (RFC 6597 §5.1). */
const MEDIA = { video: 'video', audio: 'audio', multiplex: 'video', data: 'application' } as const;

const mediaOf = (track: Track): string => (track.codec === 'generic' ? track.media : MEDIA[track.kind]);

/** RFC 3551 §6. */
function staticPayloadTypeOf(track: Track): number | undefined {
  switch (track.codec) {
    case 'g711':
      return track.clockRate === 8000 && track.channels === 1 ? (track.law === 'a' ? 8 : 0) : undefined;
    case 'g722':
      return track.channels === 1 ? 9 : undefined;
    case 'lpcm':
      return track.bitDepth === 16 && track.clockRate === 44_100 ? { 1: 11, 2: 10 }[track.channels] : undefined;
    case 'mpeg-audio':
      return 14;
    case 'mpeg-video':
      return 32;
    case 'mjpeg':
      return 26;
    case 'mpeg-ts':
      return 33;
    default:
      return undefined;
  }
}

/** The token of a recording's track for ONVIF clients: `video0`, `audio1`. */
export const trackTokenOf = (track: Track, index: number): string => `${mediaOf(track)}${index}`;

/** The relative control URL of a track, as `writeSdp` announces it. */
export function controlOf(index: number): string {
  return `trackID=${index}`;
}

/** FLAC has no RTP format: it comes by Enhanced RTMP. */
export const hasRtp = ({ codec }: Track): boolean => codec !== 'flac';

/**
 * The description of a server's stream; each track that RTP can carry has a media section with its own control URL.
 * @throws PerchError unsupported if there is none
 */
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
  const { backChannel } = options;
  for (const [index, track] of [...tracks, ...(backChannel ? [backChannel] : [])].entries()) {
    if (!hasRtp(track) && tracks.some(hasRtp)) {
      continue;
    }
    const type = payloadTypeOf(track, index);
    const key = options.keys?.[index];
    const protocol = key ? 'RTP/SAVP' : 'RTP/AVP';
    lines.push(`m=${mediaOf(track)} ${options.multicast?.ports[index]?.[0] ?? 0} ${protocol} ${type}`);
    if (options.multicast) {
      // RFC 8866 §5.7: with the scope for IPv4.
      const { group, ttl } = options.multicast;
      lines.push(group.includes(':') ? `c=IN IP6 ${group}` : `c=IN IP4 ${group}/${ttl}`);
    }
    lines.push(`a=rtpmap:${type} ${mapOf(track)}`);
    const fmtp = fmtpOf(track);
    if (fmtp !== '') {
      lines.push(`a=fmtp:${type} ${fmtp}`);
    }
    if (key) {
      lines.push(`a=key-mgmt:${writeKeyAttribute(key)}`);
    }
    const { replayUrl } = options;
    if (replayUrl === undefined) {
      lines.push(`a=control:${controlOf(index)}`);
    } else {
      const [path = '', query = ''] = replayUrl.split('?', 2);
      lines.push(`a=control:${path.replace(/\/$/, '')}/${controlOf(index)}?${query.replace(/\/$/, '')}`);
      lines.push(`a=x-onvif-track:${trackTokenOf(track, index)}`);
    }
    if (track === backChannel) {
      lines.push('a=sendonly');
    }
  }
  return `${lines.join('\r\n')}\r\n`;
}

function mapOf(track: Track): string {
  switch (track.codec) {
    case 'h264':
      return `H264/${track.clockRate}`;
    case 'h265':
      return `H265/${track.clockRate}`;
    case 'av1':
      return `AV1/${track.clockRate}`;
    case 'vp8':
      return `VP8/${track.clockRate}`;
    case 'vp9':
      return `VP9/${track.clockRate}`;
    case 'mjpeg':
      return `JPEG/${track.clockRate}`;
    case 'mpeg4-video':
      return `MP4V-ES/${track.clockRate}`;
    case 'aac':
      return `mpeg4-generic/${track.clockRate}/${track.channels}`;
    case 'opus':
      // Always two channels, RFC 7587 §7; more use `multiopus`, which browsers and GStreamer know, but no RFC.
      return track.layout ? `multiopus/48000/${track.channels}` : 'opus/48000/2';
    case 'g711':
      return `${track.law === 'a' ? 'PCMA' : 'PCMU'}/${track.clockRate}${channelsOf(track)}`;
    case 'g722':
      return `G722/${track.clockRate}${channelsOf(track)}`;
    case 'lpcm':
      return `L${track.bitDepth}/${track.clockRate}${channelsOf(track)}`;
    case 'mpeg-audio':
      return `MPA/${track.clockRate}`;
    case 'ac3':
      return `AC3/${track.clockRate}/${track.channels}`;
    case 'eac3':
      return `EAC3/${track.clockRate}/${track.channels}`;
    case 'mpeg-video':
      return `MPV/${track.clockRate}`;
    case 'klv':
      return `SMPTE336M/${track.clockRate}`;
    case 'generic':
      return track.rtpmap;
    case 'mpeg-ts':
      return `MP2T/${track.clockRate}`;
    case 'flac':
      throw new PerchError('unsupported', 'FLAC has no RTP format');
  }
}

/** One channel is omitted, RFC 8866 §6.6. */
function channelsOf({ channels }: AudioTrack): string {
  return channels > 1 ? `/${channels}` : '';
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
    case 'av1': {
      const { profile, levelIdx, tier } = parseAv1Sequence(track.sequenceHeader);
      return `profile=${profile}; level-idx=${levelIdx}; tier=${tier}`;
    }
    case 'vp9':
      return `profile-id=${track.profile}`;
    case 'mpeg4-video':
      return `profile-level-id=${profileLevelOf(track.config)}; config=${hex(track.config)}`;
    case 'aac':
      return `streamtype=5; profile-level-id=1; mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config=${hex(track.config)}`;
    case 'opus':
      if (track.layout) {
        return writeOpusLayout(track.layout);
      }
      return track.channels === 2 ? 'sprop-stereo=1' : 'sprop-stereo=0';
    case 'generic':
      return track.fmtp;
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
