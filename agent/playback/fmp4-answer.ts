import { fourcc, fullBox, u16, u32, u64 } from '../media/mp4/boxes.ts';
import { writeFragmentHeader } from '../media/mp4/fragment.ts';
import { boxAt, childrenOf, viewOf } from '../media/mp4/walk.ts';
import type { FileInit } from '../record/fragment-walk.ts';
import { patchTimes } from './fragment-times.ts';
import { bytesOf, endOf, KeptTable } from './kept-table.ts';
import { Patches, VirtualFile } from './virtual-file.ts';
import type { FileTiming, FragmentSink, KeptFragment, KeptRun } from './window.ts';

const MOOV = fourcc('moov');
const UDTA = fourcc('udta');
/** The count in `sidx` has 16 bits; beyond it fragments share an entry. */
const MAX_REFERENCES = 0xffff;
const MAX_REFERENCE_BYTES = 0x7fff_ffff;

/** What one fragment of the answer is in its index. */
interface IndexEntry {
  sizeBytes: number;
  /** Decode time of the leading track at the fragment's start, in its ticks; undefined when it has none of it. */
  readonly time: number | undefined;
  readonly startsWithSync: boolean;
}

/**
 * The answer of `format=fmp4`: header, index (`sidx`), fragments. Whole fragments are taken from the file with their times patched;
 * only those at the edges get new headers.
 */
export class Fmp4Answer implements FragmentSink {
  readonly #init: FileInit;
  readonly #leadId: number;
  readonly #leadTimescale: number;
  readonly #body = new VirtualFile();
  readonly #entries: IndexEntry[] = [];
  #timing: FileTiming | undefined;
  /** Held back until it is known whether a join makes its last samples longer or shorter. */
  #pending: { readonly kept: KeptFragment; readonly timing: FileTiming } | undefined;
  #sequence = 0;
  #leadEnd = 0;

  constructor(init: FileInit) {
    this.#init = init;
    const lead = init.tracks.find((track) => track.kind === 'video') ?? init.tracks[0];
    this.#leadId = lead?.id ?? 0;
    this.#leadTimescale = lead?.timescale ?? 1000;
  }

  get isEmpty(): boolean {
    return this.#pending === undefined;
  }

  startFile(timing: FileTiming): void {
    this.#timing = timing;
  }

  add(kept: KeptFragment): void {
    const timing = this.#timing;
    if (!timing) {
      return;
    }
    if (this.#pending) {
      this.#writePending(this.#pending.timing === timing ? undefined : kept);
    }
    this.#pending = { kept, timing };
  }

  finish(): VirtualFile {
    if (this.#pending) {
      this.#writePending(undefined);
    }
    this.#body.prepend(this.#index());
    this.#body.prepend(headerOf(this.#init));
    return this.#body;
  }

  /** @param next the first fragment of another file: the last samples end where its first begin */
  #writePending(next: KeptFragment | undefined): void {
    if (!this.#pending) {
      return;
    }
    const { kept, timing } = this.#pending;
    const ends = next ? joinedEnds(kept.runs, next.runs) : undefined;
    const lead = kept.runs.find((run) => run.run.trackId === this.#leadId);
    const before = this.#body.sizeBytes;
    if (!kept.isWhole || ends || !this.#copy(kept, timing)) {
      this.#rewrite(kept, ends);
    }
    this.#sequence += 1;
    this.#entries.push({
      sizeBytes: this.#body.sizeBytes - before,
      time: lead && Math.max(0, lead.time),
      startsWithSync: lead?.run.isSync(lead.from) ?? false,
    });
    if (lead) {
      this.#leadEnd = Math.max(this.#leadEnd, ends?.get(this.#leadId) ?? endOf(lead).end);
    }
  }

  #copy(kept: KeptFragment, timing: FileTiming): boolean {
    const shiftOf = (trackId: number): number =>
      Math.round(timing.shiftSeconds * (timing.timescales.get(trackId) ?? 1));
    const change = { sequence: this.#sequence, shiftOf };
    // Tried on a list of its own first: a time that does not fit must leave no trace.
    if (!patchTimes(kept.moof, kept.offset, change, new Patches())) {
      return false;
    }
    this.#body.addPatchedRange(kept.file, kept.offset, kept.fragment.sizeBytes, (patches) => {
      patchTimes(kept.moof, kept.offset, change, patches);
    });
    return true;
  }

  #rewrite(kept: KeptFragment, ends: ReadonlyMap<number, number> | undefined): void {
    const tables = kept.runs.map(
      (run) => new KeptTable(run, isLastOf(run, kept.runs) ? ends?.get(run.run.trackId) : undefined),
    );
    this.#body.addBytes(writeFragmentHeader(this.#sequence, tables));
    for (const run of kept.runs) {
      const { offset, sizeBytes } = bytesOf(run);
      this.#body.addRange(kept.file, kept.offset + offset, sizeBytes);
    }
  }

  /** `sidx`, ISO/IEC 14496-12 §8.16.3: with it players know the length and seek without reading through. */
  #index(): Uint8Array {
    const groups = grouped(this.#entries);
    const times: number[] = [];
    let time = this.#leadEnd;
    for (let i = groups.length - 1; i >= 0; i -= 1) {
      time = Math.min(time, groups[i]?.time ?? time);
      times[i] = time;
    }
    const firstTime = times[0] ?? 0;
    const references = new Uint8Array(groups.length * 12);
    const view = viewOf(references);
    groups.forEach((group, i) => {
      view.setUint32(i * 12, group.sizeBytes);
      view.setUint32(i * 12 + 4, (times[i + 1] ?? this.#leadEnd) - (times[i] ?? 0));
      // Starts with SAP of type 1, or unknown.
      view.setUint32(i * 12 + 8, group.startsWithSync ? 0x9000_0000 : 0);
    });
    const firstOffset = 0;
    return fullBox(
      'sidx',
      1,
      0,
      u32(this.#leadId),
      u32(this.#leadTimescale),
      u64(firstTime),
      u64(firstOffset),
      u16(0),
      u16(groups.length),
      references,
    );
  }
}

const isLastOf = (run: KeptRun, runs: readonly KeptRun[]): boolean =>
  runs.findLast((other) => other.run.trackId === run.run.trackId) === run;

/** Where the last samples of tracks must end so that the next file goes on without a gap; undefined when they do already. */
function joinedEnds(runs: readonly KeptRun[], next: readonly KeptRun[]): Map<number, number> | undefined {
  const ends = new Map<number, number>();
  for (const run of runs) {
    const following = next.find((other) => other.run.trackId === run.run.trackId);
    if (following && isLastOf(run, runs) && endOf(run).end !== following.time) {
      ends.set(run.run.trackId, following.time);
    }
  }
  return ends.size > 0 ? ends : undefined;
}

/** As many entries as the index can hold, each of whole fragments. */
function grouped(entries: readonly IndexEntry[]): readonly IndexEntry[] {
  if (entries.length <= MAX_REFERENCES) {
    return entries;
  }
  const perGroup = Math.ceil(entries.length / MAX_REFERENCES);
  const groups: IndexEntry[] = [];
  for (const [i, entry] of entries.entries()) {
    const group = groups.at(-1);
    if (group && i % perGroup !== 0 && group.sizeBytes + entry.sizeBytes <= MAX_REFERENCE_BYTES) {
      group.sizeBytes += entry.sizeBytes;
    } else {
      groups.push({ ...entry });
    }
  }
  return groups;
}

/** The file's own header, without its length (the answer's is in the index) and without the private mark of the recording. */
function headerOf(init: FileInit): Uint8Array {
  const bytes = init.bytes.slice();
  const view = viewOf(bytes);
  bytes.fill(0, init.durationOffset, init.durationOffset + init.durationBytes);
  for (let at = 0; ; ) {
    const top = boxAt(view, at, bytes.length);
    if (!top) {
      return bytes;
    }
    for (const child of top.type === MOOV ? childrenOf(view, top) : []) {
      if (child.type === UDTA) {
        view.setUint32(child.start + 4, fourcc('free'));
        bytes.fill(0, child.bodyStart, child.end);
      }
    }
    at = top.end;
  }
}
