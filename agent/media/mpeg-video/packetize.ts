import { findStartCode } from '../payload/nal.ts';
import type { PayloadSink } from '../payload/packetizer.ts';
import { RTP_HEADER_BYTES } from './depacketize.ts';
import { START } from './params.ts';
import { referenceAt } from './rules.ts';

const HAS_SEQUENCE = 1 << 13;
const BEGINS_SLICE = 1 << 12;
const ENDS_SLICE = 1 << 11;
/** picture_coding_type of pictures with vectors. */
const PREDICTED = 2;
const BIDIRECTIONAL = 3;

/** RFC 2250 §3: whole slices, the first one after its headers; a slice that does not fit is split, and the next one begins a packet. */
export function packetizeMpegVideo(
  data: Uint8Array,
  maxPayloadBytes: number,
  isLast: boolean,
  sink: PayloadSink,
): void {
  const step = maxPayloadBytes - RTP_HEADER_BYTES;
  let picture = 0;
  let slice = endOfSlice(data, 0);
  for (let start = 0; start < data.length; ) {
    let end = slice;
    picture = pictureFields(data, start, end) ?? picture;
    const sequence = data[start + 3] === START.sequence && data[start + 2] === 1 ? HAS_SEQUENCE : 0;
    slice = endOfSlice(data, end);
    while (end < data.length && slice - start <= step) {
      end = slice;
      slice = endOfSlice(data, end);
    }
    for (let at = start; at < end; at += step) {
      const to = Math.min(at + step, end);
      const flags = (at === start ? BEGINS_SLICE | sequence : 0) | (to === end ? ENDS_SLICE : 0);
      sink.onPayload(picture | flags, RTP_HEADER_BYTES, data, at, to, isLast && to === data.length);
    }
    start = end;
  }
}

/** The end of the first slice from `start` on, with the headers before it. */
function endOfSlice(data: Uint8Array, start: number): number {
  for (let code = findStartCode(data, start, data.length); code >= 0; ) {
    const type = data[code + 3] ?? 0;
    code = findStartCode(data, code + 3, data.length);
    if (type >= START.slice && type <= START.lastSlice) {
      return code < 0 ? data.length : code;
    }
  }
  return data.length;
}

/** Temporal reference, type and vectors of the picture header in `data[start, end)`. */
function pictureFields(data: Uint8Array, start: number, end: number): number | undefined {
  for (let code = findStartCode(data, start, end); code >= 0; code = findStartCode(data, code + 3, end)) {
    if (data[code + 3] === START.picture && code + 9 <= data.length) {
      return fieldsAt(data, code + 4);
    }
  }
  return undefined;
}

/** After the type: vbv_delay 16, full_pel_forward_vector 1, forward_f_code 3, the same two of backward vectors (§6.2.3). */
function fieldsAt(data: Uint8Array, at: number): number {
  const type = ((data[at + 1] as number) >> 3) & 7;
  const vectors = ((data[at + 3] as number) << 8) | (data[at + 4] as number);
  const forward = type === PREDICTED || type === BIDIRECTIONAL ? (vectors >> 7) & 0x0f : 0;
  const backward = type === BIDIRECTIONAL ? (vectors >> 3) & 0x0f : 0;
  return (referenceAt(data, at) << 16) | (type << 8) | (backward << 4) | forward;
}
