import { randomInt } from 'node:crypto';
import { TsMuxer } from '../../media/mpegts/mux/mux.ts';
import { PACKET_BYTES } from '../../media/mpegts/packetize.ts';
import type { Sample } from '../../media/sample/sample.ts';
import { release, SlabPool } from '../../media/sample/slab.ts';
import { writeFileMark } from '../file/file-mark.ts';
import { type StreamMark, writeStreamMark } from '../file/stream-mark.ts';
import type { RecordingWriter } from '../write/recording-writer.ts';
import { SegmentFile, type SegmentFileOptions } from '../write/segment-file.ts';
import type { OriginOf } from '../write/segment-writer.ts';
import type { TrackBuffer } from '../write/track-buffer.ts';
import { checksumPacket, writeChecksum } from './ts-checksum.ts';

/** An MPEG-TS file being written. Each part is a whole number of packets and ends with a checksum packet. */
export class TsSegmentWriter implements RecordingWriter {
  mark: StreamMark;
  /** Unix microseconds, as in the file name. */
  startUs: number;
  readonly #originOf: OriginOf;
  readonly #buffers: readonly TrackBuffer[];
  readonly #options: SegmentFileOptions;
  readonly #muxer: TsMuxer;
  readonly #pool = new SlabPool();
  readonly #fileId = randomInt(2 ** 32);
  /** By buffer: samples of the current part, and the index of the next. */
  readonly #samples: (readonly Sample[])[];
  readonly #next: Uint32Array;
  #file: SegmentFile | undefined;
  #endSeconds = 0;

  /** @param buffers their `originDts` is set to this file's start */
  constructor(mark: StreamMark, originOf: OriginOf, buffers: readonly TrackBuffer[], options: SegmentFileOptions) {
    this.mark = mark;
    this.startUs = mark.wallUs;
    this.#originOf = originOf;
    this.#buffers = buffers;
    this.#options = options;
    this.#muxer = new TsMuxer(buffers.map((buffer) => buffer.track));
    this.#samples = buffers.map(() => []);
    this.#next = new Uint32Array(buffers.length);
  }

  get name(): string | undefined {
    return this.#file?.name;
  }

  get steps(): number {
    return this.#file?.steps ?? 0;
  }

  get sizeBytes(): number {
    return this.#file?.sizeBytes ?? 0;
  }

  get durationMs(): number {
    return Math.max(1, Math.round(this.#endSeconds * 1000));
  }

  writePart(): boolean {
    const roomBytes = this.#takeSamples();
    if (roomBytes === 0) {
      return true;
    }
    const isFirst = this.#file === undefined;
    this.#file ??= new SegmentFile(this.#options);
    const slab = this.#pool.take(this.#muxer.tableBytes + roomBytes + 2 * PACKET_BYTES);
    this.#muxer.begin(slab);
    if (isFirst) {
      this.startUs = this.mark.wallUs;
      const fileMark = writeFileMark({ ...this.#originOf(this.mark), firstSequence: this.#fileId });
      this.#muxer.putNull(Buffer.concat([writeStreamMark(this.mark), fileMark]));
    }
    this.#putSamples();
    this.#muxer.putNull(writeChecksum(this.#sealAt(this.#file.sizeBytes, false)));
    const part = slab.subarray(0, this.#muxer.sizeBytes);
    if (!this.#file.append([part], part.length)) {
      this.#muxer.takeBack();
      release(slab);
      return false;
    }
    return true;
  }

  flush(): void {
    this.#file?.flush();
  }

  async finish(): Promise<boolean> {
    if (!this.#file) {
      return false;
    }
    const startMs = this.startUs / 1000;
    return this.#file.finish({
      pieces: [checksumPacket(this.#sealAt(this.#file.sizeBytes, true))],
      duration: undefined,
      startMs,
      endMs: startMs + this.durationMs,
    });
  }

  /** @returns upper bound of the samples' size; 0: none */
  #takeSamples(): number {
    let roomBytes = 0;
    for (let i = 0; i < this.#buffers.length; i += 1) {
      const buffer = this.#buffers[i] as TrackBuffer;
      const run = buffer.takeWhole();
      const samples = run?.samples ?? [];
      for (let k = 0; k < samples.length; k += 1) {
        roomBytes += this.#muxer.maxBytesOf(i, samples[k] as Sample);
      }
      if (run) {
        this.#endSeconds = Math.max(this.#endSeconds, buffer.secondsOf(run.endDts - buffer.originDts));
      }
      this.#samples[i] = samples;
      this.#next[i] = 0;
    }
    return roomBytes;
  }

  /** Writes the samples of all tracks in decode order. Copies them and releases their holds. */
  #putSamples(): void {
    for (let track = this.#earliest(); track >= 0; track = this.#earliest()) {
      const buffer = this.#buffers[track] as TrackBuffer;
      const sample = this.#samples[track]?.[this.#next[track] as number] as Sample;
      this.#next[track] = (this.#next[track] as number) + 1;
      this.#muxer.write(track, sample, buffer.originDts);
      release(sample.data);
    }
    this.#samples.fill([]);
  }

  /** The track with the earliest next sample; -1: none. */
  #earliest(): number {
    let track = -1;
    let earliestSeconds = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#buffers.length; i += 1) {
      const buffer = this.#buffers[i] as TrackBuffer;
      const sample = this.#samples[i]?.[this.#next[i] as number];
      const seconds = sample ? buffer.secondsOf(sample.dts) : Number.POSITIVE_INFINITY;
      if (seconds < earliestSeconds) {
        earliestSeconds = seconds;
        track = i;
      }
    }
    return track;
  }

  #sealAt(partOffset: number, isLast: boolean) {
    return { fileId: this.#fileId, partOffset, durationMs: this.durationMs, isLast };
  }
}
