import { codecOf, isMetadata } from '../media/codecs.ts';
import { FlacFromPcm, flacTrackOf } from '../media/flac/from-pcm.ts';
import { isPcm } from '../media/pcm/decode.ts';
import type { Track } from '../media/sample/track.ts';
import { DerivedStream, type DerivedTrack } from './derived-stream.ts';
import type { Stream } from './stream.ts';

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

/** The track as each container holds it; undefined: the container does not hold it. */
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
