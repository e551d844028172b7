import type { Mp4Track } from '../../media/mp4/read/read-track.ts';
import { firstFrom, shownAt, syncUpTo, timeOf } from '../../media/mp4/table/sample-search.ts';
import type { TrackSamples } from '../../media/mp4/table/sample-table.ts';
import type { Tabled } from './table-cache.ts';

/** Pictures come at most so many places before the one that is shown before them (H.264 and H.265: `max_num_reorder` up to 16). */
const MAX_REORDERED = 16;

/** The samples [from, to) of a track that belong into an answer. */
export interface TrackCut {
  readonly track: Mp4Track;
  readonly samples: TrackSamples;
  /** Added to the file's times it gives the answer's: ticks of the track. */
  readonly shiftTicks: number;
  readonly from: number;
  readonly to: number;
}

/** What one recording gives to an answer. */
export interface FileCut {
  readonly tabled: Tabled;
  /** In the order of the table; also those of which nothing is kept. */
  readonly tracks: readonly TrackCut[];
}

/**
 * Picks the samples of a recording that belong into an answer, whose time 0 is the asked start. Of each track what begins, or is shown, at or after
 * it, and, when that is not a sync sample, what is needed to decode it: everything from the last sync sample before.
 * @param shiftSeconds where the recording's time zero lies in the answer's time
 * @param endSeconds samples that begin at or behind it are left out
 */
export function cutFile(tabled: Tabled, shiftSeconds: number, endSeconds: number): FileCut {
  const tracks: TrackCut[] = [];
  for (const samples of tabled.table.tracks) {
    const track = tabled.head.init.tracks.find(({ id }) => id === samples.trackId);
    if (track) {
      const shiftTicks = Math.round(shiftSeconds * track.timescale);
      const from = startIn(samples, -shiftTicks);
      const to = firstFrom(samples, Math.round(endSeconds * track.timescale) - shiftTicks);
      tracks.push({ track, samples, shiftTicks, from, to: Math.max(from, to) });
    }
  }
  return { tabled, tracks };
}

function startIn(samples: TrackSamples, time: number): number {
  const first = firstShown(samples, time);
  if (first === samples.count || samples.syncs[first] === 1) {
    return first;
  }
  return syncUpTo(samples, first) ?? first;
}

/** In their order the first that is shown at or after a time: with B-frames it may be decoded before, even in the group before. */
function firstShown(samples: TrackSamples, time: number): number {
  let first = firstFrom(samples, time);
  if (samples.compositionOffsets) {
    for (let i = first - 1; i >= Math.max(0, first - MAX_REORDERED); i -= 1) {
      first = shownAt(samples, i) >= time ? i : first;
    }
  }
  return first;
}

export const isEmpty = (cut: FileCut): boolean => cut.tracks.every(({ from, to }) => to <= from);

/** Decode time of a sample in the answer, in ticks of its track; of the one behind the last: where that ends. */
export const downloadTime = ({ samples, shiftTicks }: TrackCut, sample: number): number =>
  timeOf(samples, sample) + shiftTicks;
