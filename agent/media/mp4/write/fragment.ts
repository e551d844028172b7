import { PerchError } from '../../../base/errors.ts';
import type { Sample } from '../../sample/sample.ts';
import { fourcc } from '../box/boxes.ts';
import { viewOf } from '../box/walk.ts';

/*
 * A fragment (ISO/IEC 14496-12 §8.8):
 *   moof ── mfhd (sequence number)
 *        └─ traf, for each run ── tfhd (track), tfdt (time of the first sample), trun (the samples' durations, sizes, flags)
 *   mdat    the samples' bytes by run
 */

/** Consecutive samples of one track. */
export interface TrackRun {
  /** Index of the track in the list for `writeInit`. */
  readonly track: number;
  /** Decode time of the first sample on the file's scale, in ticks of the track (`tfdt`); not negative. */
  readonly baseTime: number;
  readonly samples: readonly Sample[];
  /** End of the last sample on the scale of `Sample.dts`. */
  readonly endDts: number;
}

/** The samples of one run for the tables of a file. Index from 0; durations and offsets in ticks of the track. */
export interface RunTable {
  readonly trackId: number;
  readonly baseTime: number;
  readonly count: number;
  sizeOf(i: number): number;
  durationOf(i: number): number;
  compositionOffsetOf(i: number): number;
  isSync(i: number): boolean;
  /** The sum of all durations, if the table has it. */
  facts?(): RunFacts;
}

/** Common values of all samples of a run. */
export interface RunFacts {
  readonly dataBytes: number;
  readonly isSteady: boolean;
  readonly isAllSync: boolean;
  readonly hasOffsets: boolean;
}

export const MOOF = fourcc('moof');
export const MFHD = fourcc('mfhd');
export const TRAF = fourcc('traf');
export const TFHD = fourcc('tfhd');
export const TFDT = fourcc('tfdt');
const TRUN = fourcc('trun');
const MDAT = fourcc('mdat');

/** §8.8.3.1: sample_depends_on 2 (intra picture); sample_depends_on 1 with sample_is_non_sync_sample. */
const SYNC_FLAGS = 0x0200_0000;
const NON_SYNC_FLAGS = 0x0101_0000;

const TFHD_DEFAULT_DURATION = 0x08;
const TFHD_DEFAULT_FLAGS = 0x20;
const TFHD_BASE_IS_MOOF = 0x02_0000;
const TRUN_DATA_OFFSET = 0x001;
const TRUN_DURATION = 0x100;
const TRUN_SIZE = 0x200;
const TRUN_FLAGS = 0x400;
const TRUN_COMPOSITION = 0x800;

const MOOF_AND_MFHD_BYTES = 24;
/** traf, tfhd with two defaults, tfdt version 1, trun up to its samples. */
const TRAF_BYTES = 8 + 24 + 20 + 20;

/**
 * `moof` and the header of its `mdat`; the caller adds the samples' bytes by run.
 * @param roomBytes left free at the end of `moof` for a box
 */
export function writeFragmentHeader(sequence: number, runs: readonly RunTable[], roomBytes = 0): Uint8Array {
  const shapes = runs.map(shapeOf);
  let moofBytes = MOOF_AND_MFHD_BYTES + roomBytes;
  let dataBytes = 0;
  for (const shape of shapes) {
    moofBytes += shape.trafBytes;
    dataBytes += shape.dataBytes;
  }
  if (dataBytes + 8 > 0xffff_ffff) {
    throw new PerchError('badInput', `MP4 fragment of ${dataBytes} bytes, at most 4 GiB`);
  }
  const header = new Uint8Array(moofBytes + 8);
  const view = new DataView(header.buffer);
  boxHeader(view, 0, moofBytes, MOOF);
  boxHeader(view, 8, 16, MFHD);
  view.setUint32(20, sequence);
  let at = MOOF_AND_MFHD_BYTES;
  let dataOffset = moofBytes + 8;
  for (let i = 0; i < runs.length; i += 1) {
    const shape = shapes[i] as RunShape;
    writeTraf(view, at, runs[i] as RunTable, shape, dataOffset);
    at += shape.trafBytes;
    dataOffset += shape.dataBytes;
  }
  boxHeader(view, moofBytes, dataBytes + 8, MDAT);
  return header;
}

/** The sizes of the result of `writeFragmentHeader` and of the samples' bytes. */
export function measureFragment(runs: readonly RunTable[]): {
  readonly headerBytes: number;
  readonly dataBytes: number;
} {
  let headerBytes = MOOF_AND_MFHD_BYTES + 8;
  let dataBytes = 0;
  for (const run of runs) {
    const shape = shapeOf(run);
    headerBytes += shape.trafBytes;
    dataBytes += shape.dataBytes;
  }
  return { headerBytes, dataBytes };
}

/** The common values of a run's samples, which are not written for each. */
interface RunShape {
  readonly trunFlags: number;
  readonly trafBytes: number;
  readonly dataBytes: number;
}

function shapeOf(run: RunTable): RunShape {
  if (!Number.isSafeInteger(run.baseTime) || run.baseTime < 0) {
    throw new PerchError('badInput', `MP4 base time ${run.baseTime} is not a whole number from 0`);
  }
  const facts = run.facts?.() ?? factsOf(run);
  let trunFlags = TRUN_DATA_OFFSET | TRUN_SIZE;
  trunFlags |= facts.isSteady ? 0 : TRUN_DURATION;
  trunFlags |= facts.isAllSync ? 0 : TRUN_FLAGS;
  trunFlags |= facts.hasOffsets ? TRUN_COMPOSITION : 0;
  let sampleBytes = 4;
  for (let flag = TRUN_DURATION; flag <= TRUN_COMPOSITION; flag <<= 1) {
    sampleBytes += flag !== TRUN_SIZE && trunFlags & flag ? 4 : 0;
  }
  return { trunFlags, trafBytes: TRAF_BYTES + run.count * sampleBytes, dataBytes: facts.dataBytes };
}

function factsOf(run: RunTable): RunFacts {
  let [dataBytes, isSteady, isAllSync, hasOffsets] = [0, true, true, false];
  const firstDuration = run.count > 0 ? run.durationOf(0) : 0;
  for (let i = 0; i < run.count; i += 1) {
    dataBytes += run.sizeOf(i);
    isSteady &&= run.durationOf(i) === firstDuration;
    isAllSync &&= run.isSync(i);
    hasOffsets ||= run.compositionOffsetOf(i) !== 0;
  }
  return { dataBytes, isSteady, isAllSync, hasOffsets };
}

function writeTraf(view: DataView, start: number, run: RunTable, shape: RunShape, dataOffset: number): void {
  boxHeader(view, start, shape.trafBytes, TRAF);
  let at = start + 8;
  boxHeader(view, at, 24, TFHD);
  view.setUint32(at + 8, TFHD_BASE_IS_MOOF | TFHD_DEFAULT_DURATION | TFHD_DEFAULT_FLAGS);
  view.setUint32(at + 12, run.trackId);
  view.setUint32(at + 16, run.count > 0 ? run.durationOf(0) : 0);
  view.setUint32(at + 20, SYNC_FLAGS);
  at += 24;
  boxHeader(view, at, 20, TFDT);
  view.setUint32(at + 8, 0x0100_0000);
  view.setUint32(at + 12, Math.floor(run.baseTime / 2 ** 32));
  view.setUint32(at + 16, run.baseTime % 2 ** 32);
  at += 20;
  boxHeader(view, at, start + shape.trafBytes - at, TRUN);
  // Version 1: composition offsets may be negative.
  view.setUint32(at + 8, 0x0100_0000 | shape.trunFlags);
  view.setUint32(at + 12, run.count);
  view.setInt32(at + 16, dataOffset);
  writeSamples(view, at + 20, run, shape.trunFlags);
}

function writeSamples(view: DataView, start: number, run: RunTable, trunFlags: number): void {
  let at = start;
  for (let i = 0; i < run.count; i += 1) {
    if (trunFlags & TRUN_DURATION) {
      view.setUint32(at, run.durationOf(i));
      at += 4;
    }
    view.setUint32(at, run.sizeOf(i));
    at += 4;
    if (trunFlags & TRUN_FLAGS) {
      view.setUint32(at, run.isSync(i) ? SYNC_FLAGS : NON_SYNC_FLAGS);
      at += 4;
    }
    if (trunFlags & TRUN_COMPOSITION) {
      view.setInt32(at, run.compositionOffsetOf(i));
      at += 4;
    }
  }
}

function boxHeader(view: DataView, at: number, sizeBytes: number, type: number): void {
  view.setUint32(at, sizeBytes);
  view.setUint32(at + 4, type);
}

/** The samples of a run by column. */
export const tableOf = (run: TrackRun): RunTable => new SampleRun(run);

class SampleRun implements RunTable {
  readonly trackId: number;
  readonly baseTime: number;
  readonly count: number;
  readonly #samples: readonly Sample[];
  readonly #endDts: number;

  constructor(run: TrackRun) {
    this.trackId = run.track + 1;
    this.baseTime = run.baseTime;
    this.count = run.samples.length;
    this.#samples = run.samples;
    this.#endDts = run.endDts;
  }

  sizeOf(i: number): number {
    return (this.#samples[i] as Sample).data.length;
  }

  durationOf(i: number): number {
    const end = i + 1 < this.count ? (this.#samples[i + 1] as Sample).dts : this.#endDts;
    return Math.max(0, end - (this.#samples[i] as Sample).dts);
  }

  compositionOffsetOf(i: number): number {
    const sample = this.#samples[i] as Sample;
    return sample.pts - sample.dts;
  }

  isSync(i: number): boolean {
    return (this.#samples[i] as Sample).key;
  }
}

/* Offsets in the result of `writeFragmentHeader`: moof and mfhd, then for each run traf ── tfhd, tfdt, trun. */
const FIRST_TRAF = 24;
const TRACK_ID = 8 + 12;
const BASE_TIME = 8 + 24 + 12;

/**
 * Subtracts ticks from each `baseMediaDecodeTime` of a fragment's header, in place.
 * @param header of `writeFragmentHeader`: `moof` and 8 bytes of `mdat`
 * @param ticksOf by `track_ID` - 1
 * @returns false: a time became negative, and the header is invalid
 */
export function shiftFragment(header: Uint8Array, ticksOf: readonly number[]): boolean {
  const view = viewOf(header);
  const end = view.getUint32(0);
  for (let at = FIRST_TRAF; at < end; at += view.getUint32(at)) {
    const track = view.getUint32(at + TRACK_ID) - 1;
    const time = view.getUint32(at + BASE_TIME) * 2 ** 32 + view.getUint32(at + BASE_TIME + 4);
    const shifted = time - (ticksOf[track] ?? 0);
    if (shifted < 0) {
      return false;
    }
    view.setUint32(at + BASE_TIME, Math.floor(shifted / 2 ** 32));
    view.setUint32(at + BASE_TIME + 4, shifted % 2 ** 32);
  }
  return true;
}
