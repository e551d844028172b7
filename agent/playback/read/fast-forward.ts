import { placeOf, shownAt, timeOf } from '../../media/mp4/table/sample-search.ts';
import type { SampleTable, TrackSamples } from '../../media/mp4/table/sample-table.ts';
import { ALL_SYNC, FIRST_SYNC, SAME_DURATION } from '../../media/mp4/table/sample-table-writer.ts';
import type { FileCut, TrackCut } from './cut.ts';
import type { Tabled } from './table-cache.ts';

export const SPEEDS: readonly number[] = [2, 4, 8, 16];

/**
 * Keeps the key frames of a recording, spread over a fraction of their time, without audio.
 * @returns an empty cut without video
 */
export function fastForward(cut: FileCut, speed: number): FileCut {
  const video = cut.tracks.find(({ track }) => track.kind === 'video');
  const { tabled } = cut;
  const tracks = video ? [video.track] : [];
  const keys = video ? keysOf(video) : [];
  const samples = video && keyTrack(video, keys, speed);
  const init = { ...tabled.head.init, tracks };
  const thinned: Tabled = { ...tabled, head: { ...tabled.head, init }, table: tableOf(samples) };
  return {
    tabled: thinned,
    tracks: video && samples ? [{ track: video.track, samples, shiftTicks: 0, from: 0, to: samples.count }] : [],
  };
}

function keysOf({ samples, from, to }: TrackCut): number[] {
  const keys: number[] = [];
  for (let i = from; i < to; i += 1) {
    if (samples.syncs[i] === 1) {
      keys.push(i);
    }
  }
  return keys;
}

/** Each key frame is a run and fragment of its own, with the download's time. */
function keyTrack({ samples, to, shiftTicks }: TrackCut, keys: readonly number[], speed: number): TrackSamples {
  const count = keys.length;
  const timeIn = (ticks: number): number => Math.round((ticks + shiftTicks) / speed);
  const times = Float64Array.from(keys, (key) => timeIn(shownAt(samples, key)));
  const last = keys.at(-1) ?? 0;
  const end = timeIn(timeOf(samples, to) + (samples.compositionOffsets?.[last] ?? 0));
  return {
    trackId: samples.trackId,
    count,
    sizes: Uint32Array.from(keys, (key) => samples.sizes[key] as number),
    durations: Uint32Array.from(times, (time, i) => Math.max(0, (times[i + 1] ?? end) - time)),
    compositionOffsets: undefined,
    syncs: new Uint8Array(count).fill(1),
    runs: {
      count,
      firstSamples: Uint32Array.from(keys, (_, i) => i),
      baseTimes: times,
      fragments: Uint32Array.from(keys, (_, i) => i),
      dataOffsets: Float64Array.from(keys, (key) => placeOf(samples, key)),
      dataBytes: Float64Array.from(keys, (key) => samples.sizes[key] as number),
      flags: new Uint8Array(count).fill(SAME_DURATION | ALL_SYNC | FIRST_SYNC),
    },
  };
}

/** A table of fictional fragments, declared larger than their sample so that none is copied whole. */
function tableOf(track: TrackSamples | undefined): SampleTable {
  const fragmentCount = track?.count ?? 0;
  return {
    fragmentCount,
    fragmentOffsets: Float64Array.from(track?.runs.dataOffsets ?? []),
    fragmentBytes: Float64Array.from(track?.sizes ?? [], (sizeBytes) => sizeBytes + 1),
    headerBytes: new Uint32Array(fragmentCount),
    tracks: track ? [track] : [],
  };
}
