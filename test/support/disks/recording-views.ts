import { buffer } from 'node:stream/consumers';
import type { Playback } from '../../../agent/playback/playback.ts';
import { parseRfc3339 } from '../../../agent/playback/read/rfc3339.ts';
import { FragmentWalk, readInit } from '../../../agent/record/file/fragment-walk.ts';
import { MemoryFile } from './memory-file.ts';

/** Unix seconds. */
export interface Piece {
  readonly start: number;
  readonly seconds: number;
}

/** What each view of the recordings of a path says, as text where they disagree. */
export interface Views {
  readonly list: readonly Piece[];
  /** By entry of `/list`: what `/get` delivers of it. */
  readonly delivered: readonly number[];
  /** The playlist of all, by discontinuity or date. */
  readonly hls: readonly Piece[];
  readonly timelineSeconds: number;
  readonly measuredSeconds: number;
  /** Starts of `/v3/recordings`. */
  readonly segments: readonly number[];
}

const DAY_US = 86_400e6;

export async function viewsOf(playback: Playback, path: string, aroundUs: number): Promise<Views> {
  const whole = { startUs: aroundUs - DAY_US, durationUs: 2 * DAY_US };
  const entries = await playback.list(path, undefined, undefined, '').catch(() => []);
  const list = entries.map(({ start, duration }) => ({ start: secondsOf(start), seconds: duration }));
  const delivered: number[] = [];
  for (const { start, duration } of entries) {
    delivered.push(await deliveredSeconds(playback, path, parseRfc3339(start)?.us ?? 0, duration));
  }
  const timeline = await playback
    .timeline({
      path,
      from: { us: whole.startUs, offsetMs: 0 },
      to: { us: whole.startUs + whole.durationUs, offsetMs: 0 },
      resolution: undefined,
    })
    .catch(() => undefined);
  const range = { path, startUs: whole.startUs, endUs: whole.startUs + whole.durationUs };
  const { recordedUs } = await playback.measure(range);
  return {
    list,
    delivered,
    hls: piecesOf(await playback.streams.media(path, whole).catch(() => '')),
    timelineSeconds: timeline?.recordedSeconds ?? 0,
    measuredSeconds: recordedUs / 1e6,
    segments: ((await playback.segments(path)) ?? []).map(({ start }) => secondsOf(start)),
  };
}

/** @param frameSeconds tolerance for each piece @returns faults in a few words */
export function disagreements(views: Views, frameSeconds: number): string[] {
  const { list, delivered, hls, timelineSeconds, measuredSeconds, segments } = views;
  const total = sum(list.map(({ seconds }) => seconds));
  const tolerance = frameSeconds * Math.max(1, list.length);
  const faults: string[] = [];
  for (const [i, { seconds }] of list.entries()) {
    if (Math.abs((delivered[i] ?? 0) - seconds) > frameSeconds) {
      faults.push(`entry ${i} of ${seconds} s: /get delivers ${delivered[i]} s`);
    }
  }
  // Recordings may overlap: the timeline counts each moment once.
  const once = secondsOnce(list);
  const totals = [
    ['the timeline', timelineSeconds, once],
    ['the measure', measuredSeconds, once],
    ['HLS', sum(hls.map(({ seconds }) => seconds)), total],
  ] as const;
  for (const [name, seconds, wanted] of totals) {
    if (Math.abs(seconds - wanted) > tolerance) {
      faults.push(`/list has ${wanted} s, ${name} ${seconds} s`);
    }
  }
  for (const { start } of list) {
    if (!hls.some((piece) => near(piece.start, start, frameSeconds))) {
      faults.push(`HLS has no piece at ${start}: ${JSON.stringify(hls)}`);
    }
  }
  for (const start of segments) {
    if (!list.some((piece) => start >= piece.start - frameSeconds && start < piece.start + piece.seconds)) {
      faults.push(`/v3/recordings names ${start}, which is in no entry of /list`);
    }
  }
  return faults;
}

function secondsOnce(list: readonly Piece[]): number {
  let [seconds, end] = [0, Number.NEGATIVE_INFINITY];
  for (const piece of [...list].sort((one, other) => one.start - other.start)) {
    seconds += Math.max(0, piece.start + piece.seconds - Math.max(end, piece.start));
    end = Math.max(end, piece.start + piece.seconds);
  }
  return seconds;
}

const near = (one: number, other: number, tolerance: number): boolean => Math.abs(one - other) <= tolerance;
const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
const secondsOf = (time: string): number => (parseRfc3339(time)?.us ?? 0) / 1e6;

/** Seconds of the leading track that an answer shows. */
async function deliveredSeconds(playback: Playback, path: string, startUs: number, seconds: number): Promise<number> {
  const durationUs = Math.max(1, Math.round(seconds * 1e6));
  const answer = await playback.get({ path, startUs, durationUs, format: 'fmp4' }).catch(() => undefined);
  if (!answer) {
    return 0;
  }
  const bytes = await buffer(answer.file.read(0, answer.file.sizeBytes));
  const file = new MemoryFile(bytes);
  const init = await readInit(file, bytes.length);
  const walk = new FragmentWalk(file, init, bytes.length);
  const lead = init.tracks.find(({ kind }) => kind === 'video') ?? init.tracks[0];
  let ticks = 0;
  let isFirst = true;
  for (let placed = await walk.next(); placed; placed = await walk.next()) {
    for (const run of placed.fragment.runs.filter(({ trackId }) => trackId === lead?.id)) {
      if (isFirst && !run.isSync(0)) {
        throw new Error(`the answer from ${startUs} begins without a key frame`);
      }
      isFirst = false;
      ticks += run.durationTicks;
    }
  }
  return ticks / (lead?.timescale ?? 1);
}

/** The parts of a playlist between discontinuities and dates. */
function piecesOf(playlist: string): Piece[] {
  const pieces: { start: number; seconds: number }[] = [];
  for (const line of playlist.split('\n')) {
    const [, date] = /^#EXT-X-PROGRAM-DATE-TIME:(.*)/.exec(line) ?? [];
    const [, seconds] = /^#EXTINF:([\d.]+)/.exec(line) ?? [];
    if (date !== undefined) {
      pieces.push({ start: Date.parse(date) / 1000, seconds: 0 });
    }
    const last = pieces.at(-1);
    if (seconds !== undefined && last) {
      last.seconds += Number(seconds);
    }
  }
  return pieces;
}
