import { PerchError } from '../../base/errors.ts';
import { readFull } from '../../base/files/read-full.ts';
import { box, fourcc, u32 } from '../../media/mp4/box/boxes.ts';
import { viewOf } from '../../media/mp4/box/walk.ts';
import type { Mp4Fragment, Mp4Init } from '../../media/mp4/read/read.ts';
import { SampleTableWriter } from '../../media/mp4/table/sample-table-writer.ts';
import type { RunTable } from '../../media/mp4/write/fragment.ts';
import { type RandomAccess, writeMfra } from '../../media/mp4/write/mfra.ts';
import { writeRecordingTail } from '../../media/mp4/write/recording-tail.ts';
import { type FileInit, type PlacedFragment, readInit } from '../file/fragment-walk.ts';
import { type RecordingHead, readRecordingHead, trackIdsOf } from '../file/recording-file.ts';
import type { ReadableFile } from '../file/segment-fs.ts';
import { WholeParts } from '../file/whole-parts.ts';

/** A foreign file changed this recently may still be written. */
export const BUSY_MS = 60_000;
const UUID = fourcc('uuid');

interface Patch {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface RecoveryPlan {
  readonly kind: 'plan';
  /** The header from its copy at the end: flushed before that copy is touched. */
  readonly torn: Patch | undefined;
  /** Box headers that hide lost bytes in the middle. */
  readonly holes: readonly Patch[];
  /** End of the last complete fragment; the rest is cut off. */
  readonly endOffset: number;
  /** Written there instead. */
  readonly end: readonly Uint8Array[];
  /** The duration, written after all that is flushed. */
  readonly header: Patch;
  readonly durationMs: number;
  /** Bytes lost after the end and in the holes. */
  readonly lostBytes: number;
  /** For the file's times, Unix milliseconds, or undefined if unknown. */
  readonly startMs: number | undefined;
}

type RecoveryVerdict =
  | RecoveryPlan
  | { readonly kind: 'finished' }
  | { readonly kind: 'busy' }
  /** No mark of Perch or MediaMTX: not changed. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Plans the recovery of a recording that this process does not write. Reads only. @param nowMs Unix time */
export async function planRecovery(handle: ReadableFile, nowMs: number): Promise<RecoveryVerdict> {
  const head = await readRecordingHead(handle).catch(damageOf);
  if (head instanceof PerchError) {
    return { kind: 'unreadable', reason: head.message };
  }
  if (head.fileMark) {
    return head.tail ? lookAtHeader(handle, head) : planEnd(handle, head);
  }
  if (head.isFinished) {
    return { kind: 'finished' };
  }
  if (!head.mark) {
    return { kind: 'foreign' };
  }
  return Math.abs(nowMs - head.mtimeMs) < BUSY_MS ? { kind: 'busy' } : planEnd(handle, head);
}

function damageOf(error: unknown): PerchError {
  if (error instanceof PerchError) {
    return error;
  }
  throw error;
}

/** The file has its end: checks that the header is unchanged except for the duration. */
async function lookAtHeader(handle: ReadableFile, head: RecordingHead): Promise<RecoveryVerdict> {
  const own = await readInit(handle, head.sizeBytes).catch(damageOf);
  const header = headerOf(head.init);
  const isTorn = own instanceof PerchError || Buffer.compare(headerOf(own), header) !== 0;
  return isTorn ? planEnd(handle, head, { offset: 0, bytes: header }) : { kind: 'finished' };
}

async function planEnd(handle: ReadableFile, head: RecordingHead, torn?: Patch): Promise<RecoveryVerdict> {
  const { init, fileMark, mark, sizeBytes } = head;
  const parts = new WholeParts(handle, head);
  const tables = new EndTables(init);
  for (let placed = await parts.next(); placed; placed = await parts.next()) {
    tables.add(placed);
  }
  const { chain } = parts;
  const { endOffset, endSeconds, holes } = chain;
  if (chain.count === 0) {
    return { kind: 'unreadable', reason: parts.fault };
  }
  const index = writeMfra([{ trackId: tables.leadId, entries: tables.access }]);
  const tail = fileMark
    ? [writeRecordingTail({ init: headerOf(init), table: tables.samples.bytes, hasHoles: holes.length > 0 })]
    : [];
  const holeBytes = holes.reduce((sum, hole) => sum + hole.sizeBytes, 0);
  return {
    kind: 'plan',
    torn,
    holes: holes.map((hole) => ({ offset: hole.offset, bytes: freeHead(hole.sizeBytes) })),
    endOffset,
    end: [...tail, index],
    header: { offset: init.durationOffset, bytes: durationField(init, endSeconds) },
    durationMs: Math.max(1, Math.round(endSeconds * 1000)),
    lostBytes: holeBytes + ((await isEnd(handle, endOffset)) ? 0 : sizeBytes - endOffset),
    startMs: mark && mark.wallUs / 1000,
  };
}

/** Whether the box at the end of Perch's files begins here: all fragments are complete, only the end after them is not. */
async function isEnd(handle: ReadableFile, offset: number): Promise<boolean> {
  const head = new Uint8Array(8);
  return (await readFull(handle, head, offset)) === head.length && viewOf(head).getUint32(4) === UUID;
}

/** The start of a box that players skip. */
function freeHead(sizeBytes: number): Uint8Array {
  const head = box('free');
  head.set(u32(sizeBytes));
  return head;
}

function headerOf({ bytes, durationOffset, durationBytes }: FileInit): Uint8Array {
  const header = Uint8Array.from(bytes);
  header.fill(0, durationOffset, durationOffset + durationBytes);
  return header;
}

type Run = Mp4Fragment['runs'][number];

/** Builds the tables at the end of a finished file. */
class EndTables {
  readonly leadId: number;
  readonly access: RandomAccess[] = [];
  readonly samples: SampleTableWriter;
  readonly #isLeadAudio: boolean;

  constructor(init: FileInit) {
    const lead = init.tracks.find((track) => track.kind === 'video') ?? init.tracks[0];
    this.leadId = lead?.id ?? 0;
    this.#isLeadAudio = lead?.kind === 'audio';
    this.samples = new SampleTableWriter(trackIdsOf(init), init.sizeBytes);
  }

  add({ fragment, offset }: PlacedFragment): void {
    const { runs, sizeBytes, moofBytes, mdatHeaderBytes } = fragment;
    for (const [i, run] of runs.entries()) {
      if (run.trackId === this.leadId) {
        this.#index(run, offset, i + 1);
      }
    }
    const placed = runs.map((run) => ({ run: tableOf(run), dataOffset: run.dataOffset }));
    this.samples.addFragment(offset, sizeBytes, moofBytes + mdatHeaderBytes, placed);
  }

  #index(run: Run, moofOffset: number, traf: number): void {
    let { baseTime: time } = run;
    for (let i = 0; i < run.count; i += 1) {
      if (run.isSync(i)) {
        this.access.push({ time: time + (run.compositionOffsets?.[i] ?? 0), moofOffset, traf, trun: 1, sample: i + 1 });
        if (this.#isLeadAudio) {
          return;
        }
      }
      time += run.durations[i] ?? 0;
    }
  }
}

const tableOf = (run: Run): RunTable => ({
  trackId: run.trackId,
  baseTime: run.baseTime,
  count: run.count,
  sizeOf: (i) => run.sizes[i] as number,
  durationOf: (i) => run.durations[i] as number,
  compositionOffsetOf: (i) => run.compositionOffsets?.[i] ?? 0,
  isSync: (i) => run.isSync(i),
});

/** Never 0, which would mark the file as unfinished. */
function durationField({ durationBytes, movieTimescale }: Mp4Init, seconds: number): Uint8Array {
  const field = new Uint8Array(durationBytes);
  const ticks = Math.max(1, Math.round(seconds * movieTimescale));
  new DataView(field.buffer).setUint32(durationBytes - 4, Math.min(ticks, 0xffff_fffe));
  return field;
}
