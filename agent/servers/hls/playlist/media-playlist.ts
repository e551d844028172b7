import type { VideoTrack } from '../../../media/track.ts';

/** What a media playlist tells of a segment (RFC 8216 §4.3.2). */
export interface SegmentLine {
  readonly number: number;
  readonly name: string;
  readonly durationS: number;
  readonly wallMs: number;
  readonly init: { readonly name: string };
  readonly isDiscontinuity: boolean;
  readonly isIndependent: boolean;
  readonly isGap: boolean;
}

export interface MediaPlaylist {
  readonly targetDurationS: number;
  /** Up to the first segment, its own included. */
  readonly discontinuitySequence: number;
  /** Oldest first, at least one. */
  readonly segments: readonly SegmentLine[];
}

/** A rendition as the multivariant playlist tells it. */
export interface RenditionLine {
  readonly name: string;
  readonly codec: string;
  /** Undefined for audio. */
  readonly video: Pick<VideoTrack, 'width' | 'height' | 'fps'> | undefined;
  /** Bits per second. */
  readonly peak: number;
  readonly average: number;
}

const VERSION = 10;

/** @param query with its `?`, appended to every address: players do not pass it on by themselves */
export function writeMediaPlaylist(playlist: MediaPlaylist, query: string): string {
  const { segments, targetDurationS, discontinuitySequence } = playlist;
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${VERSION}`];
  if (segments.every((segment) => segment.isIndependent)) {
    lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
  }
  lines.push(`#EXT-X-TARGETDURATION:${targetDurationS}`, `#EXT-X-MEDIA-SEQUENCE:${segments[0]?.number ?? 0}`);
  if (discontinuitySequence > 0) {
    lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuitySequence}`);
  }
  let init = '';
  for (const [i, segment] of segments.entries()) {
    // At the head of the list it says nothing: what it would break with is gone, and the sequence counts it.
    if (segment.isDiscontinuity && i > 0) {
      lines.push('#EXT-X-DISCONTINUITY');
    }
    if (segment.init.name !== init) {
      init = segment.init.name;
      lines.push(`#EXT-X-MAP:URI="${init}${query}"`);
    }
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(segment.wallMs)).toISOString()}`);
    if (segment.isGap) {
      lines.push('#EXT-X-GAP');
    }
    lines.push(`#EXTINF:${segment.durationS.toFixed(5)},`, `${segment.name}${query}`);
  }
  return `${lines.join('\n')}\n`;
}

/** @param renditions the leading one first: the video, or the first audio where there is none */
export function writeMultivariantPlaylist(renditions: readonly RenditionLine[], query: string): string {
  const [leading, ...others] = renditions;
  if (!leading) {
    return '#EXTM3U\n';
  }
  // Audio that accompanies audio is an alternative to it: then the first stands in the group as well.
  const group = leading.video || others.length === 0 ? others : renditions;
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${VERSION}`, ''];
  for (const [i, audio] of group.entries()) {
    const isDefault = i === 0 ? 'YES' : 'NO';
    const attributes = `TYPE=AUDIO,GROUP-ID="audio",NAME="${audio.name}",AUTOSELECT=YES,DEFAULT=${isDefault}`;
    lines.push(`#EXT-X-MEDIA:${attributes},URI="${playlistName(audio.name)}${query}"`);
  }
  lines.push(
    `#EXT-X-STREAM-INF:${streamInf(leading, others, group.length > 0)}`,
    `${playlistName(leading.name)}${query}`,
  );
  return `${lines.join('\n')}\n`;
}

const playlistName = (rendition: string): string => `${rendition}_stream.m3u8`;

function streamInf(leading: RenditionLine, others: readonly RenditionLine[], hasGroup: boolean): string {
  const attributes = [
    `BANDWIDTH=${leading.peak + Math.max(0, ...others.map((other) => other.peak))}`,
    `AVERAGE-BANDWIDTH=${leading.average + Math.max(0, ...others.map((other) => other.average))}`,
    `CODECS="${[...new Set([leading, ...others].map((rendition) => rendition.codec))].join(',')}"`,
  ];
  if (leading.video) {
    attributes.push(`RESOLUTION=${leading.video.width}x${leading.video.height}`);
  }
  if (leading.video?.fps) {
    attributes.push(`FRAME-RATE=${leading.video.fps.toFixed(3)}`);
  }
  if (hasGroup) {
    attributes.push('AUDIO="audio"');
  }
  return attributes.join(',');
}
