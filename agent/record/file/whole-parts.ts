import type { Mp4Fragment } from '../../media/mp4/read/read.ts';
import { ChecksumReader } from './fragment-checksum.ts';
import { FragmentSearch } from './fragment-search.ts';
import { FragmentWalk, type PlacedFragment } from './fragment-walk.ts';
import type { ReadableFile } from './readable-file.ts';
import type { RecordingHead } from './recording-file.ts';

/**
 * Earlier parts are assumed to be flushed and are not read again: a minute of 8 Mbit/s, twelve times the usual flush
 * interval.
 */
const SUSPECT_BYTES = 64 << 20;
/** The maximum of one box. */
const MAX_HOLE_BYTES = 0xffff_ffff;
/** Behind lost bytes, sequence numbers may skip this many parts: a day. */
const MAX_SKIPPED = 100_000;

type Run = Mp4Fragment['runs'][number];

/** How far a file was read, and what its next part must match. */
export class PartChain {
  count = 0;
  /** One past the last complete part. */
  endOffset: number;
  /** Of the longest track. */
  endSeconds = 0;
  /** Each part's checksum was verified, as far as a power cut can have damaged it. */
  readonly isChecked: boolean;
  readonly #timescales: ReadonlyMap<number, number>;
  /** By track: end of its last run, in ticks. */
  readonly #ends = new Map<number, number>();
  /** False for files without a mark of Perch or MediaMTX, and for finished ones of MediaMTX. */
  readonly #isStrict: boolean;
  /** Expected of the next part; undefined: unknown before the first part. */
  #sequence: number | undefined;

  constructor({ init, fileMark, mark, isFinished }: RecordingHead, isChecked: boolean) {
    this.isChecked = isChecked;
    this.endOffset = init.sizeBytes;
    this.#timescales = new Map(init.tracks.map((track) => [track.id, track.timescale]));
    this.#isStrict = fileMark !== undefined || (mark !== undefined && !isFinished);
    this.#sequence = fileMark?.firstSequence;
  }

  /** Whether the part continues the last one; leftover data of the disk does not. */
  isNext({ sequence, runs }: Mp4Fragment): boolean {
    const isNumbered = this.#sequence === undefined || sequence === this.#sequence;
    return !this.#isStrict || (isNumbered && this.#continues(runs));
  }

  /** Whether the part belongs to this file and comes later. Only for files with known sequence numbers. */
  isLater({ sequence, runs }: Mp4Fragment): boolean {
    const skipped = sequence - (this.#sequence ?? Number.POSITIVE_INFINITY);
    return skipped >= 0 && skipped <= MAX_SKIPPED && this.#continues(runs);
  }

  add({ offset, fragment }: PlacedFragment): void {
    this.#sequence = fragment.sequence + 1;
    this.count += 1;
    this.endOffset = offset + fragment.sizeBytes;
    for (const { trackId, baseTime, durationTicks } of fragment.runs) {
      const timescale = this.#timescales.get(trackId);
      if (timescale) {
        const end = baseTime + durationTicks;
        this.#ends.set(trackId, end);
        this.endSeconds = Math.max(this.endSeconds, end / timescale);
      }
    }
  }

  #continues(runs: readonly Run[]): boolean {
    const isKnown = (run: Run) =>
      this.#timescales.has(run.trackId) && run.baseTime >= (this.#ends.get(run.trackId) ?? 0);
    return runs.length > 0 && runs.every(isKnown);
  }
}

interface PartsOptions {
  /** By this process: not damaged by a power cut, so checksums are not verified. */
  readonly isBeingWritten?: boolean | undefined;
  /** An earlier read of the same file to continue. */
  readonly chain?: PartChain | undefined;
}

/** Bytes in the middle of a file that belong to no part. */
interface Hole {
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * The complete parts of a file, in order: recovery keeps them, the index lists and playback serves them. Each has the
 * next sequence number, continues in time and has a valid checksum. Lost bytes in the middle are skipped if a later
 * part is complete.
 */
export class WholeParts {
  readonly chain: PartChain;
  readonly holes: Hole[] = [];
  readonly #handle: ReadableFile;
  readonly #head: RecordingHead;
  readonly #seals: ChecksumReader;
  readonly #isBeingWritten: boolean;
  #walk: FragmentWalk;
  #fault: string | undefined;

  constructor(handle: ReadableFile, head: RecordingHead, { isBeingWritten = false, chain }: PartsOptions = {}) {
    this.#handle = handle;
    this.#head = head;
    this.#seals = new ChecksumReader(handle);
    this.#isBeingWritten = isBeingWritten;
    this.chain = chain && canContinue(chain, head, isBeingWritten) ? chain : new PartChain(head, !isBeingWritten);
    this.#walk = this.#walkFromEnd();
  }

  /** Why a file has no complete part. */
  get fault(): string {
    return this.#fault === undefined ? 'no part is complete' : `no part is complete: ${this.#fault}`;
  }

  async next(): Promise<PlacedFragment | undefined> {
    const placed = (await this.#step()) ?? (await this.#passHole());
    if (placed) {
      this.chain.add(placed);
    }
    return placed;
  }

  async #step(): Promise<PlacedFragment | undefined> {
    const placed = await this.#walk.next();
    this.#fault = this.#walk.fault?.message;
    return placed && this.chain.isNext(placed.fragment) && (await this.#isWhole(placed)) ? placed : undefined;
  }

  async #isWhole(placed: PlacedFragment): Promise<boolean> {
    const { fileMark, sizeBytes } = this.#head;
    const isFlushed = placed.offset + placed.fragment.sizeBytes <= sizeBytes - SUSPECT_BYTES;
    return !fileMark || this.#isBeingWritten || isFlushed || this.#seals.isWhole(placed);
  }

  /** Lost bytes in the middle cost only themselves. */
  async #passHole(): Promise<PlacedFragment | undefined> {
    const { init, sizeBytes, fileMark } = this.#head;
    if (!fileMark || this.#isBeingWritten) {
      return undefined;
    }
    const offset = this.chain.endOffset;
    const from = offset + 8;
    const placed = await new FragmentSearch(this.#handle, init, sizeBytes).find(
      from,
      Math.min(sizeBytes, from + MAX_HOLE_BYTES),
      async (found) => this.chain.isLater(found.fragment) && (await this.#seals.isWhole(found)),
    );
    if (placed) {
      this.holes.push({ offset, sizeBytes: placed.offset - offset });
      this.#walk = this.#walkFromEnd(placed.offset + placed.fragment.sizeBytes);
    }
    return placed;
  }

  #walkFromEnd(offset = this.chain.endOffset): FragmentWalk {
    return new FragmentWalk(this.#handle, this.#head.init, this.#head.sizeBytes, offset);
  }
}

/** A file read while it was written is verified from its start once nobody writes it. */
const canContinue = (chain: PartChain, { sizeBytes }: RecordingHead, isBeingWritten: boolean): boolean =>
  chain.endOffset <= sizeBytes && (chain.isChecked || isBeingWritten);
