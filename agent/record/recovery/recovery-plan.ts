import { PerchError } from '../../base/errors.ts';
import { box, fourcc, u32 } from '../../media/mp4/boxes.ts';
import type { Mp4Init } from '../../media/mp4/read.ts';
import { writeRecordingTail } from '../../media/mp4/recording-tail.ts';
import { viewOf } from '../../media/mp4/walk.ts';
import { SealReader } from '../fragment-seal.ts';
import { type FileInit, FragmentWalk, type PlacedFragment, readInit } from '../fragment-walk.ts';
import type { ReadableFile } from '../readable-file.ts';
import { type RecordingHead, readRecordingHead } from '../recording-file.ts';
import { FragmentChain } from './fragment-chain.ts';
import { FragmentSearch } from './fragment-search.ts';

/**
 * Fragments that end before the last so many bytes are taken to have been flushed and are not read again: a minute of a camera
 * with 8 Mbit/s, twelve times the usual flush interval.
 */
const SUSPECT_BYTES = 64 << 20;
/** What one box can hide. */
const MAX_HOLE_BYTES = 0xffff_ffff;
/** A file of another program that was changed so recently may be being written. */
export const BUSY_MS = 60_000;
const UUID = fourcc('uuid');

/** Bytes that go to a place in the file. */
export interface Patch {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** What makes a recording whole that a power cut, a crash or a full disk has left behind. */
export interface RecoveryPlan {
  readonly kind: 'plan';
  /** The header, from its copy at the end: on the disk before that is touched. */
  readonly torn: Patch | undefined;
  /** Headers of boxes that hide what is lost in the middle. */
  readonly holes: readonly Patch[];
  /** Where the last whole fragment ends: what lies behind is cut off. */
  readonly endOffset: number;
  /** What stands there instead. */
  readonly end: readonly Uint8Array[];
  /** Written when all that is on the disk: the duration. */
  readonly header: Patch;
  readonly durationMs: number;
  /** Behind the end and in the holes. */
  readonly lostBytes: number;
  /** For the file's times, Unix milliseconds; undefined: the file does not tell. */
  readonly startMs: number | undefined;
}

export type Verdict =
  | RecoveryPlan
  | { readonly kind: 'finished' }
  /** Another program may be writing it. */
  | { readonly kind: 'busy' }
  /** Neither Perch nor MediaMTX has marked it: it is not ours to change. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** What is to be done to a recording that this process does not write. Reads only. @param nowMs Unix time */
export async function planRecovery(handle: ReadableFile, nowMs: number): Promise<Verdict> {
  let head: RecordingHead;
  try {
    head = await readRecordingHead(handle);
  } catch (error) {
    if (error instanceof PerchError) {
      return { kind: 'unreadable', reason: error.message };
    }
    throw error;
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

/** The file has its end. Is the header what it was when it was written, but for the duration? */
async function lookAtHeader(handle: ReadableFile, head: RecordingHead): Promise<Verdict> {
  const own = await readInit(handle, head.sizeBytes).catch((error: unknown) => {
    if (error instanceof PerchError) {
      return undefined;
    }
    throw error;
  });
  // The duration is written when the end is on the disk: without it the end may be there in part, which its first and last bytes do not
  // show, and the header is the one that has been flushed.
  if (own?.durationMs === 0) {
    return planEnd(handle, { ...head, init: own });
  }
  const header = headerOf(head.init);
  const isTorn = !own || Buffer.compare(headerOf(own), header) !== 0;
  return isTorn ? planEnd(handle, head, { offset: 0, bytes: header }) : { kind: 'finished' };
}

async function planEnd(handle: ReadableFile, head: RecordingHead, torn?: Patch): Promise<Verdict> {
  const { init, fileMark, mark, sizeBytes } = head;
  const { chain, holes, endOffset, lostBytes, fault } = await new Links(handle, head).follow();
  if (chain.count === 0) {
    return { kind: 'unreadable', reason: fault ?? 'no whole part' };
  }
  const index = chain.access.write();
  const tail = fileMark ? [writeRecordingTail({ init: headerOf(init), table: chain.samples.bytes })] : [];
  return {
    kind: 'plan',
    torn,
    holes,
    endOffset,
    end: [...tail, index],
    header: { offset: init.durationOffset, bytes: durationField(init, chain.endSeconds) },
    durationMs: Math.max(1, Math.round(chain.endSeconds * 1000)),
    lostBytes: lostBytes + ((await isEnd(handle, endOffset)) ? 0 : sizeBytes - endOffset),
    startMs: mark && mark.wallUs / 1000,
  };
}

/** All that was recorded is there, and only the file's end is in part. */
async function isEnd(handle: ReadableFile, offset: number): Promise<boolean> {
  const head = new Uint8Array(8);
  const { bytesRead } = await handle.read(head, 0, head.length, offset);
  return bytesRead === head.length && viewOf(head).getUint32(4) === UUID;
}

/** Goes through the fragments of a file up to the last that is whole. */
class Links {
  readonly #handle: ReadableFile;
  readonly #head: RecordingHead;
  readonly #seals: SealReader;
  readonly #chain: FragmentChain;
  readonly #holes: Patch[] = [];
  #endOffset: number;
  #lostBytes = 0;

  constructor(handle: ReadableFile, head: RecordingHead) {
    this.#handle = handle;
    this.#head = head;
    this.#seals = new SealReader(handle);
    this.#chain = new FragmentChain(head.init, head.fileMark);
    this.#endOffset = head.init.sizeBytes;
  }

  async follow() {
    const fault = await this.#walk();
    while (this.#head.fileMark && (await this.#passHole())) {
      await this.#walk();
    }
    const [chain, holes, endOffset, lostBytes] = [this.#chain, this.#holes, this.#endOffset, this.#lostBytes];
    return { chain, holes, endOffset, lostBytes, fault };
  }

  /** @returns what is wrong with the fragment that is not whole */
  async #walk(): Promise<string | undefined> {
    const { init, sizeBytes } = this.#head;
    const walk = new FragmentWalk(this.#handle, init, sizeBytes, this.#endOffset);
    for (;;) {
      const placed = await walk.next();
      if (!placed || !this.#chain.isNext(placed.fragment) || !(await this.#isWhole(placed))) {
        return walk.fault?.message;
      }
      this.#take(placed);
    }
  }

  #take({ fragment, offset }: PlacedFragment): void {
    this.#chain.add(fragment, offset);
    this.#endOffset = offset + fragment.sizeBytes;
  }

  async #isWhole(placed: PlacedFragment): Promise<boolean> {
    const { fileMark, sizeBytes } = this.#head;
    const isFlushed = placed.offset + placed.fragment.sizeBytes <= sizeBytes - SUSPECT_BYTES;
    return !fileMark || isFlushed || this.#seals.isWhole(placed);
  }

  /** Bytes in the middle that a disk has lost cost what was in them, and not what comes behind. */
  async #passHole(): Promise<boolean> {
    const { init, sizeBytes } = this.#head;
    const from = this.#endOffset + 8;
    const to = Math.min(sizeBytes, from + MAX_HOLE_BYTES);
    const search = new FragmentSearch(this.#handle, init, sizeBytes);
    const placed = await search.find(
      from,
      to,
      async (found) => this.#chain.isLater(found.fragment) && (await this.#seals.isWhole(found)),
    );
    if (!placed) {
      return false;
    }
    const holeBytes = placed.offset - this.#endOffset;
    this.#holes.push({ offset: this.#endOffset, bytes: freeHead(holeBytes) });
    this.#lostBytes += holeBytes;
    this.#take(placed);
    return true;
  }
}

/** The first bytes of a box that players pass over. */
function freeHead(sizeBytes: number): Uint8Array {
  const head = box('free');
  head.set(u32(sizeBytes));
  return head;
}

/** As it was first written: without a duration. */
function headerOf({ bytes, durationOffset, durationBytes }: FileInit): Uint8Array {
  const header = Uint8Array.from(bytes);
  header.fill(0, durationOffset, durationOffset + durationBytes);
  return header;
}

/** Never 0, which would say that the file is unfinished. */
function durationField({ durationBytes, movieTimescale }: Mp4Init, seconds: number): Uint8Array {
  const field = new Uint8Array(durationBytes);
  const ticks = Math.max(1, Math.round(seconds * movieTimescale));
  new DataView(field.buffer).setUint32(durationBytes - 4, Math.min(ticks, 0xffff_fffe));
  return field;
}
