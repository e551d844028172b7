import { codecOf } from '../../media/codecs.ts';
import type { FlvFormat } from '../../media/flv/stream-format.ts';
import { TrackTags } from '../../media/flv/track-tags.ts';
import type { Track } from '../../media/sample/track.ts';

/** What a receiver of FLV takes in addition to the codecs of FLV itself (H.264, AAC, MP3, G.711). */
export interface FlvAbilities {
  /** FourCCs of Enhanced RTMP; `*`: all. */
  readonly fourCcs: readonly string[];
  /** Whether it takes more than one video or audio track. */
  readonly hasMultitrack: boolean;
}

export interface FlvSelection {
  /** Tag writers by track number, or undefined if the track is not sent. */
  readonly tags: readonly (TrackTags | undefined)[];
  /** Tracks that are not sent, with the reason. */
  readonly rejected: readonly { readonly codec: string; readonly reason: string }[];
}

export function selectTracks(tracks: readonly Track[], abilities: FlvAbilities): FlvSelection {
  const rejected: { codec: string; reason: string }[] = [];
  const counts = { video: 0, audio: 0, data: 0, multiplex: 0 };
  const tags = tracks.map((track) => {
    const format = codecOf(track).flv?.(track);
    const reason = reasonAgainst(format, abilities, counts[track.kind]);
    if (!format || reason !== undefined) {
      rejected.push({ codec: codecOf(track).label, reason: reason ?? 'not carried in RTMP' });
      return undefined;
    }
    const trackId = counts[track.kind];
    counts[track.kind] += 1;
    return new TrackTags(track, format, format.legacy === undefined, trackId);
  });
  return { tags, rejected };
}

function reasonAgainst(
  format: FlvFormat | undefined,
  { fourCcs, hasMultitrack }: FlvAbilities,
  before: number,
): string | undefined {
  if (!format) {
    return 'not carried in RTMP';
  }
  if (before > 0 && !hasMultitrack) {
    return 'the client takes one track of a kind';
  }
  const isKnown = fourCcs.includes('*') || (format.fourCc !== undefined && fourCcs.includes(format.fourCc));
  const needsFourCc = format.legacy === undefined || before > 0;
  return needsFourCc && !isKnown ? 'the client does not say that it takes this codec' : undefined;
}
