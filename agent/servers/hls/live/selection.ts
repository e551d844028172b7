import { PerchError } from '../../../base/errors.ts';
import { codecOf, codecString } from '../../../media/codecs.ts';
import type { Track } from '../../../media/sample/track.ts';
import { containerStream, leftOutLabels } from '../../../stream/container-stream.ts';
import type { Stream } from '../../../stream/stream.ts';
import { isMuxed } from '../muxing/muxable.ts';
import type { MseLeftOut } from './mse-protocol.ts';

/** The tracks of a stream for one viewer. */
export interface Selection {
  /** Track numbers in the container stream. */
  readonly tracks: readonly number[];
  readonly leftOut: readonly MseLeftOut[];
}

export interface SelectionRequest {
  /** Supported codecs, or undefined for all. */
  readonly codecs: readonly string[] | undefined;
  /** One video and one audio track, for a SourceBuffer; else all audio tracks. */
  readonly isOneOfEach: boolean;
}

const MAX_CODECS_CHARACTERS = 1_000;

/** @param text comma-separated, or undefined for all */
export function parseCodecs(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) {
    return undefined;
  }
  if (text.length > MAX_CODECS_CHARACTERS) {
    throw new PerchError('badInput', `codecs of ${text.length} characters, at most ${MAX_CODECS_CHARACTERS} allowed`);
  }
  return text
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

export function selectTracks(stream: Stream, { codecs, isOneOfEach }: SelectionRequest): Selection {
  const tracks: number[] = [];
  const leftOut: MseLeftOut[] = leftOutLabels(stream).map((label) => ({
    kind: trackKind(stream, label),
    label,
    reason: 'container',
  }));
  const has = { video: false, audio: false };
  for (const [number, track] of containerStream(stream).tracks.entries()) {
    const kind = track.kind === 'video' ? 'video' : 'audio';
    const reason =
      reasonAgainst(track, codecs) ?? (has[kind] && (kind === 'video' || isOneOfEach) ? 'second' : undefined);
    if (reason === undefined) {
      has[kind] = true;
      tracks.push(number);
    } else {
      const codec = codecString(track);
      leftOut.push({ kind, label: codecOf(track).label, ...(codec === undefined ? {} : { codec }), reason });
    }
  }
  return { tracks, leftOut };
}

/** Prefixes of video codecs. */
const PICTURES = /^(?:av[c0]|hvc|hev|vp0|mp4v)/;

/**
 * The stream has video and the viewer supports video codecs, but not this one: audio alone is no answer. A viewer that
 * names no video codec wants audio only.
 */
export const lacksPictures = (
  stream: Stream,
  { tracks, leftOut }: Selection,
  codecs: SelectionRequest['codecs'],
): boolean =>
  codecs?.some((name) => PICTURES.test(name)) === true &&
  leftOut.some(({ kind }) => kind === 'video') &&
  !tracks.some((number) => containerStream(stream).tracks[number]?.kind === 'video');

function reasonAgainst(track: Track, codecs: readonly string[] | undefined): 'container' | 'browser' | undefined {
  if (!isMuxed(track)) {
    return 'container';
  }
  return codecs === undefined || isAmong(codecs, codecString(track) ?? '') ? undefined : 'browser';
}

/** @param codecs in lower case: full names, or prefixes up to a dot */
function isAmong(codecs: readonly string[], codec: string): boolean {
  const name = codec.toLowerCase();
  return codecs.some((wanted) => name === wanted || name.startsWith(`${wanted}.`));
}

function trackKind(stream: Stream, label: string): MseLeftOut['kind'] {
  const kind = stream.tracks.find((track) => label.startsWith(codecOf(track).label))?.kind;
  return kind === 'video' || kind === 'audio' ? kind : 'other';
}
