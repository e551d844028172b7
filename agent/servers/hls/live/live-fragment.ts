import { type TrackRun, tableOf, writeFragmentHeader } from '../../../media/mp4/write/fragment.ts';
import { hold, release, SlabPool } from '../../../media/sample/slab.ts';
import { binaryHead } from '../../../media/websocket/frames.ts';

/** A fragment, shared by all viewers. Immutable while `message` is held (`media/sample/slab.ts`). */
export interface LiveFragment {
  /** A WebSocket message: frame header, `moof`, `mdat`. */
  readonly message: Buffer;
  /** Size of the frame header. */
  readonly headBytes: number;
  /** `moof` and the header of `mdat`. */
  readonly moofBytes: number;
  readonly samples: number;
  /** It starts with a key frame, so a viewer that lost fragments can continue here. Without video always true. */
  readonly isKey: boolean;
  readonly hasVideo: boolean;
  /** Presentation time of its first video frame, else of its first audio, in seconds. */
  readonly mediaS: number;
  /** Capture time of that, Unix milliseconds. */
  readonly wallMs: number;
}

/** Typical fragments per slab: separate allocations would cost more than the fragments. */
const FRAGMENTS_PER_SLAB = 16;
const NO_SLAB: Buffer = Buffer.alloc(0);

/** Writes fragments into slabs that are reused after their release. */
export class FragmentWriter {
  readonly #pool = new SlabPool();
  #slab = NO_SLAB;
  #tail = 0;
  #typicalBytes = 0;
  #sequence = 0;

  /** @param runs of one track each; their samples are copied and released @returns the fragment with one hold */
  write(
    runs: readonly TrackRun[],
    about: Pick<LiveFragment, 'isKey' | 'hasVideo' | 'mediaS' | 'wallMs'>,
  ): LiveFragment {
    this.#sequence = (this.#sequence + 1) % 2 ** 32;
    const header = writeFragmentHeader(this.#sequence, runs.map(tableOf));
    let dataBytes = 0;
    let samples = 0;
    for (const run of runs) {
      samples += run.samples.length;
      for (const { data } of run.samples) {
        dataBytes += data.length;
      }
    }
    const head = binaryHead(header.length + dataBytes);
    const bytes = head.length + header.length + dataBytes;
    this.#makeRoom(bytes);
    const start = this.#tail;
    this.#put(head);
    this.#put(header);
    for (const run of runs) {
      for (const { data } of run.samples) {
        this.#put(data);
        release(data);
      }
    }
    const message = this.#slab.subarray(start, this.#tail);
    hold(message);
    this.#typicalBytes += (bytes - this.#typicalBytes) / 8;
    const { isKey, hasVideo, mediaS, wallMs } = about;
    return { message, headBytes: head.length, moofBytes: header.length, samples, isKey, hasVideo, mediaS, wallMs };
  }

  #put(bytes: Uint8Array): void {
    this.#slab.set(bytes, this.#tail);
    this.#tail += bytes.length;
  }

  #makeRoom(neededBytes: number): void {
    if (neededBytes <= this.#slab.length - this.#tail) {
      return;
    }
    const usual = Math.min(Math.max(this.#typicalBytes * FRAGMENTS_PER_SLAB, 16 << 10), 1 << 20);
    release(this.#slab);
    // Sockets would wrap any other type in a Buffer at each write.
    this.#slab = Buffer.from(this.#pool.take(2 ** Math.ceil(Math.log2(Math.max(usual, neededBytes)))).buffer);
    this.#tail = 0;
  }
}
