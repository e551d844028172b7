import { endOfRun, runOf } from '../../media/mp4/table/sample-search.ts';
import type { SampleTable, TrackSamples } from '../../media/mp4/table/sample-table.ts';
import type { PlacedSample } from './sample-digests.ts';

interface GroupedTrack {
  readonly samples: TrackSamples;
  readonly timescale: number;
}

interface SampleGroup {
  /** Start and end of the group in the time of the file. */
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** By track: samples [from, to). */
  readonly ranges: readonly { readonly from: number; readonly to: number }[];
}

/** Groups of a recording's samples. They begin at sync samples of the first track, with the samples of the others from then on. */
export function groupSamples(tracks: readonly GroupedTrack[]): SampleGroup[] {
  const [lead] = tracks;
  const starts = lead ? groupTimes(lead) : [];
  const cursors = tracks.map((track) => new TimeCursor(track));
  const groups: SampleGroup[] = [];
  for (const [i, startSeconds] of starts.entries()) {
    const until = starts[i + 1] ?? Number.POSITIVE_INFINITY;
    const ranges = cursors.map((cursor) => ({ from: cursor.sample, to: cursor.advance(until) }));
    const endSeconds = Math.min(until, Math.max(...cursors.map((cursor) => cursor.seconds)));
    groups.push({ startSeconds: i === 0 ? 0 : startSeconds, endSeconds, ranges });
  }
  return groups;
}

function groupTimes(lead: GroupedTrack): number[] {
  const cursor = new TimeCursor(lead);
  const starts: number[] = [];
  for (; cursor.sample < lead.samples.count; cursor.step()) {
    const sinceSeconds = cursor.seconds - (starts.at(-1) ?? Number.NEGATIVE_INFINITY);
    const isSync = lead.samples.syncs[cursor.sample] === 1;
    // Least length of a group, for streams that consist of key frames.
    // After this time a group ends without a key frame.
    if ((isSync && sinceSeconds >= 0.5) || sinceSeconds >= 30) {
      starts.push(cursor.seconds);
    }
  }
  return starts;
}

/** Steps through a track by decode time. */
class TimeCursor {
  sample = 0;
  readonly #samples: TrackSamples;
  readonly #timescale: number;
  #run = -1;
  #runEnd = 0;
  #ticks = 0;

  constructor({ samples, timescale }: GroupedTrack) {
    this.#samples = samples;
    this.#timescale = timescale;
    this.#enterRun();
  }

  /** Decode time of the current sample; after the last one, its end. */
  get seconds(): number {
    return this.#ticks / this.#timescale;
  }

  step(): void {
    this.#ticks += this.#samples.durations[this.sample] ?? 0;
    this.sample += 1;
    this.#enterRun();
  }

  /** Steps to the first sample from this time on. @returns its index */
  advance(seconds: number): number {
    while (this.sample < this.#samples.count && this.seconds < seconds) {
      this.step();
    }
    return this.sample;
  }

  #enterRun(): void {
    const { runs, count } = this.#samples;
    if (this.sample === this.#runEnd && this.sample < count) {
      this.#run += 1;
      this.#ticks = runs.baseTimes[this.#run] as number;
      this.#runEnd = endOfRun(this.#samples, this.#run);
    }
  }
}

/** Where the bytes of samples [from, to) are. */
export function placesOf(samples: TrackSamples, from: number, to: number): PlacedSample[] {
  const places: PlacedSample[] = [];
  for (let sample = from; sample < to; ) {
    const run = runOf(samples, sample);
    const end = Math.min(to, endOfRun(samples, run));
    let offset = samples.runs.dataOffsets[run] as number;
    for (let i = samples.runs.firstSamples[run] as number; i < end; i += 1) {
      const sizeBytes = samples.sizes[i] as number;
      if (i >= sample) {
        places.push({ offset, sizeBytes });
      }
      offset += sizeBytes;
    }
    sample = end;
  }
  return places;
}

/** The tracks of video and audio, the leading one first. */
export const tracksToSign = <T extends { readonly kind: 'video' | 'audio' }>(tracks: readonly T[]): T[] => [
  ...tracks.filter(({ kind }) => kind === 'video'),
  ...tracks.filter(({ kind }) => kind === 'audio'),
];

export const samplesOf = ({ tracks }: SampleTable, trackId: number): TrackSamples | undefined =>
  tracks.find((samples) => samples.trackId === trackId);
