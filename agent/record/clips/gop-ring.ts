import type { Sample } from '../../media/sample/sample.ts';
import { hold, release } from '../../media/sample/slab.ts';
import type { Track } from '../../media/sample/track.ts';
import type { SampleSink } from '../../stream/gop-cache.ts';
import { leadingTrackOf } from '../write/track-buffer.ts';

/** Overhead per sample: small audio packets must count as well. */
const SAMPLE_COST_BYTES = 200;

/** A key sample of the leading track and all samples up to the next one, of every track. */
interface Group {
  readonly tracks: number[];
  readonly samples: Sample[];
  /** Decode time of its key sample in stream seconds. */
  readonly startSeconds: number;
  bytes: number;
}

/**
 * The last seconds of a stream in whole GOPs, held without a copy. At its byte limit it drops whole GOPs, the oldest first. If a
 * single GOP exceeds the limit, its remaining samples are dropped, too.
 */
export class GopRing {
  tooLarge = 0;
  readonly #lead: number;
  readonly #clockRateHz: number;
  readonly #keepSeconds: number;
  readonly #limitBytes: number;
  /** Oldest first. */
  #groups: Group[] = [];
  #bytes = 0;

  /** @param keepMs kept before the newest sample if the limit allows, rounded up to whole GOPs */
  constructor(tracks: readonly Track[], keepMs: number, limitBytes: number) {
    this.#lead = leadingTrackOf(tracks);
    this.#clockRateHz = tracks[this.#lead]?.clockRate ?? 1;
    this.#keepSeconds = keepMs / 1000;
    this.#limitBytes = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#groups.length === 0;
  }

  isLeading(track: number): boolean {
    return track === this.#lead;
  }

  isLeadingKey(track: number, sample: Sample): boolean {
    return track === this.#lead && sample.key;
  }

  add(track: number, sample: Sample): void {
    if (this.isLeadingKey(track, sample)) {
      this.#begin(sample.dts / this.#clockRateHz);
    }
    const group = this.#groups.at(-1);
    if (!group) {
      return;
    }
    hold(sample.data);
    group.tracks.push(track);
    group.samples.push(sample);
    const bytes = sample.data.length + SAMPLE_COST_BYTES;
    group.bytes += bytes;
    this.#bytes += bytes;
    while (this.#bytes > this.#limitBytes) {
      this.tooLarge += this.#groups.length === 1 ? 1 : 0;
      this.#dropOldest();
    }
  }

  /** Passes on the samples from the last GOP on that starts at least `sinceMs` before the newest sample, and clears the ring. */
  drain(sink: SampleSink, sinceMs: number): void {
    this.#dropBefore(this.#newestSeconds() - sinceMs / 1000);
    const groups = this.#groups;
    this.#groups = [];
    this.#bytes = 0;
    for (const { tracks, samples } of groups) {
      for (const [i, sample] of samples.entries()) {
        sink.onSample(tracks[i] as number, sample);
        release(sample.data);
      }
    }
  }

  clear(): void {
    while (this.#groups.length > 0) {
      this.#dropOldest();
    }
  }

  #begin(startSeconds: number): void {
    const last = this.#groups.at(-1);
    if (last && startSeconds <= last.startSeconds) {
      // Time ran backwards: the kept samples do not lead up to this one.
      this.clear();
    }
    this.#dropBefore(startSeconds - this.#keepSeconds);
    this.#groups.push({ tracks: [], samples: [], startSeconds, bytes: 0 });
  }

  #dropBefore(seconds: number): void {
    while (this.#groups.length > 1 && (this.#groups[1] as Group).startSeconds <= seconds) {
      this.#dropOldest();
    }
  }

  #dropOldest(): void {
    const group = this.#groups.shift();
    if (group) {
      this.#bytes -= group.bytes;
      for (const sample of group.samples) {
        release(sample.data);
      }
    }
  }

  #newestSeconds(): number {
    const group = this.#groups.at(-1);
    for (let i = (group?.samples.length ?? 0) - 1; i >= 0; i -= 1) {
      if (group?.tracks[i] === this.#lead) {
        return (group.samples[i] as Sample).dts / this.#clockRateHz;
      }
    }
    return -Infinity;
  }
}
