import type { RunTable } from '../write/fragment.ts';
import { VarintWriter } from './varint.ts';

/** A run, and the offset of its first byte from the start of `moof`. */
export interface PlacedRun {
  readonly run: RunTable;
  readonly dataOffset: number;
}

/** Bits of a run's flags: common values of its samples. */
export const SAME_DURATION = 1;
export const NO_OFFSETS = 2;
export const ALL_SYNC = 4;
export const FIRST_SYNC = 8;

/**
 * Collects the positions of a recording's samples, about two bytes for each, while it is written. All numbers are varints:
 *   for each fragment: bytes skipped before it, its size, size of its header (`moof` and the head of `mdat`), number of runs;
 *   for each run: track number, decode time - end of the track so far (signed), data offset - end of the previous data (signed),
 *   count, flags, the duration once or for each sample, composition offsets (signed), sync flags, sizes.
 */
export class SampleTableWriter {
  readonly #out = new VarintWriter();
  readonly #trackIds: readonly number[];
  /** Decode time of the end of each track so far. */
  readonly #ends: number[];
  /** File offset of the last fragment's end. */
  #fileEnd: number;

  /** @param initBytes expected file offset of the first fragment */
  constructor(trackIds: readonly number[], initBytes: number) {
    this.#trackIds = trackIds;
    this.#ends = trackIds.map(() => 0);
    this.#fileEnd = initBytes;
  }

  /** The input of `parseSampleTable`: a view, valid until the next fragment. */
  get bytes(): Uint8Array {
    return this.#out.bytes;
  }

  /** @param headerBytes of `moof` and the head of `mdat`; runs of other tracks are skipped */
  addFragment(offset: number, sizeBytes: number, headerBytes: number, runs: readonly PlacedRun[]): void {
    const out = this.#out;
    out.push(offset - this.#fileEnd);
    out.push(sizeBytes);
    out.push(headerBytes);
    this.#fileEnd = offset + sizeBytes;
    let known = 0;
    for (const { run } of runs) {
      known += this.#trackIds.includes(run.trackId) ? 1 : 0;
    }
    out.push(known);
    let dataEnd = headerBytes;
    for (const { run, dataOffset } of runs) {
      const number = this.#trackIds.indexOf(run.trackId);
      if (number >= 0) {
        out.push(number);
        out.pushSigned(run.baseTime - (this.#ends[number] as number));
        out.pushSigned(dataOffset - dataEnd);
        const { ticks, bytes } = this.#addSamples(run);
        this.#ends[number] = run.baseTime + ticks;
        dataEnd = dataOffset + bytes;
      }
    }
  }

  #addSamples(run: RunTable): { readonly ticks: number; readonly bytes: number } {
    const out = this.#out;
    const flags = flagsOf(run);
    out.push(run.count);
    out.push(flags);
    let ticks = 0;
    let bytes = 0;
    for (let i = 0; i < run.count; i += 1) {
      const duration = run.durationOf(i);
      ticks += duration;
      if (i === 0 || (flags & SAME_DURATION) === 0) {
        out.push(duration);
      }
    }
    for (let i = 0; i < run.count && (flags & NO_OFFSETS) === 0; i += 1) {
      out.pushSigned(run.compositionOffsetOf(i));
    }
    for (let i = 0; i < run.count && (flags & (ALL_SYNC | FIRST_SYNC)) === 0; i += 1) {
      out.push(run.isSync(i) ? 1 : 0);
    }
    for (let i = 0; i < run.count; i += 1) {
      const size = run.sizeOf(i);
      bytes += size;
      out.push(size);
    }
    return { ticks, bytes };
  }
}

function flagsOf(run: RunTable): number {
  let flags = SAME_DURATION | NO_OFFSETS | ALL_SYNC | FIRST_SYNC;
  const duration = run.count > 0 ? run.durationOf(0) : 0;
  for (let i = 0; i < run.count; i += 1) {
    flags &= run.durationOf(i) === duration ? ~0 : ~SAME_DURATION;
    flags &= run.compositionOffsetOf(i) === 0 ? ~0 : ~NO_OFFSETS;
    flags &= run.isSync(i) ? ~0 : ~ALL_SYNC;
    flags &= run.isSync(i) === (i === 0) ? ~0 : ~FIRST_SYNC;
  }
  return flags;
}
