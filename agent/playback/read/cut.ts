import type { Mp4Track } from '../../media/mp4/read/read-track.ts';
import { firstFrom, shownAt, syncUpTo, timeOf } from '../../media/mp4/table/sample-search.ts';
import type { TrackSamples } from '../../media/mp4/table/sample-table.ts';
import type { Tabled } from './table-cache.ts';

/** Reordering limit (H.264 and H.265: `max_num_reorder` up to 16). */
const MAX_REORDERED = 16;

export interface TrackCut {
  readonly track: Mp4Track;
  readonly samples: TrackSamples;
  /** Converts the file's times to the download's: ticks of the track. */
  readonly shiftTicks: number;
  readonly from: number;
  readonly to: number;
}

/** Seconds of the file. */
export interface FileWindow {
  readonly from: number;
  readonly to: number;
}

export const WHOLE: FileWindow = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

export interface FileCut {
  readonly tabled: Tabled;
  /** Tracks in table order, including empty ones. */
  readonly tracks: readonly TrackCut[];
}

/**
 * Selects the samples of a recording for a download whose time 0 is the requested start: for each track what starts or
 * is shown from then on, and decode-only samples from the previous sync sample.
 * @param shiftSeconds the recording's time zero in the download
 * @param endSeconds samples from there on are left out
 * @param visible in seconds of the file: nothing outside is selected, not even to decode what follows
 */
export function cutFile(
  tabled: Tabled,
  shiftSeconds: number,
  endSeconds: number,
  visible: FileWindow = WHOLE,
): FileCut {
  const tracks: TrackCut[] = [];
  for (const samples of tabled.table.tracks) {
    const track = tabled.head.init.tracks.find(({ id }) => id === samples.trackId);
    if (track) {
      const shiftTicks = Math.round(shiftSeconds * track.timescale);
      const stillTicks = track.kind === 'video' ? Math.min(1, endSeconds) * track.timescale : Number.POSITIVE_INFINITY;
      const start = startIn(samples, -shiftTicks, stillTicks);
      const from = Math.max(start, firstVisible(samples, visible.from * track.timescale));
      const end = Math.min(Math.round(endSeconds * track.timescale) - shiftTicks, visible.to * track.timescale);
      const to = firstFrom(samples, end);
      tracks.push({ track, samples, shiftTicks, from, to: Math.max(from, to) });
    }
  }
  return { tabled, tracks };
}

/** The first sync sample in a window. */
export function firstVisible(samples: TrackSamples, time: number): number {
  if (time === Number.NEGATIVE_INFINITY) {
    return 0;
  }
  const first = firstFrom(samples, Math.ceil(time));
  const sync = samples.syncs.indexOf(1, first);
  return sync < 0 ? samples.count : sync;
}

/** @param stillTicks a picture that stays for longer after the start is shown, too */
function startIn(samples: TrackSamples, time: number, stillTicks: number): number {
  const next = firstShown(samples, time);
  const first = next > 0 && shownAt(samples, next) - time >= stillTicks ? next - 1 : next;
  if (first === samples.count || samples.syncs[first] === 1) {
    return first;
  }
  return syncUpTo(samples, first) ?? first;
}

/** First in decode order of those shown at or after a time: B-frames move it back, even into the previous GOP. */
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

/** Decode time of a sample in the download, in ticks; after the last sample, where it ends. */
export const downloadTime = ({ samples, shiftTicks }: TrackCut, sample: number): number =>
  timeOf(samples, sample) + shiftTicks;
