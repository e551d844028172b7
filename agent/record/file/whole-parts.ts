import type { Mp4Fragment } from '../../media/mp4/read/read.ts';
import { SealReader } from './fragment-seal.ts';
import { FragmentSearch } from './fragment-search.ts';
import { FragmentWalk, type PlacedFragment } from './fragment-walk.ts';
import type { ReadableFile } from './readable-file.ts';
import type { RecordingHead } from './recording-file.ts';

/**
 * Parts that end before the last so many bytes are taken to have been flushed and are not read again: a minute of a camera
 * with 8 Mbit/s, twelve times the usual flush interval.
 */
const SUSPECT_BYTES = 64 << 20;
/** What one box can hide. */
const MAX_HOLE_BYTES = 0xffff_ffff;
/** Behind bytes that are lost, a part may be so much further on than the next: a day of them. */
const MAX_SKIPPED = 100_000;

type Run = Mp4Fragment['runs'][number];

/** How far a file has been followed, and what its next part must continue. */
export class PartChain {
  count = 0;
  /** One past the last whole part. */
  endOffset: number;
  /** Of the longest track. */
  endSeconds = 0;
  /** Each part was compared with its seal, as far as a power cut can have damaged it. */
  readonly isChecked: boolean;
  readonly #timescales: ReadonlyMap<number, number>;
  /** By track: where its last run has ended, in ticks. */
  readonly #ends = new Map<number, number>();
  /** Files that neither Perch nor MediaMTX has marked, and finished ones of MediaMTX, are taken as they are. */
  readonly #isStrict: boolean;
  /** What the next part must have; undefined: the file does not tell, and none is there yet. */
  #sequence: number | undefined;

  constructor({ init, fileMark, mark, isFinished }: RecordingHead, isChecked: boolean) {
    this.isChecked = isChecked;
    this.endOffset = init.sizeBytes;
    this.#timescales = new Map(init.tracks.map((track) => [track.id, track.timescale]));
    this.#isStrict = fileMark !== undefined || (mark !== undefined && !isFinished);
    this.#sequence = fileMark?.firstSequence;
  }

  /** The part follows the last one: what a disk makes up after a power cut does not. */
  isNext({ sequence, runs }: Mp4Fragment): boolean {
    const isNumbered = this.#sequence === undefined || sequence === this.#sequence;
    return !this.#isStrict || (isNumbered && this.#continues(runs));
  }

  /** The part is of this file and comes later, if not next. Only of files that say which numbers are theirs. */
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

export interface PartsOptions {
  /** By this process: its bytes have not been through a power cut, and are not read to be checked. */
  readonly isBeingWritten?: boolean | undefined;
  /** How far an earlier look at the same file has come: it is continued. */
  readonly chain?: PartChain | undefined;
}

/** Bytes in the middle of a file that belong to no part. */
export interface Hole {
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * The parts of a file that are whole, one after the other: what recovery keeps, the index lists and playback serves. Each has the next
 * number, continues in time and has its seal; bytes that a disk has lost in the middle are passed over when a later part is whole.
 */
export class WholeParts {
  readonly chain: PartChain;
  readonly holes: Hole[] = [];
  readonly #handle: ReadableFile;
  readonly #head: RecordingHead;
  readonly #seals: SealReader;
  readonly #isBeingWritten: boolean;
  #walk: FragmentWalk;
  #fault: string | undefined;

  constructor(handle: ReadableFile, head: RecordingHead, { isBeingWritten = false, chain }: PartsOptions = {}) {
    this.#handle = handle;
    this.#head = head;
    this.#seals = new SealReader(handle);
    this.#isBeingWritten = isBeingWritten;
    this.chain = chain && mayContinue(chain, head, isBeingWritten) ? chain : new PartChain(head, !isBeingWritten);
    this.#walk = this.#walkFromEnd();
  }

  /** What is wrong with a file of which nothing is whole. */
  get fault(): string {
    return this.#fault === undefined ? 'no part of it is whole' : `no part of it is whole: ${this.#fault}`;
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

  /** Bytes in the middle that a disk has lost cost what was in them, and not what comes behind. */
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

/** What was only walked through while it was written is looked at from its beginning once nobody writes it any more. */
const mayContinue = (chain: PartChain, { sizeBytes }: RecordingHead, isBeingWritten: boolean): boolean =>
  chain.endOffset <= sizeBytes && (chain.isChecked || isBeingWritten);
