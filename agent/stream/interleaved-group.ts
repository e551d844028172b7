import { hold, release } from '../media/sample/slab.ts';
import { REPLAY_LIMIT_BYTES } from './gop-cache.ts';

/** What a replay is given to. */
interface ChunkSink {
  /** @returns whether the chunk has to stay as it is beyond the call */
  onChunk(chunk: Buffer, track: number, packets: number, key: boolean): boolean;
}

const LIMIT_CHUNKS = 20_000;

/** The chunks of all tracks since the last key frame, bounded, and where each track begins among them. Copies nothing. */
export class InterleavedGroup {
  isOpen = false;
  /** Of each track's first sample in the group; `sequences` is -1 where there is none. */
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

  /** A key frame comes: a group begins with it. */
  open(): void {
    this.clear();
    this.isOpen = true;
  }

  /** @param sequence of the chunk's first packet */
  add(chunk: Buffer, track: number, packets: number, sequence: number, pts: number, wall: number): void {
    if (!this.isOpen) {
      return;
    }
    this.#bytes += chunk.length;
    if (this.#bytes > REPLAY_LIMIT_BYTES || this.#chunks.length === LIMIT_CHUNKS) {
      // Half a group is of no use to anybody: wait for the next.
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

  /** All chunks in their order; the first is the key frame. Ends early when the sink brings it about that the group is let go. */
  replay(sink: ChunkSink): void {
    const chunks = this.#chunks;
    const tracks = this.#tracks;
    const packets = this.#packets;
    for (let i = 0; i < chunks.length && chunks === this.#chunks; i += 1) {
      const chunk = chunks[i] as Buffer;
      // A hold on what is kept, or may be because the sink threw, is never released: left to the collector.
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
