import { CODEC_LABEL, type Track } from '../../../media/track.ts';
import { storable, unstorableLabels } from '../../../stream/storable.ts';
import type { Stream } from '../../../stream/stream.ts';

/**
 * What browsers play out of fragmented MP4. VP8, MP3 and AC-3 stand in MP4 too, but no browser takes the first that way, Chromium
 * refuses the second in Media Source Extensions, and the third plays on Apple's machines only.
 */
const MUXED: ReadonlySet<Track['codec']> = new Set(['h264', 'h265', 'av1', 'vp9', 'aac', 'opus', 'flac']);
const SUPPORTED = 'H264, H265, AV1, VP9, MPEG-4 Audio, Opus, FLAC, G711 and LPCM';

/** @param track of a storable stream: G.711 and LPCM are FLAC there */
export const isMuxed = (track: Track): boolean => MUXED.has(track.codec);

/** Labels of the tracks that HLS goes without. */
export function leftOutOfHls(stream: Stream): string[] {
  const unplayable = storable(stream).tracks.filter((track) => !isMuxed(track));
  return [...unstorableLabels(stream), ...unplayable.map((track) => CODEC_LABEL[track.codec])];
}

/** Why a stream of which nothing is left cannot be played by HLS. */
export function hlsRefusal(name: string, stream: Stream): string {
  const codecs = leftOutOfHls(stream).join(' and ');
  return codecs === ''
    ? `the stream on path '${name}' has neither video nor audio`
    : `the stream on path '${name}' has ${codecs}, of which HLS takes nothing: it takes ${SUPPORTED}`;
}
