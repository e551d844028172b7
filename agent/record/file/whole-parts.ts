import { readFull } from '../../base/files/read-full.ts';
import type { Mp4Fragment } from '../../media/mp4/read/read.ts';
import { ChecksumReader } from './fragment-checksum.ts';
import { FragmentWalk, type PlacedFragment } from './fragment-walk.ts';
import type { RecordingHead } from './recording-file.ts';
import type { ReadableFile } from './segment-fs.ts';

/** Parts before the file's last 64 MiB (a minute at 8 Mbit/s, twelve times the usual flush interval) are flushed and not read again. */
const SUSPECT_BYTES = 64 << 20;

const SEARCH_BYTES = 1 << 20;
/** Limits the search: a camera's data may consist of box names. */
const MAX_TRIES = 10_000;
const MOOF = Buffer.from('moof');

type Run = Mp4Fragment['runs'][number];

/** How far a file was read, and what its next part must match. */
export class PartChain {
  count = 0;
  /** Offset of the first byte after the last complete part. */
  endOffset: number;
  /** End of the longest track. */
  endSeconds = 0;
  /** Lost bytes before complete parts. */
  readonly holes: Hole[] = [];
  /** Each part's checksum was verified, as far as a power cut can have damaged it. */
  readonly isChecked: boolean;
  readonly #timescales: ReadonlyMap<number, number>;
  /** By track: end of its last run, in ticks. */
  readonly #ends = new Map<number, number>();
  /**
   * Sequence numbers and times of parts must continue. False for files without a mark of Perch or MediaMTX, and for finished ones of
   * MediaMTX.
   */
  readonly #isStrict: boolean;
  /** Expected sequence number of the next part, or undefined if unknown before the first part. */
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
    // After lost bytes, sequence numbers may skip this many parts: a day.
    return skipped >= 0 && skipped <= 100_000 && this.#continues(runs);
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
  /** This process writes the file: no power cut has damaged it, so checksums are not verified. */
  readonly isBeingWritten?: boolean | undefined;
  readonly chain?: PartChain | undefined;
}

/** Bytes in the middle of a file that belong to no part. */
interface Hole {
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * The complete parts of a file, in order. Each has the next sequence number, continues in time and has a valid
 * checksum. Lost bytes in the middle are skipped if a later part is complete.
 */
export class WholeParts {
  readonly chain: PartChain;
  readonly #handle: ReadableFile;
  readonly #head: RecordingHead;
  readonly #checksums: ChecksumReader;
  readonly #isBeingWritten: boolean;
  #walk: FragmentWalk;
  #fault: string | undefined;

  constructor(handle: ReadableFile, head: RecordingHead, { isBeingWritten = false, chain }: PartsOptions = {}) {
    this.#handle = handle;
    this.#head = head;
    this.#checksums = new ChecksumReader(handle);
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
    return !fileMark || this.#isBeingWritten || isFlushed || this.#checksums.isWhole(placed);
  }

  async #passHole(): Promise<PlacedFragment | undefined> {
    if (!this.#head.fileMark || this.#isBeingWritten) {
      return undefined;
    }
    const offset = this.chain.endOffset;
    // Maximum size of one box.
    const placed = await this.#search(offset + 8, Math.min(this.#head.sizeBytes, offset + 8 + 0xffff_ffff));
    if (placed) {
      this.chain.holes.push({ offset, sizeBytes: placed.offset - offset });
      this.#walk = this.#walkFromEnd(placed.offset + placed.fragment.sizeBytes);
    }
    return placed;
  }

  /** The first later part in [from, to), found among unknown bytes. */
  async #search(from: number, to: number): Promise<PlacedFragment | undefined> {
    const buffer = Buffer.alloc(Math.min(SEARCH_BYTES, Math.max(0, to - from) + 8));
    let tries = 0;
    for (let start = from; start < to && tries < MAX_TRIES; ) {
      const bytesRead = await readFull(this.#handle, buffer, start);
      const bytes = buffer.subarray(0, bytesRead);
      for (let at = bytes.indexOf(MOOF); at >= 0 && tries < MAX_TRIES; at = bytes.indexOf(MOOF, at + 1)) {
        tries += 1;
        const offset = start + at - 4;
        const placed = at < 4 ? undefined : await this.#walkFromEnd(offset).next();
        const isPart = placed?.offset === offset && offset < to && this.chain.isLater(placed.fragment);
        if (isPart && (await this.#checksums.isWhole(placed))) {
          return placed;
        }
      }
      if (bytesRead < buffer.length) {
        return undefined;
      }
      // A box may start at the end of what was read.
      start += bytesRead - 8;
    }
    return undefined;
  }

  #walkFromEnd(offset = this.chain.endOffset): FragmentWalk {
    return new FragmentWalk(this.#handle, this.#head.init, this.#head.sizeBytes, offset);
  }
}

/** A file read while it was written is verified from its start once its writer has ended. */
const canContinue = (chain: PartChain, { sizeBytes }: RecordingHead, isBeingWritten: boolean): boolean =>
  chain.endOffset <= sizeBytes && (chain.isChecked || isBeingWritten);
