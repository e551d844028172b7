import { PerchError } from '../../../base/errors.ts';
import { fourcc } from '../box/boxes.ts';
import { type BoxLocation, childAt, need, uint64, versionOf } from '../box/walk.ts';
import type { SampleDefaults } from './read-track.ts';

const NON_SYNC = 0x1_0000;
/** A fragment lasts seconds. Bounds a `trun` without per-sample fields, whose size bounds nothing. */
const MAX_SAMPLES = 1 << 20;

/** One `trun`: consecutive samples of a track with contiguous bytes. */
export class FragmentRun {
  readonly trackId: number;
  /** Decode time of the first sample, in ticks of the track. */
  readonly baseTime: number;
  /** Offset of the first sample's bytes from the start of `moof`. */
  readonly dataOffset: number;
  /** In ticks of the track. */
  readonly durations: Uint32Array;
  /** In bytes. */
  readonly sizes: Uint32Array;
  /** ISO/IEC 14496-12 §8.8.3.1. */
  readonly flags: Uint32Array;
  /** Presentation minus decode time in ticks, or undefined if 0 for every sample. */
  readonly compositionOffsets: Int32Array | undefined;
  /** Sums over all samples. */
  readonly durationTicks: number;
  readonly sizeBytes: number;

  constructor(place: { trackId: number; baseTime: number; dataOffset: number }, samples: RunSamples) {
    this.trackId = place.trackId;
    this.baseTime = place.baseTime;
    this.dataOffset = place.dataOffset;
    this.durations = samples.durations;
    this.sizes = samples.sizes;
    this.flags = samples.flags;
    this.compositionOffsets = samples.compositionOffsets;
    this.durationTicks = sum(samples.durations);
    this.sizeBytes = sum(samples.sizes);
  }

  get count(): number {
    return this.sizes.length;
  }

  isSync(i: number): boolean {
    return ((this.flags[i] ?? NON_SYNC) & NON_SYNC) === 0;
  }
}

interface RunSamples {
  readonly durations: Uint32Array;
  readonly sizes: Uint32Array;
  readonly flags: Uint32Array;
  readonly compositionOffsets: Int32Array | undefined;
}

function sum(values: Uint32Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i += 1) {
    total += values[i] as number;
  }
  return total;
}

const MFHD = fourcc('mfhd');
const TRAF = fourcc('traf');
const TFHD = fourcc('tfhd');
const TFDT = fourcc('tfdt');
const TRUN = fourcc('trun');

const TFHD_BASE_OFFSET = 0x01;
const TFHD_DESCRIPTION = 0x02;
const TFHD_DURATION = 0x08;
const TFHD_SIZE = 0x10;
const TFHD_FLAGS = 0x20;
const TFHD_BASE_IS_MOOF = 0x2_0000;
const TRUN_DATA_OFFSET = 0x001;
const TRUN_FIRST_FLAGS = 0x004;
const TRUN_DURATION = 0x100;
const TRUN_SIZE = 0x200;
const TRUN_FLAGS = 0x400;
const TRUN_COMPOSITION = 0x800;

/** The state of a `traf` while its `trun` boxes are read. */
interface TrackState {
  readonly trackId: number;
  readonly defaults: SampleDefaults;
  /** Base of data offsets, from the start of `moof`. */
  readonly baseOffset: number;
  /** Offset of the bytes of the next `trun` without its own offset. */
  dataEnd: number;
  /** Decode time at which the next `trun` begins. */
  time: number | undefined;
}

/** Reads one `moof`: ISO/IEC 14496-12 §8.8.4 to §8.8.12. */
export class FragmentReader {
  sequence = 0;
  readonly runs: FragmentRun[] = [];
  readonly #view: DataView;
  readonly #moof: BoxLocation;
  readonly #trackDefaults: ReadonlyMap<number, SampleDefaults>;
  readonly #moofFileOffset: number;
  /** End of the last run's bytes, from the start of `moof`. */
  #dataEnd = 0;
  #samples = 0;

  /** @param moofFileOffset base of absolute data offsets, or undefined if they count from the `moof` */
  constructor(
    view: DataView,
    moof: BoxLocation,
    trackDefaults: ReadonlyMap<number, SampleDefaults>,
    moofFileOffset: number | undefined,
  ) {
    this.#view = view;
    this.#moof = moof;
    this.#trackDefaults = trackDefaults;
    this.#moofFileOffset = moofFileOffset ?? -1;
  }

  read(): void {
    const view = this.#view;
    for (let at = this.#moof.bodyStart; ; ) {
      const child = childAt(view, at, this.#moof.end);
      if (!child) {
        return;
      }
      if (child.type === MFHD) {
        need(child, 8);
        this.sequence = view.getUint32(child.bodyStart + 4);
      } else if (child.type === TRAF) {
        this.#readTraf(child);
      }
      at = child.end;
    }
  }

  #readTraf(traf: BoxLocation): void {
    let state: TrackState | undefined;
    for (let at = traf.bodyStart; ; ) {
      const child = childAt(this.#view, at, traf.end);
      if (!child) {
        return;
      }
      if (child.type === TFHD) {
        state = this.#readTfhd(child);
      } else if (child.type === TFDT && state) {
        state.time = this.#readTfdt(child);
      } else if (child.type === TRUN) {
        this.#readTrun(child, state);
      }
      at = child.end;
    }
  }

  #readTfhd(tfhd: BoxLocation): TrackState {
    need(tfhd, 8);
    const view = this.#view;
    const flags = view.getUint32(tfhd.bodyStart) & 0xff_ffff;
    const trackId = view.getUint32(tfhd.bodyStart + 4);
    let at = tfhd.bodyStart + 8;
    // Every optional field has 4 bytes, the first has 8.
    const optional = flags & (TFHD_BASE_OFFSET | TFHD_DESCRIPTION | TFHD_DURATION | TFHD_SIZE | TFHD_FLAGS);
    need(tfhd, 8 + 4 * countBits(optional) + (flags & TFHD_BASE_OFFSET ? 4 : 0));
    // Without either flag the data follow those of the previous traf; those of the first traf count from the moof (§8.8.7.1).
    let baseOffset = flags & TFHD_BASE_IS_MOOF ? 0 : this.#dataEnd;
    if (flags & TFHD_BASE_OFFSET) {
      baseOffset = this.#moofFileOffset < 0 ? 0 : uint64(view, at) - this.#moofFileOffset;
      at += 8;
    }
    at += flags & TFHD_DESCRIPTION ? 4 : 0;
    const known = this.#trackDefaults.get(trackId);
    const field = (flag: number, fallback: number): number => {
      if ((flags & flag) === 0) {
        return fallback;
      }
      at += 4;
      return view.getUint32(at - 4);
    };
    const defaults = {
      duration: field(TFHD_DURATION, known?.duration ?? 0),
      sizeBytes: field(TFHD_SIZE, known?.sizeBytes ?? 0),
      flags: field(TFHD_FLAGS, known?.flags ?? 0),
    };
    return { trackId, defaults, baseOffset, dataEnd: baseOffset, time: undefined };
  }

  #readTfdt(tfdt: BoxLocation): number {
    const is64 = versionOf(this.#view, tfdt) === 1;
    need(tfdt, is64 ? 12 : 8);
    const at = tfdt.bodyStart + 4;
    const time = is64 ? uint64(this.#view, at) : this.#view.getUint32(at);
    if (time > Number.MAX_SAFE_INTEGER / 2) {
      throw new PerchError('badInput', `MP4 decode time ${time}, at most 2^52`);
    }
    return time;
  }

  #readTrun(trun: BoxLocation, state: TrackState | undefined): void {
    if (!state || state.time === undefined) {
      throw new PerchError('badInput', "MP4 'trun' without 'tfhd' and 'tfdt' before it");
    }
    need(trun, 8);
    const view = this.#view;
    const count = view.getUint32(trun.bodyStart + 4);
    const flags = view.getUint32(trun.bodyStart) & 0xff_ffff;
    const perSample = 4 * countBits(flags & (TRUN_DURATION | TRUN_SIZE | TRUN_FLAGS | TRUN_COMPOSITION));
    const headBytes = 8 + 4 * countBits(flags & (TRUN_DATA_OFFSET | TRUN_FIRST_FLAGS));
    need(trun, headBytes + count * perSample);
    this.#samples += count;
    if (this.#samples > MAX_SAMPLES) {
      throw new PerchError('badInput', `MP4 fragment with ${this.#samples} samples, at most ${MAX_SAMPLES}`);
    }
    let dataOffset = state.dataEnd;
    if (flags & TRUN_DATA_OFFSET) {
      dataOffset = state.baseOffset + view.getInt32(trun.bodyStart + 8);
    }
    const samples = this.#readSamples(trun.bodyStart + headBytes, count, flags, state.defaults);
    if (flags & TRUN_FIRST_FLAGS && count > 0) {
      samples.flags[0] = view.getUint32(trun.bodyStart + headBytes - 4);
    }
    const run = new FragmentRun({ trackId: state.trackId, baseTime: state.time, dataOffset }, samples);
    this.runs.push(run);
    this.#dataEnd = dataOffset + run.sizeBytes;
    state.dataEnd = this.#dataEnd;
    state.time += run.durationTicks;
  }

  #readSamples(start: number, count: number, flags: number, defaults: SampleDefaults): RunSamples {
    const view = this.#view;
    const durations = new Uint32Array(count);
    const sizes = new Uint32Array(count);
    const sampleFlags = new Uint32Array(count);
    const compositionOffsets = flags & TRUN_COMPOSITION ? new Int32Array(count) : undefined;
    let at = start;
    for (let i = 0; i < count; i += 1) {
      durations[i] = flags & TRUN_DURATION ? view.getUint32(at) : defaults.duration;
      at += flags & TRUN_DURATION ? 4 : 0;
      sizes[i] = flags & TRUN_SIZE ? view.getUint32(at) : defaults.sizeBytes;
      at += flags & TRUN_SIZE ? 4 : 0;
      sampleFlags[i] = flags & TRUN_FLAGS ? view.getUint32(at) : defaults.flags;
      at += flags & TRUN_FLAGS ? 4 : 0;
      if (compositionOffsets) {
        // Version 0 says unsigned, but writers that need negative offsets use it too: both read as signed.
        compositionOffsets[i] = view.getInt32(at);
        at += 4;
      }
    }
    return { durations, sizes, flags: sampleFlags, compositionOffsets };
  }
}

function countBits(flags: number): number {
  let count = 0;
  for (let rest = flags; rest !== 0; rest &= rest - 1) {
    count += 1;
  }
  return count;
}
