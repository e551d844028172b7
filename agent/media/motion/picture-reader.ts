import { H264SliceReader } from '../h264/slice-reader.ts';
import { H265SliceReader } from '../h265/slice-reader.ts';
import { NAL_LENGTH_BYTES, readNalLength } from '../payload/nal.ts';
import { SLICE_TYPE, type SliceReader, type SliceType } from '../payload/slice-reader.ts';
import type { NalTrack } from '../sample/track.ts';
import type { CodedPicture } from './detector.ts';

/** The picture of a sample, from its slice headers. One instance serves a track until its parameter sets change. */
export class PictureReader implements CodedPicture {
  type: SliceType = SLICE_TYPE.i;
  qp = 0;
  bytes = 0;
  isReference = false;
  readonly #slices: SliceReader;

  /** @throws PerchError if a parameter set of the track is invalid */
  constructor(track: NalTrack) {
    this.#slices = track.codec === 'h264' ? new H264SliceReader(track) : new H265SliceReader(track);
  }

  /** @param data of a sample. @returns whether it has slices with headers that can be read */
  read(data: Uint8Array): boolean {
    const slices = this.#slices;
    this.type = SLICE_TYPE.i;
    this.bytes = 0;
    let weighted = 0;
    for (let at = 0; at + NAL_LENGTH_BYTES < data.length; ) {
      const start = at + NAL_LENGTH_BYTES;
      const end = Math.min(start + readNalLength(data, at), data.length);
      at = end;
      if (slices.read(data, start, end)) {
        if (slices.type > this.type) {
          this.type = slices.type;
        }
        this.isReference = slices.isReference;
        this.bytes += end - start;
        weighted += slices.qp * (end - start);
      }
    }
    this.qp = this.bytes === 0 ? 0 : weighted / this.bytes;
    return this.bytes > 0;
  }
}
