import type { Mp4Track } from '../../media/mp4/read/read-track.ts';
import { endOfRun, firstAtLeast, runOf, timeOf } from '../../media/mp4/table/sample-search.ts';
import type { SampleTable, TrackSamples } from '../../media/mp4/table/sample-table.ts';

/** Seconds of the file in which nothing plays. */
export interface LostRange {
  readonly from: number;
  /** Where the next key frame begins; infinite: none follows. */
  readonly to: number;
}

/** A file with more is taken to end with the first of those. */
export const MAX_LOST_RANGES = 1_000;

type LeadTrack = Pick<Mp4Track, 'id' | 'kind' | 'timescale'>;

/**
 * What a power cut has taken from the middle of a recording: from the end of the part before the lost bytes to the first key frame
 * after them. Parts in between stay in the file, but nothing decodes them.
 * @param isBroken whether bytes before this fragment, or after the last one, are lost
 */
export function lostRanges(
  table: SampleTable,
  tracks: readonly LeadTrack[],
  isBroken: (fragment: number) => boolean,
): LostRange[] {
  const timed = timedTracks(table, tracks);
  const lead = timed.find(({ kind }) => kind === 'video') ?? timed[0];
  const lost: LostRange[] = [];
  for (let fragment = 0; lead && fragment <= table.fragmentCount; fragment += 1) {
    if (!isBroken(fragment)) {
      continue;
    }
    const end = Math.max(0, ...timed.map((track) => endBefore(track, fragment)));
    const key = lead.samples.syncs.indexOf(1, firstIn(lead.samples, fragment));
    if (key < 0 || lost.length === MAX_LOST_RANGES - 1) {
      return [...lost, { from: end, to: Number.POSITIVE_INFINITY }];
    }
    const to = timeOf(lead.samples, key) / lead.timescale;
    // Where sound is ahead of the picture by more than is lost, it is cut with the pictures that do not decode.
    const from = end <= to ? end : endBefore(lead, fragment);
    if (from < to) {
      lost.push({ from, to });
    }
    fragment = lead.samples.runs.fragments[runOf(lead.samples, key)] as number;
  }
  return lost;
}

/** Microseconds from the start of a file: where lost bytes begin, and the next key frame. */
export type LostUs = [fromUs: number, toUs: number];

export interface Played {
  /** From the start of the file to the end of the last part that plays. */
  readonly durationUs: number;
  /** Undefined if nothing within the duration is lost. */
  readonly lostUs?: LostUs[];
}

/** @returns undefined if nothing plays */
export function playedOf(durationUs: number, lost: readonly LostRange[] = []): Played | undefined {
  const rest = lost.find(({ to }) => to === Number.POSITIVE_INFINITY);
  const playedUs = rest ? Math.round(rest.from * 1e6) : durationUs;
  // The start is rounded down: the key frame begins in the piece.
  const lostUs = lost
    .filter((range) => range !== rest)
    .map(({ from, to }) => lostUsOf(from, to))
    .filter(([fromUs, toUs]) => fromUs < toUs);
  if (rest && playedUs <= (lostUs.at(-1)?.[1] ?? 0)) {
    return undefined;
  }
  return { durationUs: playedUs, ...(lostUs.length > 0 && { lostUs }) };
}

const lostUsOf = (from: number, to: number): LostUs => [Math.round(from * 1e6), Math.floor(to * 1e6)];

/** Whether there are bytes before a fragment that belong to none: Perch writes each right after the one before it. */
export const isAfterHole =
  ({ fragmentCount, fragmentOffsets, fragmentBytes }: SampleTable, initBytes: number) =>
  (fragment: number): boolean => {
    const before = fragment - 1;
    const end = before < 0 ? initBytes : (fragmentOffsets[before] as number) + (fragmentBytes[before] as number);
    return fragment < fragmentCount && fragmentOffsets[fragment] !== end;
  };

interface TimedTrack {
  readonly kind: 'video' | 'audio';
  readonly timescale: number;
  readonly samples: TrackSamples;
}

/** Tracks with samples. */
const timedTracks = (table: SampleTable, tracks: readonly LeadTrack[]): TimedTrack[] =>
  table.tracks.flatMap((samples) => {
    const track = tracks.find(({ id }) => id === samples.trackId);
    return track && samples.count > 0 ? [{ kind: track.kind, timescale: track.timescale, samples }] : [];
  });

/** Index of the first sample in this fragment or a later one. */
function firstIn(samples: TrackSamples, fragment: number): number {
  const run = firstAtLeast(samples.runs.fragments, samples.runs.count, fragment);
  return run < samples.runs.count ? (samples.runs.firstSamples[run] as number) : samples.count;
}

/** Seconds at which the track ends before a fragment. */
function endBefore({ samples, timescale }: TimedTrack, fragment: number): number {
  const run = firstAtLeast(samples.runs.fragments, samples.runs.count, fragment) - 1;
  if (run < 0) {
    return 0;
  }
  let ticks = samples.runs.baseTimes[run] as number;
  for (let i = samples.runs.firstSamples[run] as number; i < endOfRun(samples, run); i += 1) {
    ticks += samples.durations[i] as number;
  }
  return ticks / timescale;
}
