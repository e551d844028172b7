import { NAL_LENGTH_BYTES, readNalLength } from './nal.ts';
import { FU_END, FU_START, SIZE_BYTES } from './nal-depacketizer.ts';
import type { PayloadSink } from './packetizer.ts';

/** Cuts one NAL unit, `data[start, end)`, into fragments; the last one carries `marker`. */
export type FragmentNal = (
  data: Uint8Array,
  start: number,
  end: number,
  maxPayloadBytes: number,
  marker: boolean,
  sink: PayloadSink,
) => void;

/** A NAL unit that fits is sent alone, a larger one as fragments. The marker is on the last payload of the access unit. */
export function packetizeNals(
  data: Uint8Array,
  maxPayloadBytes: number,
  isLast: boolean,
  sink: PayloadSink,
  fragment: FragmentNal,
): void {
  let at = 0;
  while (at + NAL_LENGTH_BYTES < data.length) {
    const start = at + NAL_LENGTH_BYTES;
    const end = Math.min(start + readNalLength(data, at), data.length);
    const marker = isLast && end === data.length;
    if (end - start > maxPayloadBytes) {
      fragment(data, start, end, maxPayloadBytes, marker, sink);
    } else if (end > start) {
      sink.onPayload(0, 0, data, start, end, marker);
    }
    at = end;
  }
}

/** The fragments of a NAL unit. @param prefix payload header and FU header, without S and E @param start of the NAL unit's payload */
export function writeFragments(
  prefix: number,
  prefixBytes: number,
  data: Uint8Array,
  start: number,
  end: number,
  maxPayloadBytes: number,
  marker: boolean,
  sink: PayloadSink,
): void {
  const step = maxPayloadBytes - prefixBytes;
  for (let at = start; at < end; at += step) {
    const to = Math.min(at + step, end);
    const flags = (at === start ? FU_START : 0) | (to === end ? FU_END : 0);
    sink.onPayload(prefix | flags, prefixBytes, data, at, to, marker && to === end);
  }
}

/**
 * Parameter sets, sent before a key sample with its timestamp: after `header` in one aggregation packet if they fit, else
 * each alone. Without the marker, because the access unit continues.
 */
export function packetizeSets(
  header: readonly number[],
  sets: readonly Uint8Array[],
  maxPayloadBytes: number,
  sink: PayloadSink,
): void {
  const bytes = sets.reduce((sum, set) => sum + SIZE_BYTES + set.length, header.length);
  if (bytes > maxPayloadBytes) {
    for (const set of sets) {
      sink.onPayload(0, 0, set, 0, set.length, false);
    }
    return;
  }
  const packet = aggregate(header, sets);
  sink.onPayload(0, 0, packet, 0, packet.length, false);
}

/** One aggregation packet: `header`, then each NAL unit after its size in 16 bits. */
export function aggregate(header: readonly number[], nals: readonly Uint8Array[]): Uint8Array {
  const packet = new Uint8Array(nals.reduce((sum, nal) => sum + SIZE_BYTES + nal.length, header.length));
  packet.set(header);
  let at = header.length;
  for (const nal of nals) {
    packet[at] = nal.length >> 8;
    packet[at + 1] = nal.length;
    packet.set(nal, at + SIZE_BYTES);
    at += SIZE_BYTES + nal.length;
  }
  return packet;
}
