import { TsMuxer } from '../../../media/mpegts/mux/mux.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import { hold, release, type SlabPool } from '../../../media/sample/slab.ts';
import type { Track } from '../../../media/sample/track.ts';

/** Slab for several pieces; a larger piece gets its own. */
const SLAB_BYTES = 256 << 10;
/** Samples are written after this many bytes of packets, which releases their memory early. */
const PIECE_BYTES = 128 << 10;
/** Samples are also written after this duration. */
const PIECE_S = 0.5;

/**
 * Writes samples into the pieces of MPEG-TS segments, copying once. Each piece starts with the tables; samples are in
 * order of decode time.
 */
export class TsWriter {
  readonly #muxer: TsMuxer;
  readonly #clockRates: readonly number[];
  /** Time 0 of the written stream. */
  readonly #baseS: number;
  readonly #pool: SlabPool;
  #slab: Uint8Array<ArrayBuffer> | undefined;
  /** Offset of the next piece. */
  #at = 0;
  /** Pending samples as parallel arrays: track, time in seconds, sample. */
  readonly #tracks: number[] = [];
  readonly #times: number[] = [];
  readonly #samples: Sample[] = [];
  #roomBytes = 0;
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;

  /** @param baseS subtracted from all times */
  constructor(tracks: readonly Track[], baseS: number, pool: SlabPool) {
    this.#muxer = new TsMuxer(tracks);
    this.#clockRates = tracks.map((track) => track.clockRate);
    this.#baseS = baseS;
    this.#pool = pool;
  }

  /** Approximate size of the current segment. */
  get sizeBytes(): number {
    return this.#pieceBytes + this.#roomBytes;
  }

  add(track: number, sample: Sample): void {
    hold(sample.data);
    const seconds = sample.dts / (this.#clockRates[track] as number);
    this.#tracks.push(track);
    this.#times.push(seconds);
    this.#samples.push(sample);
    this.#roomBytes += this.#muxer.maxBytesOf(track, sample);
    if (this.#roomBytes >= PIECE_BYTES || seconds - (this.#times[0] as number) >= PIECE_S) {
      this.#writePiece();
    }
  }

  /** Ends the segment. @returns its pieces, each with one hold */
  takePieces(): Uint8Array[] {
    this.#writePiece();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#pieceBytes = 0;
    return pieces;
  }

  /** Releases everything. */
  close(): void {
    for (const { data } of this.#samples) {
      release(data);
    }
    this.#forget();
    for (const piece of this.takePieces()) {
      release(piece);
    }
    if (this.#slab) {
      release(this.#slab);
      this.#slab = undefined;
    }
  }

  #writePiece(): void {
    if (this.#samples.length === 0) {
      return;
    }
    this.#sort();
    const slab = this.#slabFor(this.#muxer.tableBytes + this.#roomBytes);
    this.#muxer.begin(slab.subarray(this.#at));
    for (let i = 0; i < this.#samples.length; i += 1) {
      const track = this.#tracks[i] as number;
      const sample = this.#samples[i] as Sample;
      this.#muxer.write(track, sample, this.#baseS * (this.#clockRates[track] as number));
      release(sample.data);
    }
    this.#forget();
    const piece = slab.subarray(this.#at, this.#at + this.#muxer.sizeBytes);
    this.#at += piece.length;
    hold(piece);
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
  }

  #slabFor(roomBytes: number): Uint8Array<ArrayBuffer> {
    if (this.#slab && this.#at + roomBytes <= this.#slab.length) {
      return this.#slab;
    }
    if (this.#slab) {
      release(this.#slab);
    }
    this.#at = 0;
    this.#slab = this.#pool.take(Math.max(SLAB_BYTES, roomBytes));
    return this.#slab;
  }

  /** Insertion sort: tracks are nearly in step. */
  #sort(): void {
    const [tracks, times, samples] = [this.#tracks, this.#times, this.#samples];
    for (let i = 1; i < samples.length; i += 1) {
      const [track, time, sample] = [tracks[i] as number, times[i] as number, samples[i] as Sample];
      let to = i;
      for (; to > 0 && (times[to - 1] as number) > time; to -= 1) {
        tracks[to] = tracks[to - 1] as number;
        times[to] = times[to - 1] as number;
        samples[to] = samples[to - 1] as Sample;
      }
      tracks[to] = track;
      times[to] = time;
      samples[to] = sample;
    }
  }

  #forget(): void {
    this.#tracks.length = 0;
    this.#times.length = 0;
    this.#samples.length = 0;
    this.#roomBytes = 0;
  }
}
