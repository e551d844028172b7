import { playerInit } from '../../media/mp4/read/player-init.ts';
import { writeFragmentHeader } from '../../media/mp4/write/fragment.ts';
import type { FileInit } from '../../record/file/fragment-walk.ts';
import { trackIdsOf } from '../../record/file/recording-file.ts';
import type { FileCut } from '../read/cut.ts';
import { MoofPatch } from '../read/moof-patch.ts';
import { recordedFile } from '../read/slice.ts';
import { VirtualFile } from '../read/virtual-file.ts';
import { FragmentIndex, type IndexedFragment } from './fragment-index.ts';
import { endOf, type SelectedFragment, selectedFragments } from './selected-fragments.ts';
import { type DecodeOnlyTiming, type SelectedRun, SelectedTable, visibleTime } from './selected-table.ts';

/** ffmpeg warns when two frames are a thousand times as far apart as the previous ones; frame intervals vary. */
const STEPS_PER_PICTURE = 800;

/** Counts the decode-only samples of each track over all fragments; they precede all others. */
export class DecodeOnlySamples {
  readonly #timings = new Map<number, DecodeOnlyTiming>();

  /** Counts the decode-only samples of a run. Called in the order of the download. @returns the timing before this run */
  add(run: SelectedRun): DecodeOnlyTiming {
    const { samples, from, to } = run;
    const before = this.#timingOf(run);
    let { count } = before;
    let { time } = run;
    for (let i = from; i < to && time < 0; i += 1) {
      count += 1;
      time += samples.durations[i] as number;
    }
    if (count > 0) {
      this.#timings.set(samples.trackId, { ...before, count });
    }
    return before;
  }

  /** Decode time of a visible sample in the download. */
  visibleTimeOf(run: SelectedRun, time: number): number {
    const timing = this.#timings.get(run.samples.trackId);
    return timing ? visibleTime(time, timing.count, timing) : Math.max(time, 0);
  }

  #timingOf(run: SelectedRun): DecodeOnlyTiming {
    return this.#timings.get(run.samples.trackId) ?? timingFrom(run);
  }
}

/** Decode-only samples together last at most half a frame. Reordered ones last no time: composition offsets keep them apart. */
function timingFrom({ samples, from, to }: SelectedRun): DecodeOnlyTiming {
  const duration = samples.durations[from] as number;
  if (!samples.compositionOffsets) {
    return { count: 0, stepTicks: stepOf(duration), maxTicks: Math.floor(duration / 2) };
  }
  let longest = duration;
  for (let i = from + 1; i < to; i += 1) {
    longest = Math.max(longest, samples.durations[i] as number);
  }
  return { count: 0, stepTicks: stepOf(longest), maxTicks: 0 };
}

const stepOf = (durationTicks: number): number => Math.floor(durationTicks / STEPS_PER_PICTURE) + 1;

/** Memory for fragment offsets, sizes and times: about ten days of sub-second parts. */
export const MAX_FMP4_BYTES = 32 << 20;
const INDEX_BYTES = 24;
/** Memory per second of a download whose parts are shorter than a second. */
export const FMP4_BYTES_PER_SECOND = INDEX_BYTES + 12;

/**
 * Writes `format=fmp4`: header, index (`sidx`), fragments. Whole fragments come from the file with patched times; only
 * edge fragments get new headers.
 */
export class Fmp4Writer {
  readonly #init: FileInit;
  readonly #maxBytes: number;
  readonly #leadId: number;
  readonly #body = new VirtualFile();
  readonly #index: FragmentIndex;
  readonly #decodeOnly = new DecodeOnlySamples();
  /** Held back: a join may change the duration of its last samples. */
  #pending: { readonly selected: SelectedFragment; readonly cut: FileCut } | undefined;
  #patch: { readonly cut: FileCut; readonly patch: MoofPatch } | undefined;
  #sequence = 0;

  constructor(init: FileInit, maxBytes = MAX_FMP4_BYTES) {
    this.#init = init;
    this.#maxBytes = maxBytes;
    const lead = init.tracks.find((track) => track.kind === 'video') ?? init.tracks[0];
    this.#leadId = lead?.id ?? 0;
    const others = init.tracks.filter((track) => track !== lead);
    this.#index = new FragmentIndex(lead ?? { id: 0, timescale: 1000 }, others);
  }

  /** The memory limit is reached: further recordings need another download. */
  get isFull(): boolean {
    return this.#body.memoryBytes + this.#sequence * INDEX_BYTES >= this.#maxBytes;
  }

  /** Recordings in order. @param cut not empty */
  add(cut: FileCut): void {
    for (const selected of selectedFragments(cut)) {
      this.#writePending(this.#pending?.cut === cut ? undefined : selected);
      this.#pending = { selected, cut };
    }
  }

  /** @param last box of the file */
  finish(last?: Uint8Array): VirtualFile {
    this.#writePending(undefined);
    if (last) {
      this.#body.addBytes(last);
    }
    this.#body.prepend([playerInit(this.#init.bytes, trackIdsOf(this.#init)), this.#index.write()]);
    return this.#body;
  }

  /** @param next first fragment of another file: the last samples end where its first ones begin */
  #writePending(next: SelectedFragment | undefined): void {
    if (!this.#pending) {
      return;
    }
    const { selected, cut } = this.#pending;
    this.#pending = undefined;
    const ends = next ? joinedEnds(selected.runs, next.runs) : undefined;
    const before = this.#body.sizeBytes;
    if (selected.isWhole && !ends && hasRoomForTimes(selected, cut) && this.#isBehindHidden(selected)) {
      this.#copy(selected, cut);
    } else {
      this.#rewrite(selected, cut, ends);
    }
    this.#sequence += 1;
    const ofLead = selected.runs.filter(({ samples }) => samples.trackId === this.#leadId);
    const last = ofLead.at(-1);
    this.#index.add({
      sizeBytes: this.#body.sizeBytes - before,
      endTime: last && (ends?.get(this.#leadId) ?? endOf(last).end),
      ...timesIn(ofLead, this.#decodeOnly),
    });
  }

  /** Whether it starts after the ticks used by decode-only samples. */
  #isBehindHidden({ runs }: SelectedFragment): boolean {
    return runs.every((run) => this.#decodeOnly.visibleTimeOf(run, run.time) === run.time);
  }

  #copy(selected: SelectedFragment, cut: FileCut): void {
    const { table } = cut.tabled;
    const sequenceOffset = this.#sequence - selected.number;
    if (this.#patch?.cut !== cut || this.#patch.patch.sequenceOffset !== sequenceOffset) {
      const shifts = new Map(cut.tracks.map(({ track, shiftTicks }) => [track.id, shiftTicks]));
      this.#patch = { cut, patch: new MoofPatch(table, sequenceOffset, shifts) };
    }
    const offset = table.fragmentOffsets[selected.number] as number;
    const sizeBytes = table.fragmentBytes[selected.number] as number;
    this.#body.addRange(recordedFile(cut.tabled), offset, sizeBytes, this.#patch.patch);
  }

  #rewrite(selected: SelectedFragment, cut: FileCut, ends: ReadonlyMap<number, number> | undefined): void {
    const tables = selected.runs.map((run) => {
      const end = isLastOf(run, selected.runs) ? ends?.get(run.samples.trackId) : undefined;
      return new SelectedTable(run, this.#decodeOnly.add(run), end);
    });
    this.#body.addBytes(writeFragmentHeader(this.#sequence, tables));
    for (const run of selected.runs) {
      this.#body.addRange(recordedFile(cut.tabled), run.dataOffset, run.sizeBytes);
    }
  }
}

/** Files of other programs may have 32-bit times; Perch and MediaMTX (recognised by its mark) write 64. */
const hasRoomForTimes = ({ runs }: SelectedFragment, { tabled }: FileCut): boolean =>
  tabled.head.mark !== undefined || runs.every(({ time }) => time < 2 ** 32);

/** When a track's samples begin, and its first sync sample. */
function timesIn(
  runs: readonly SelectedRun[],
  hidden: DecodeOnlySamples,
): Pick<IndexedFragment, 'time' | 'syncTime' | 'startsWithSync'> {
  let start: number | undefined;
  for (const run of runs) {
    const { samples, from, to } = run;
    let { time } = run;
    for (let i = from; i < to; i += 1) {
      const begins = time < 0 ? 0 : hidden.visibleTimeOf(run, time);
      if (samples.syncs[i] === 1) {
        return { time: start ?? begins, syncTime: begins, startsWithSync: start === undefined };
      }
      start ??= begins;
      time += samples.durations[i] as number;
    }
  }
  return { time: start, syncTime: undefined, startsWithSync: false };
}

const isLastOf = (run: SelectedRun, runs: readonly SelectedRun[]): boolean =>
  runs.findLast((other) => other.samples === run.samples) === run;

/** Where the last samples of tracks must end to join the next file without a gap; undefined if they do. */
function joinedEnds(runs: readonly SelectedRun[], next: readonly SelectedRun[]): Map<number, number> | undefined {
  const ends = new Map<number, number>();
  for (const run of runs) {
    const following = next.find((other) => other.samples.trackId === run.samples.trackId);
    if (following && isLastOf(run, runs) && endOf(run).end !== following.time) {
      ends.set(run.samples.trackId, following.time);
    }
  }
  return ends.size > 0 ? ends : undefined;
}
