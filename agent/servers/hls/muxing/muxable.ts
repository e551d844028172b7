import { CODECS, type CodecInfo, codecOf, codecString } from '../../../media/codecs.ts';
import type { Track } from '../../../media/sample/track.ts';
import { type Container, containerStream, leftOutLabels } from '../../../stream/container-stream.ts';
import type { Stream } from '../../../stream/stream.ts';
import type { HlsVariant } from '../contracts/hls-muxer.ts';

const SUPPORTED: Readonly<Record<Container, string>> = {
  fmp4: listOf(CODECS.filter(({ hls, fmp4As }) => hls?.fmp4 || fmp4As)),
  mpegts: listOf(CODECS.filter(({ hls }) => hls?.mpegts)),
};
const HINT: Readonly<Record<Container, string>> = {
  fmp4: 'with hlsVariant mpegts it supports more',
  mpegts: 'with hlsVariant fmp4 or lowLatency it supports more',
};
function listOf(codecs: readonly CodecInfo[]): string {
  const names = codecs.map(({ label, hls }) => hls?.label ?? label);
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

export const containerOf = (variant: HlsVariant): Container => (variant === 'mpegts' ? 'mpegts' : 'fmp4');

/** @param track of a container stream: in fMP4, PCM is FLAC */
export function isMuxed(track: Track, container: Container = 'fmp4'): boolean {
  const { hls } = codecOf(track);
  return hls?.[container] !== undefined && (hls.takes?.(track) ?? true);
}

/** Audio in fMP4 that some players do not decode. */
export const isRare = (track: Track): boolean => codecOf(track).hls?.fmp4 === 'rare';

/**
 * The tracks of MPEG-TS segments: the first video, and the first AAC or else the first audio, since players cannot choose within a segment.
 * @returns indexes in `tracks`, video first
 */
export function tsTracks(tracks: readonly Track[]): readonly number[] {
  const places = tracks.flatMap((track, i) => (isMuxed(track, 'mpegts') ? [i] : []));
  const sounds = places.filter((i) => tracks[i]?.kind === 'audio');
  const video = places.find((i) => tracks[i]?.kind === 'video');
  const sound = sounds.find((i) => tracks[i]?.codec === 'aac') ?? sounds[0];
  return [video, sound].filter((i) => i !== undefined);
}

/**
 * CODECS of MPEG-TS segments, alternatives for different players: hls.js recognises MP3 under Apple's name only,
 * Chromium's own player under its object type; both play video without AC-3 if it is not listed.
 */
export function tsCodecs(tracks: readonly Track[]): readonly (readonly string[])[] {
  const names = tracks.map((track) => codecString(track) ?? '');
  const sound = tracks.findIndex(({ codec }) => codec === 'mpeg-audio' || codec === 'ac3' || codec === 'eac3');
  if (sound < 0) {
    return [names];
  }
  if (tracks[sound]?.codec === 'mpeg-audio') {
    return [names.with(sound, 'mp4a.40.34'), names];
  }
  return tracks.length > 1 ? [names, names.toSpliced(sound, 1)] : [names];
}

/** Labels of tracks missing in HLS. */
export function leftOutOfHls(stream: Stream, container: Container = 'fmp4'): string[] {
  const unplayable = containerStream(stream, container).tracks.filter((track) => !isMuxed(track, container));
  return [...leftOutLabels(stream, container), ...unplayable.map(labelOf)];
}

function labelOf(track: Track): string {
  return codecOf(track).label + (track.codec === 'mpeg-audio' ? ` layer ${track.layer}` : '');
}

/** A sentence for users about how to get the missing tracks. */
export function adviceFor(stream: Stream, container: Container): string {
  const other = container === 'mpegts' ? 'fmp4' : 'mpegts';
  const [lost, lostThere] = [leftOutOfHls(stream, container), leftOutOfHls(stream, other)];
  const gained = lost.filter((label) => !lostThere.includes(label));
  if (gained.length === 0) {
    return `only another codec helps: HLS supports ${SUPPORTED[container]}`;
  }
  const missing = lostThere.filter((label) => !lost.includes(label));
  const but = missing.length === 0 ? '' : `, but not ${missing.join(' and ')}`;
  return `hlsVariant: ${other === 'fmp4' ? 'lowLatency' : 'mpegts'} takes ${gained.join(' and ')}${but}`;
}

/** Why HLS cannot play any track of the stream. */
export function hlsRefusal(name: string, stream: Stream, container: Container = 'fmp4'): string {
  const codecs = leftOutOfHls(stream, container).join(' and ');
  if (codecs === '') {
    return `the stream on path '${name}' has neither video nor audio`;
  }
  const other = container === 'mpegts' ? 'fmp4' : 'mpegts';
  const hint = leftOutOfHls(stream, other).length < stream.tracks.length ? `; ${HINT[container]}` : '';
  const way = container === 'mpegts' ? 'HLS of hlsVariant mpegts' : 'HLS';
  return `the stream on path '${name}' has ${codecs}, which ${way} does not support: it supports ${SUPPORTED[container]}${hint}`;
}
