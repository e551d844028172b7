import type { HlsRendition } from '../contracts/hls-muxer.ts';
import { playlistName, safeQuery, versionOf } from './playlist-text.ts';

interface Variant {
  readonly group: string | undefined;
  readonly audio: readonly HlsRendition[];
  /** CODECS of the leading rendition, which may have alternatives. */
  readonly codecs: readonly string[];
}

/**
 * The multivariant playlist (RFC 8216bis §4.4.6): one variant, and another one for players that lack an audio codec or know it by another
 * name.
 * @param renditions the leading one first; those without a playlist are omitted
 * @param query with its `?`, appended to every URL
 */
export function writeMultivariantPlaylist(renditions: readonly HlsRendition[], query: string): string {
  const [leading, ...others] = renditions.filter((rendition) => rendition.playlist !== undefined);
  if (!leading?.playlist) {
    return '#EXTM3U\n';
  }
  const tail = safeQuery(query);
  const variants = variantsOf(leading, others);
  let text = `#EXTM3U\n#EXT-X-VERSION:${versionOf(leading.playlist)}\n`;
  for (const { group, audio } of variants) {
    for (const [i, { name }] of (group === undefined ? [] : audio).entries()) {
      const attributes = `TYPE=AUDIO,GROUP-ID="${group}",NAME="${name}",AUTOSELECT=YES,DEFAULT=${i === 0 ? 'YES' : 'NO'}`;
      text += `#EXT-X-MEDIA:${attributes},URI="${playlistName(name)}${tail}"\n`;
    }
  }
  for (const [i, variant] of variants.entries()) {
    // Without a score players prefer the cheaper variant without audio.
    const score = variants.length > 1 ? `,SCORE=${variants.length - i}.0` : '';
    text += `#EXT-X-STREAM-INF:${attributesOf(leading, variant)}${score}\n${playlistName(leading.name)}${tail}\n`;
  }
  return text;
}

function variantsOf(leading: HlsRendition, others: readonly HlsRendition[]): Variant[] {
  const { codecs, otherCodecs = [] } = leading;
  if (others.length === 0) {
    return [codecs, ...otherCodecs].map((names) => ({ group: undefined, audio: [], codecs: names }));
  }
  // Additional audio is an alternative to the first, which is then in the group as well.
  const all = leading.kind === 'video' ? others : [leading, ...others];
  const usual = all.filter((rendition) => !rendition.isRare);
  const variants: Variant[] = [{ group: 'audio', audio: all, codecs }];
  if (usual.length < all.length && leading.kind === 'video') {
    variants.push({ group: usual.length > 0 ? 'usual' : undefined, audio: usual, codecs });
  }
  return variants;
}

function attributesOf(leading: HlsRendition, { group, audio, codecs: own }: Variant): string {
  const others = audio.filter((rendition) => rendition !== leading).map((rendition) => rendition.bitRate());
  const rate = leading.bitRate();
  const peak = rate.peak + Math.max(0, ...others.map((other) => other.peak));
  const average = rate.average + Math.max(0, ...others.map((other) => other.average));
  const codecs = [...new Set([...own, ...audio.flatMap((rendition) => rendition.codecs)])].join(',');
  let text = `BANDWIDTH=${Math.ceil(peak)},AVERAGE-BANDWIDTH=${Math.ceil(average)},CODECS="${codecs}"`;
  if (leading.picture) {
    text += `,RESOLUTION=${leading.picture.width}x${leading.picture.height}`;
  }
  if (leading.picture?.fps) {
    text += `,FRAME-RATE=${leading.picture.fps.toFixed(3)}`;
  }
  return group === undefined ? text : `${text},AUDIO="${group}"`;
}
