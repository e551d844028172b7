import type { VodLayout } from './vod-layout.ts';

export interface PlaylistFile {
  readonly layout: VodLayout;
  /** Relative to the playlist. */
  readonly uri: string;
  /** Unix microseconds of the file's time 0. */
  readonly startUs: number;
  readonly from: number;
  readonly to: number;
  /** Continues the previous file with the same init segment. */
  readonly isContinued: boolean;
  /** Added to the layout's times to continue the previous file. */
  readonly stepSeconds: number;
}

interface PlaylistKind {
  readonly isEnded: boolean;
  /** EXT-X-START offset, or undefined for the player's choice. */
  readonly startOffsetSeconds: number | undefined;
  /** Minimum of EXT-X-TARGETDURATION. A longer segment raises it to its duration, rounded up. */
  readonly minTargetSeconds: number;
}

/** Needed for byte ranges of an fMP4, RFC 8216 §7. */
const VERSION = 7;
/** A longer pause between frames within a file is a gap. */
const GAP_SECONDS = 0.001;

/** Media playlist, RFC 8216 §4.3.3. Uses relative URIs only, so that it works under any prefix. */
export function writeVodPlaylist(files: readonly PlaylistFile[], kind: PlaylistKind): string {
  const target = Math.max(kind.minTargetSeconds, Math.ceil(longestSeconds(files)), 1);
  const lines = [
    '#EXTM3U',
    `#EXT-X-VERSION:${VERSION}`,
    `#EXT-X-TARGETDURATION:${target}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    `#EXT-X-PLAYLIST-TYPE:${kind.isEnded ? 'VOD' : 'EVENT'}`,
    '#EXT-X-INDEPENDENT-SEGMENTS',
  ];
  if (kind.startOffsetSeconds !== undefined) {
    lines.push(`#EXT-X-START:TIME-OFFSET=${kind.startOffsetSeconds.toFixed(3)},PRECISE=YES`);
  }
  const headers = headersOf(files, kind.isEnded);
  for (let i = 0; i < files.length; i += 1) {
    writeFile(lines, files[i] as PlaylistFile, i === 0, headers[i] === headers[i - 1] ? undefined : headers[i]);
  }
  if (kind.isEnded) {
    lines.push('#EXT-X-ENDLIST');
  }
  lines.push('');
  return lines.join('\n');
}

/**
 * The file that provides each init segment. Consecutive files of one form share that of the last, which is deleted
 * last; in a growing playlist that of the first. ffmpeg complains about one per file.
 */
function headersOf(files: readonly PlaylistFile[], isEnded: boolean): PlaylistFile[] {
  const headers: PlaylistFile[] = [...files];
  const isSame = (i: number, other: number): boolean => files[i]?.layout.formTag === files[other]?.layout.formTag;
  for (let i = 1; i < files.length && !isEnded; i += 1) {
    headers[i] = isSame(i, i - 1) ? (headers[i - 1] as PlaylistFile) : (files[i] as PlaylistFile);
  }
  for (let i = files.length - 2; i >= 0 && isEnded; i -= 1) {
    headers[i] = isSame(i, i + 1) ? (headers[i + 1] as PlaylistFile) : (files[i] as PlaylistFile);
  }
  return headers;
}

/** @param header undefined to leave it unchanged */
function writeFile(lines: string[], file: PlaylistFile, isFirst: boolean, header: PlaylistFile | undefined): void {
  const { layout, uri, from, to } = file;
  const { startSeconds, endSeconds } = layout.cuts;
  if (!isFirst && !file.isContinued) {
    lines.push('#EXT-X-DISCONTINUITY');
  }
  if (header) {
    lines.push(`#EXT-X-MAP:URI="${header.uri}",BYTERANGE="${header.layout.init.length}@0"`);
  }
  for (let i = from; i < to; i += 1) {
    const start = startSeconds[i] as number;
    const isBehindHole = i > from && start - (endSeconds[i - 1] as number) > GAP_SECONDS;
    if (isBehindHole) {
      lines.push('#EXT-X-DISCONTINUITY');
    }
    // Within a continuous stream, stream times count, as in /list and /get: file labels vary by milliseconds.
    if ((i === from && !file.isContinued) || isBehindHole) {
      lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(file.startUs / 1000 + start * 1000)).toISOString()}`);
    }
    const at = layout.offsets[i] as number;
    lines.push(
      `#EXTINF:${secondsOf(layout, i).toFixed(5)},`,
      `#EXT-X-BYTERANGE:${(layout.offsets[i + 1] as number) - at}@${at}`,
      uri,
    );
  }
}

/** Players divide by it: never 0. */
const secondsOf = ({ cuts }: VodLayout, i: number): number =>
  Math.max(0.001, (cuts.endSeconds[i] as number) - (cuts.startSeconds[i] as number));

function longestSeconds(files: readonly PlaylistFile[]): number {
  let longest = 0;
  for (const { layout, from, to } of files) {
    for (let i = from; i < to; i += 1) {
      longest = Math.max(longest, secondsOf(layout, i));
    }
  }
  return longest;
}

/**
 * Multivariant playlist with a single stream: Safari needs CODECS for H.265 and FLAC.
 * @param mediaUri relative to the playlist
 */
export function writeVodMultivariant(files: readonly PlaylistFile[], mediaUri: string): string {
  let [bytes, seconds, peak] = [0, 0, 0];
  for (const { layout, from, to } of files) {
    for (let i = from; i < to; i += 1) {
      const segmentBytes = (layout.offsets[i + 1] as number) - (layout.offsets[i] as number);
      bytes += segmentBytes;
      seconds += secondsOf(layout, i);
      peak = Math.max(peak, (segmentBytes * 8) / secondsOf(layout, i));
    }
  }
  const attributes = [
    `BANDWIDTH=${Math.max(1, Math.ceil(peak))}`,
    `AVERAGE-BANDWIDTH=${Math.max(1, Math.ceil(seconds > 0 ? (bytes * 8) / seconds : 0))}`,
  ];
  const codecs = files.map(({ layout }) => layout.codecs);
  if (codecs.every((names) => names !== undefined)) {
    attributes.push(`CODECS="${[...new Set(codecs.flat())].join(',')}"`);
  }
  const size = files.find(({ layout }) => layout.size)?.layout.size;
  if (size) {
    attributes.push(`RESOLUTION=${size.width}x${size.height}`);
  }
  return `#EXTM3U\n#EXT-X-VERSION:${VERSION}\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-STREAM-INF:${attributes.join(',')}\n${mediaUri}\n`;
}
