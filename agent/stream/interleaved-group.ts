import { hold, release } from '../media/sample/slab.ts';
import { MAX_REPLAY_BYTES } from './gop-cache.ts';

/** Receives a replay. */
interface ChunkSink {
  /** @returns whether the chunk is used after the call */
  onChunk(chunk: Buffer, track: number, packets: number, key: boolean): boolean;
}

/** The chunks of all tracks since the last key frame, bounded, and the start of each track. Copies nothing. */
export class InterleavedGroup {
  isOpen = false;
  /** Sequence number, pts and wall time of each track's first sample in the group; `sequences` is -1 without one. */
  readonly sequences: Int32Array;
  readonly pts: Float64Array;
  readonly walls: Float64Array;
  #chunks: Buffer[] = [];
  #tracks: number[] = [];
  #packets: number[] = [];
  #bytes = 0;

  constructor(trackCount: number) {
    this.sequences = new Int32Array(trackCount).fill(-1);
    this.pts = new Float64Array(trackCount);
    this.walls = new Float64Array(trackCount);
  }

  /** Starts a group; called before its key frame is added. */
  open(): void {
    this.clear();
    this.isOpen = true;
  }

  /** @param sequence number of the chunk's first packet */
  add(chunk: Buffer, track: number, packets: number, sequence: number, pts: number, wall: number): void {
    if (!this.isOpen) {
      return;
    }
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_REPLAY_BYTES || this.#chunks.length === 20_000) {
      // Part of a group cannot be replayed.
      this.clear();
      return;
    }
    if (this.sequences[track] === -1) {
      this.sequences[track] = sequence;
      this.pts[track] = pts;
      this.walls[track] = wall;
    }
    hold(chunk);
    this.#chunks.push(chunk);
    this.#tracks.push(track);
    this.#packets.push(packets);
  }

  /** All chunks in order, from the key frame on. Ends early if the sink causes the group to be dropped. */
  replay(sink: ChunkSink): void {
    const chunks = this.#chunks;
    const tracks = this.#tracks;
    const packets = this.#packets;
    for (let i = 0; i < chunks.length && chunks === this.#chunks; i += 1) {
      const chunk = chunks[i] as Buffer;
      // The hold on a chunk in use, or after an exception, is never released: the memory is left to the collector.
      hold(chunk);
      if (!sink.onChunk(chunk, tracks[i] as number, packets[i] as number, i === 0)) {
        release(chunk);
      }
    }
  }

  clear(): void {
    this.isOpen = false;
    this.sequences.fill(-1);
    for (let i = 0; i < this.#chunks.length; i += 1) {
      release(this.#chunks[i] as Buffer);
    }
    this.#chunks = [];
    this.#tracks = [];
    this.#packets = [];
    this.#bytes = 0;
  }
}
