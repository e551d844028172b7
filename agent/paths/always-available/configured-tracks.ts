import type { AvailableTrack } from '../../config/schema/sources/always-available.ts';
import { writeAacConfig } from '../../media/aac/params.ts';
import type { Track } from '../../media/sample/track.ts';
import { OfflinePicture } from './offline-picture.ts';

/** Size of the picture before the source is known, in pixels. */
const [WIDTH, HEIGHT] = [1280, 720];

/** @returns none if a description is known from the source only: video other than H.264 */
export function configuredTracks(tracks: readonly AvailableTrack[]): readonly Track[] {
  const known = tracks.map(trackOf);
  return known.every((track) => track !== undefined) ? known : [];
}

function trackOf({ codec, sampleRate: clockRate, channelCount: channels, muLaw }: AvailableTrack): Track | undefined {
  switch (codec) {
    case 'H264':
      return new OfflinePicture(WIDTH, HEIGHT).track;
    case 'Opus':
      return { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: channels || 2 };
    case 'G711':
      return { kind: 'audio', codec: 'g711', clockRate, channels, law: muLaw ? 'mu' : 'a' };
    case 'LPCM':
      return { kind: 'audio', codec: 'lpcm', clockRate, channels, bitDepth: 16 };
    case 'MPEG4Audio': {
      const config = writeAacConfig(clockRate, channels);
      return config && { kind: 'audio', codec: 'aac', clockRate, channels, config, frameSamples: 1_024 };
    }
    default:
      return undefined;
  }
}
