import { PerchError } from '../../base/errors.ts';
import { lastUpTo } from '../../media/mp4/table/sample-search.ts';
import { TsDemuxer } from '../../media/mpegts/demux/demuxer.ts';
import type { UnitSink } from '../../media/payload/depacketizer.ts';
import { release } from '../../media/sample/slab.ts';
import type { StoredMedia } from '../../record/store/range-file.ts';
import type { TsFragment, TsRun } from './ts-index.ts';

const READ_BYTES = 256 << 10;

/** Opens a recording that is not on the disks of this box. */
export type OpenRemote = () => StoredMedia;

/** Copies the samples of one run out of a stream. */
class RunCopy implements UnitSink {
  run: TsRun | undefined;
  #out: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #left = 0;
  #hasBegun = false;
  #lastPosition = -1;
  #ordinal = 0;
  readonly #demuxer: () => TsDemuxer;

  constructor(demuxer: () => TsDemuxer) {
    this.#demuxer = demuxer;
  }

  get isDone(): boolean {
    return this.#left === 0;
  }

  /** All bytes are where the table says. */
  get isWhole(): boolean {
    return this.#left === 0 && this.#at === this.#end;
  }

  begin(run: TsRun | undefined, out: Uint8Array, at: number): void {
    this.run = run;
    this.#out = out;
    this.#at = at;
    this.#end = at + (run?.sizeBytes ?? 0);
    this.#left = run?.count ?? 0;
    this.#hasBegun = false;
    this.#lastPosition = -1;
  }

  onTrack(): void {}

  onDamage(): void {}

  onUnit(_pts: number, _dts: number, _key: boolean, data: Uint8Array): void {
    const { unitPosition } = this.#demuxer();
    this.#ordinal = unitPosition === this.#lastPosition ? this.#ordinal + 1 : 0;
    this.#lastPosition = unitPosition;
    this.#hasBegun ||= this.run?.position === unitPosition && this.run.ordinal === this.#ordinal;
    if (this.#hasBegun && this.#left > 0) {
      if (this.#at + data.length <= this.#end) {
        this.#out.set(data, this.#at);
      }
      this.#at += data.length;
      this.#left -= 1;
    }
    release(data);
  }
}

/** The samples of a transport stream as bytes of a virtual file, whose offsets are those of its `SampleTable`. */
export class TsFile {
  readonly #file: string;
  readonly #handle: StoredMedia;
  readonly #fragments: readonly TsFragment[];
  readonly #offsets: readonly number[];
  readonly #copies: RunCopy[] = [];
  readonly #demuxer: TsDemuxer;
  #isReady = false;
  /** Index of the last fragment read; -1: none. */
  #number = -1;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(file: string, handle: StoredMedia, fragments: readonly TsFragment[]) {
    this.#file = file;
    this.#handle = handle;
    this.#fragments = fragments;
    this.#offsets = fragments.map(({ offset }) => offset);
    this.#demuxer = new TsDemuxer(
      {
        onProgram: (streams) => {
          if (this.#copies.length > 0) {
            return [];
          }
          return streams.map(({ codec }) => {
            const copy = codec && new RunCopy(() => this.#demuxer);
            if (copy) {
              this.#copies.push(copy);
            }
            return copy;
          });
        },
      },
      { isFile: true },
    );
  }

  stat(): Promise<{ readonly size: number; readonly mtimeMs: number }> {
    return this.#handle.stat();
  }

  /** Like `FileHandle.read`, of the virtual file; up to the end of a fragment. */
  async read(buffer: Uint8Array, at: number, length: number, position: number): Promise<{ bytesRead: number }> {
    const number = lastUpTo(this.#offsets, this.#offsets.length, position);
    const fragment = this.#fragments[number];
    if (!fragment || position < fragment.offset) {
      return { bytesRead: 0 };
    }
    if (position >= fragment.offset + fragment.sizeBytes) {
      // The byte between fragments that belongs to no sample.
      buffer.fill(0, at, at + 1);
      return { bytesRead: Math.min(1, length) };
    }
    if (this.#number !== number) {
      this.#bytes = await this.#load(fragment, this.#fragments[number + 1]?.position);
      this.#number = number;
    }
    const from = position - fragment.offset;
    const bytesRead = Math.min(length, fragment.sizeBytes - from);
    buffer.set(this.#bytes.subarray(from, from + bytesRead), at);
    return { bytesRead };
  }

  abort(): void {
    this.#handle.abort?.();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** @param next where the next fragment begins */
  async #load(
    { runs, position, sizeBytes, end = Number.POSITIVE_INFINITY }: TsFragment,
    next = position + sizeBytes,
  ): Promise<Uint8Array> {
    if (!this.#isReady) {
      // The program is known by then: files of Perch begin with it, and other software repeats it.
      await this.#readFrom(0, () => this.#copies.length > 0, 8 << 20, READ_BYTES);
      this.#isReady = true;
    }
    const bytes = new Uint8Array(sizeBytes);
    let at = 0;
    for (const [stream, copy] of this.#copies.entries()) {
      const run = runs.find((one) => one.stream === stream);
      copy.begin(run, bytes, at);
      at += run?.sizeBytes ?? 0;
    }
    this.#demuxer.seek(position);
    const isDone = () => this.#copies.every((copy) => copy.isDone);
    // Audio of a fragment may follow the next one's first picture.
    // A fragment is one read: of a copy each is a round trip.
    const pieceBytes = Math.min(4 << 20, Math.max(READ_BYTES, next - position + READ_BYTES));
    await this.#readFrom(position, isDone, end - position, pieceBytes);
    if (!isDone()) {
      this.#demuxer.end();
    }
    if (this.#copies.some((copy) => !copy.isWhole)) {
      throw new PerchError('unavailable', 'the samples of the recording have changed', { file: this.#file });
    }
    return bytes;
  }

  async #readFrom(position: number, isDone: () => boolean, maxBytes: number, pieceBytes: number): Promise<void> {
    const buffer = new Uint8Array(pieceBytes);
    for (let at = position; !isDone() && at - position < maxBytes; ) {
      const wantedBytes = Math.min(buffer.length, position + maxBytes - at);
      const { bytesRead } = await this.#handle.read(buffer, 0, wantedBytes, at);
      if (bytesRead === 0) {
        return;
      }
      this.#demuxer.push(buffer, 0, bytesRead);
      at += bytesRead;
    }
  }
}
