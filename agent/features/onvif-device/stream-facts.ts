import { codecOf } from '../../media/codecs.ts';
import type { AudioTrack, Track, VideoTrack } from '../../media/sample/track.ts';
import type { Stream } from '../../stream/stream.ts';
import type { StreamFacts } from './server/contract.ts';

export const NO_FACTS: StreamFacts = {
  video: undefined,
  codecProfile: undefined,
  width: undefined,
  height: undefined,
  fps: undefined,
  groupFrames: undefined,
  bitrateKbps: undefined,
  audio: undefined,
  audioRateHz: undefined,
  audioChannels: undefined,
};

type Measured = Pick<StreamFacts, 'fps' | 'groupFrames' | 'bitrateKbps'>;

/**
 * What recorders ask of a stream, with the names of ONVIF.
 * @param bitsPerSecond measured; 0: not yet
 * @param former measured values stay until there are new ones
 */
export function factsOf(
  stream: Pick<Stream, 'tracks' | 'fps' | 'longestGroupMs'>,
  bitsPerSecond: number,
  former: Measured,
): StreamFacts {
  const video = stream.tracks.find((track) => track.kind === 'video');
  const audio = stream.tracks.find((track) => track.kind === 'audio');
  const fps = signalledFps(video) ?? stream.fps ?? former.fps;
  const groupFrames = fps === undefined ? 0 : Math.round((stream.longestGroupMs * fps) / 1000);
  return {
    video: video && trackName(video),
    codecProfile: video && codecProfileOf(video),
    width: video?.width,
    height: video?.height,
    fps: fps === undefined ? undefined : Math.round(fps * 100) / 100,
    groupFrames: groupFrames > 0 ? groupFrames : former.groupFrames,
    bitrateKbps: bitsPerSecond > 0 ? bitsPerSecond / 1000 : former.bitrateKbps,
    audio: audio && trackName(audio),
    audioRateHz: audio && sampleRateOf(audio),
    audioChannels: audio?.channels,
  };
}

/** The signalled frame rate; undefined if it is not credible. Some cameras signal 0, others their clock rate. */
const signalledFps = (video: VideoTrack | undefined): number | undefined =>
  video?.fps !== undefined && video.fps > 0 && video.fps <= 240 ? video.fps : undefined;

const H264_PROFILES: Readonly<Record<number, string>> = { 66: 'Baseline', 77: 'Main', 88: 'Extended' };
const H265_PROFILES: Readonly<Record<number, string>> = { 1: 'Main', 2: 'Main10' };

/** All profiles of H.264 above Main are called High (ONVIF Media §5.2.3). */
function codecProfileOf(track: VideoTrack): string | undefined {
  switch (track.codec) {
    case 'h264':
      // profile_idc follows the NAL header (H.264 §7.3.2.1.1).
      return H264_PROFILES[track.sps[1] ?? 0] ?? 'High';
    case 'h265':
      // general_profile_idc: the lowest five bits of the fourth byte (H.265 §7.3.2.2.1).
      return H265_PROFILES[(track.sps[3] ?? 0) & 0x1f];
    default:
      return undefined;
  }
}

/** Media types of RTP (IANA), where they differ from Perch's names; `MPEG4` and `AAC` as in Media 1. */
const NAMES: Partial<Readonly<Record<Track['codec'], string>>> = {
  mjpeg: 'JPEG',
  'mpeg4-video': 'MPEG4',
  'mpeg-video': 'MPV',
  aac: 'AAC',
  'mpeg-audio': 'MPA',
  lpcm: 'L16',
};

function trackName(track: Track): string {
  if (track.codec === 'g711') {
    return track.law === 'mu' ? 'PCMU' : 'PCMA';
  }
  return NAMES[track.codec] ?? codecOf(track).label;
}

/** Sample rate in Hz. The RTP clock rate of some codecs differs from it (RFC 3551 §4.5.2 and §4.5.13). */
function sampleRateOf(track: AudioTrack): number {
  return track.codec === 'mpeg-audio' ? track.sampleRate : track.codec === 'g722' ? 16_000 : track.clockRate;
}
