import { offsetOf, shownAt, timeOf } from '../../media/mp4/table/sample-search.ts';
import type { SampleTable, TrackSamples } from '../../media/mp4/table/sample-table.ts';
import { ALL_SYNC, FIRST_SYNC, SAME_DURATION } from '../../media/mp4/table/sample-table-writer.ts';
import type { FileInit } from '../../record/file/fragment-walk.ts';
import type { FileCut, TrackCut } from './cut.ts';
import type { Tabled } from './table-cache.ts';

/** Speeds at which every key frame is shown. */
export const SPEEDS: readonly number[] = [2, 4, 8, 16];
/** Above `SPEEDS`, key frames are left out. A day takes a minute. */
export const MAX_SPEED = 1440;
/** Pictures per second of a time-lapse. */
const PICTURES = 30;

/** Keeps key frames of recordings, in order, for a fraction of their time and without audio. */
export class FastForward {
  readonly #speed: number;
  /** A time-lapse has one picture in each 30th of a second at most: the first free one. */
  #nextPicture = 0;

  constructor(speed: number) {
    this.#speed = speed;
  }

  /** @returns an empty cut without video */
  thin(cut: FileCut): FileCut {
    const video = cut.tracks.find(({ track }) => track.kind === 'video');
    const { tabled } = cut;
    const samples = video && (SPEEDS.includes(this.#speed) ? this.#allKeys(video) : this.#lapse(video));
    const init = videoOf(tabled.head.init);
    const thinned: Tabled = { ...tabled, head: { ...tabled.head, init }, table: tableOf(samples) };
    return {
      tabled: thinned,
      tracks: video && samples ? [{ track: video.track, samples, shiftTicks: 0, from: 0, to: samples.count }] : [],
    };
  }

  /** All key frames, spread over a fraction of their time. */
  #allKeys(cut: TrackCut): TrackSamples {
    const { samples, to, shiftTicks } = cut;
    const timeIn = (ticks: number): number => Math.round((ticks + shiftTicks) / this.#speed);
    const keys = keysOf(cut);
    const times = keys.map((key) => timeIn(shownAt(samples, key)));
    const end = timeIn(timeOf(samples, to) + (samples.compositionOffsets?.[keys.at(-1) ?? 0] ?? 0));
    return keyTrack(samples, keys, [...times, end]);
  }

  /** Each picture is on a grid of 30 per second; one that is missing prolongs the one before it. */
  #lapse(cut: TrackCut): TrackSamples {
    const { samples, shiftTicks } = cut;
    const { timescale } = cut.track;
    const keys: number[] = [];
    const times: number[] = [];
    for (const key of keysOf(cut)) {
      const shown = (shownAt(samples, key) + shiftTicks) * PICTURES;
      const picture = Math.max(0, Math.floor(shown / (timescale * this.#speed)));
      if (picture >= this.#nextPicture) {
        keys.push(key);
        times.push(Math.round((picture * timescale) / PICTURES));
        this.#nextPicture = picture + 1;
      }
    }
    return keyTrack(samples, keys, [...times, Math.round((this.#nextPicture * timescale) / PICTURES)]);
  }
}

/** The recording with the only track of fast playback: the first video track. */
export const videoOf = (init: FileInit): FileInit => ({
  ...init,
  tracks: init.tracks.filter((track) => track === init.tracks.find(({ kind }) => kind === 'video')),
});

function keysOf({ samples, from, to }: TrackCut): number[] {
  const keys: number[] = [];
  for (let i = from; i < to; i += 1) {
    if (samples.syncs[i] === 1) {
      keys.push(i);
    }
  }
  return keys;
}

/** Each key frame is a run and fragment of its own. @param times of the download, in ticks, and the end of the last */
function keyTrack(samples: TrackSamples, keys: readonly number[], times: readonly number[]): TrackSamples {
  const count = keys.length;
  return {
    trackId: samples.trackId,
    count,
    sizes: Uint32Array.from(keys, (key) => samples.sizes[key] as number),
    durations: Uint32Array.from(keys, (_, i) => Math.max(0, (times[i + 1] as number) - (times[i] as number))),
    compositionOffsets: undefined,
    syncs: new Uint8Array(count).fill(1),
    runs: {
      count,
      firstSamples: Uint32Array.from(keys, (_, i) => i),
      baseTimes: Float64Array.from(times.slice(0, count)),
      fragments: Uint32Array.from(keys, (_, i) => i),
      dataOffsets: Float64Array.from(keys, (key) => offsetOf(samples, key)),
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
