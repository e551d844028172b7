import { randomInt } from 'node:crypto';
import { TsMuxer } from '../../media/mpegts/mux/mux.ts';
import { PACKET_BYTES } from '../../media/mpegts/packetize.ts';
import type { Sample } from '../../media/sample/sample.ts';
import { release, SlabPool } from '../../media/sample/slab.ts';
import { writeFileMark } from '../file/file-mark.ts';
import { writeStreamMark } from '../file/stream-mark.ts';
import { RecordingWriter } from '../write/recording-writer.ts';
import { SegmentFile } from '../write/segment-file.ts';
import type { TrackBuffer } from '../write/track-buffer.ts';
import { checksumPacket, writeChecksum } from './ts-checksum.ts';

/** An MPEG-TS file being written. Each part is a whole number of packets and ends with a checksum packet. */
export class TsSegmentWriter extends RecordingWriter {
  readonly #muxer = new TsMuxer(this.buffers.map((buffer) => buffer.track));
  readonly #pool = new SlabPool();
  readonly #fileId = randomInt(2 ** 32);
  /** By buffer: samples of the current part, and the index of the next. */
  readonly #samples: (readonly Sample[])[] = this.buffers.map(() => []);
  readonly #next = new Uint32Array(this.buffers.length);

  override writePart(): boolean {
    const roomBytes = this.#takeSamples();
    if (roomBytes === 0) {
      return true;
    }
    const isFirst = this.file === undefined;
    this.file ??= new SegmentFile(this.options);
    const slab = this.#pool.take(this.#muxer.tableBytes + roomBytes + 2 * PACKET_BYTES);
    this.#muxer.begin(slab);
    if (isFirst) {
      this.startUs = this.mark.wallUs;
      const fileMark = writeFileMark({ ...this.originOf(this.mark), firstSequence: this.#fileId });
      this.#muxer.putNull(Buffer.concat([writeStreamMark(this.mark), fileMark]));
    }
    this.#putSamples();
    this.#muxer.putNull(writeChecksum(this.#checksumAt(this.file.sizeBytes, false)));
    const part = slab.subarray(0, this.#muxer.sizeBytes);
    if (!this.file.append([part], part.length)) {
      this.#muxer.takeBack();
      release(slab);
      return false;
    }
    return true;
  }

  override async finish(): Promise<boolean> {
    if (!this.file) {
      return false;
    }
    return this.file.finish({
      pieces: [checksumPacket(this.#checksumAt(this.file.sizeBytes, true))],
      duration: undefined,
      ...this.span,
    });
  }

  /** @returns upper bound of the samples' size; 0: none */
  #takeSamples(): number {
    this.#next.fill(0);
    let roomBytes = 0;
    for (const { track, samples } of this.takeRuns()) {
      for (const sample of samples) {
        roomBytes += this.#muxer.maxBytesOf(track, sample);
      }
      this.#samples[track] = samples;
    }
    return roomBytes;
  }

  /** Writes the samples of all tracks in decode order. Copies them and releases their holds. */
  #putSamples(): void {
    for (let track = this.#earliest(); track >= 0; track = this.#earliest()) {
      const buffer = this.buffers[track] as TrackBuffer;
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
    for (let i = 0; i < this.buffers.length; i += 1) {
      const buffer = this.buffers[i] as TrackBuffer;
      const sample = this.#samples[i]?.[this.#next[i] as number];
      const seconds = sample ? buffer.secondsOf(sample.dts) : Number.POSITIVE_INFINITY;
      if (seconds < earliestSeconds) {
        earliestSeconds = seconds;
        track = i;
      }
    }
    return track;
  }

  #checksumAt(partOffset: number, isLast: boolean) {
    return { fileId: this.#fileId, partOffset, durationMs: this.durationMs, isLast };
  }
}
