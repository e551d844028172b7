import { FRAME_MS, type QuirkClip } from './clip.ts';
import { hashOf, type ReadPicture } from './quirk-reader.ts';
import type { QuirkRecording } from './quirk-recording.ts';
import { SOUND_PERIOD_MS, soundMs } from './sending.ts';

/** The faults that a quirk may cause. */
export interface Limits {
  /** Pictures that may be missing at the end: those that only a next one would end. */
  readonly missing: number;
  /** Pictures that may be missing, in decoding order. */
  readonly lost: ReadonlySet<number>;
  /** The limit of media times' offset from the times of capture; a trial adds what its camera sent late. */
  readonly worstMs: number;
  /** The limit of the sound's offset from the picture. */
  readonly worstSoundMs: number;
  /** The limit of a recording's label from the time of capture. */
  readonly worstLabelMs: number;
  /** The latest picture that a reader may begin with. */
  readonly firstPicture: number;
  /** Time from capture to reading, at the end. */
  readonly worstLagMs: number;
}

export const USUAL_LIMITS: Limits = {
  missing: 0,
  lost: new Set(),
  worstMs: 200,
  worstSoundMs: 200,
  worstLabelMs: 500,
  firstPicture: 60,
  worstLagMs: 3_000,
};

interface TimedPicture {
  readonly ms: number;
  readonly hash: string;
}

/** Pictures by their position in the clip. */
class Book {
  readonly #clip: QuirkClip;
  readonly #count: number;
  readonly #places: ReadonlyMap<string, number>;

  constructor(clip: QuirkClip, count: number) {
    this.#clip = clip;
    this.#count = count;
    this.#places = new Map(clip.pictures.map(({ nals }, i) => [hashOf(clip.codec, nals), i]));
  }

  places(pictures: readonly TimedPicture[]): number[] {
    return pictures.map(({ hash }) => this.#places.get(hash) ?? -1);
  }

  capturedMs(place: number): number {
    return (this.#clip.pictures[place]?.shown ?? Number.NaN) * FRAME_MS;
  }

  /** Faults of the pictures themselves. */
  faults(places: readonly number[], first: number, { missing, lost }: Limits): string[] {
    const faults: string[] = [];
    const unknown = places.filter((place) => place < 0).length;
    if (unknown > 0) {
      faults.push(`${unknown} damaged pictures`);
    }
    if (places.some((place, i) => place >= 0 && place <= (places[i - 1] ?? -1))) {
      faults.push('pictures twice or out of order');
    }
    const seen = new Set(places);
    const absent: number[] = [];
    for (let place = first; place < this.#count; place += 1) {
      if (!seen.has(place) && !lost.has(place)) {
        absent.push(place);
      }
    }
    const atEnd = absent.filter((place) => place >= this.#count - missing).length;
    if (absent.length > atEnd) {
      faults.push(`${absent.length} pictures missing: ${absent.slice(0, 5)}…`);
    }
    return faults;
  }

  inShownOrder<T extends TimedPicture>(pictures: readonly T[]): T[] {
    const captured = this.places(pictures).map((place) => this.capturedMs(place));
    const order = [...pictures.keys()].filter((i) => !Number.isNaN(captured[i]));
    order.sort((a, b) => (captured[a] as number) - (captured[b] as number));
    return order.map((i) => pictures[i] as T);
  }

  /** The offset of each picture's media time from its capture. */
  offsetsMs(pictures: readonly TimedPicture[]): number[] {
    const places = this.places(pictures);
    return pictures.map(({ ms }, i) => ms - this.capturedMs(places[i] as number)).filter((ms) => !Number.isNaN(ms));
  }
}

const FIRST_SOUNDS = 15;

/** The offset of audio from video, without the first pictures: a burst is detected only later. */
function soundFaults(
  sounds: readonly { readonly ms: number; readonly code: number }[],
  pictureOffsetMs: number,
  worstMs: number,
): string[] {
  const offs = sounds.map(({ ms, code }) => {
    const offMs = ms - soundMs(code) - pictureOffsetMs;
    return offMs - SOUND_PERIOD_MS * Math.round(offMs / SOUND_PERIOD_MS);
  });
  const worst = worstOf(offs.slice(FIRST_SOUNDS));
  return Math.abs(worst) > worstMs
    ? [`sound ${Math.round(worst)} ms off the picture, mostly ${Math.round(median(offs))}`]
    : [];
}

const worstOf = (values: readonly number[]): number =>
  values.reduce((worst, value) => (Math.abs(value) > Math.abs(worst) ? value : worst), 0);
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const rises = (times: readonly number[]): boolean =>
  times.every((time, i) => i === 0 || time > (times[i - 1] as number));

/** The faults at a reader of the RTSP server. @param captureMs `performance.now()` at the first picture's capture */
export function readerFaults(
  clip: QuirkClip,
  count: number,
  pictures: readonly ReadPicture[],
  sounds: readonly { readonly ms: number; readonly code: number }[] | undefined,
  captureMs: number,
  limits: Limits,
): string[] {
  const book = new Book(clip, count);
  const places = book.places(pictures);
  const first = places[0] ?? count;
  const faults = book.faults(places, first, limits);
  if (first > limits.firstPicture) {
    faults.push(`begins with picture ${first}`);
  }
  if (!rises(book.inShownOrder(pictures).map(({ ms }) => ms))) {
    faults.push('times do not rise');
  }
  const offsets = book.offsetsMs(pictures);
  const worst = worstOf(offsets.map((ms) => ms - (offsets[0] as number)));
  if (Math.abs(worst) > limits.worstMs) {
    faults.push(`media time ${Math.round(worst)} ms off`);
  }
  const last = pictures.at(-1);
  const lagMs = (last?.atMs ?? 0) - captureMs - book.capturedMs(places.at(-1) ?? 0);
  if (lagMs > limits.worstLagMs) {
    faults.push(`${Math.round(lagMs)} ms behind`);
  }
  if (sounds) {
    faults.push(...(sounds.length > 0 ? soundFaults(sounds, median(offsets), limits.worstSoundMs) : ['no sound']));
  }
  return faults;
}

/** The faults of the recording. @param labelMs its start by `/list`, since the first picture's capture */
export function recordingFaults(
  clip: QuirkClip,
  count: number,
  files: readonly QuirkRecording[],
  hasSound: boolean,
  labelMs: number,
  limits: Limits,
): string[] {
  const book = new Book(clip, count);
  const pictures = files.flatMap((file) => file.pictures);
  const places = book.places(pictures);
  const first = places[0] ?? count;
  const faults = book.faults(places, Math.min(first, limits.firstPicture), limits);
  if (!files.every((file) => rises(file.pictures.map(({ decodeMs }) => decodeMs)))) {
    faults.push('decode times do not rise');
  }
  const offsets = book.offsetsMs(files[0]?.pictures ?? []);
  const spanMs = files.reduce((sum, file) => sum + file.endMs - (file.pictures[0]?.decodeMs ?? 0), 0);
  // Up to the last picture that has arrived.
  const sentMs = (Math.max(...places) + 1 - first) * FRAME_MS;
  if (Math.abs(spanMs - sentMs) > limits.worstMs + limits.missing * FRAME_MS) {
    faults.push(`${Math.round(spanMs)} ms long for ${sentMs} ms`);
  }
  for (const file of files) {
    const fileOffsets = book.offsetsMs(file.pictures);
    const worst = worstOf(fileOffsets.map((ms) => ms - (fileOffsets[0] as number)));
    if (Math.abs(worst) > limits.worstMs) {
      faults.push(`media time ${Math.round(worst)} ms off`);
    }
    if (hasSound) {
      faults.push(...soundFaults(file.sounds, median(fileOffsets), limits.worstSoundMs));
    }
  }
  if (hasSound && files.every((file) => file.sounds.length === 0)) {
    faults.push('no sound');
  }
  const labelOffMs = labelMs + (offsets[0] ?? Number.NaN);
  if (!(Math.abs(labelOffMs) <= limits.worstLabelMs)) {
    faults.push(`label ${Math.round(labelOffMs)} ms off`);
  }
  return faults;
}
