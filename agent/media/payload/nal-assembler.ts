import type { AccessUnitAssembler } from './access-unit-assembler.ts';
import { NAL_LENGTH_BYTES, readNalLength } from './nal.ts';
import type { PayloadSink } from './packetizer.ts';

/** Of the fragment header: RFC 6184 §5.8, RFC 7798 §4.4.3. */
const FU_START = 0x80;
const FU_END = 0x40;
const SIZE_BYTES = 2;

/** Reads fragments and aggregates of NAL units, as in the RTP payloads of H.264 and H.265. */
export class NalAssembler {
  readonly #units: AccessUnitAssembler;
  /** NAL unit header of a first fragment without payload; -1: none. */
  #emptyStart = -1;

  constructor(units: AccessUnitAssembler) {
    this.#units = units;
  }

  /** @param ticks of the packet after the missing ones */
  gap(ticks: number): void {
    this.#emptyStart = -1;
    this.#units.gap(ticks);
  }

  /**
   * One fragment: `chunk[at, end)`.
   * @param flags the fragment header; its two highest bits are used
   * @param header of the NAL unit, as in its first fragment
   */
  fragment(chunk: Uint8Array, at: number, end: number, ticks: number, flags: number, header: number): void {
    const units = this.#units;
    const isStart = (flags & FU_START) !== 0;
    const begun = isStart ? header : this.#emptyStart;
    const isEmptyStart = isStart && at === end;
    this.#emptyStart = isEmptyStart ? header : -1;
    if (isEmptyStart) {
      return;
    }
    if (begun >= 0) {
      units.beginNal(ticks, begun, chunk, at, end);
    } else if (units.isOpenAt(ticks)) {
      units.append(chunk, at, end);
    } else {
      if (at < end) {
        units.damage('a fragment comes without the beginning of its NAL unit', header);
      }
      return;
    }
    if ((flags & FU_END) !== 0) {
      units.endNal();
    }
  }

  /** Complete NAL units, each after its size in 16 bits: RFC 6184 §5.7.1, RFC 7798 §4.4.2. */
  aggregate(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    let at = start;
    while (at + SIZE_BYTES < end) {
      const size = ((chunk[at] as number) << 8) | (chunk[at + 1] as number);
      at += SIZE_BYTES;
      if (at + size > end) {
        this.#units.damage(`NAL unit of ${size} bytes in an aggregation packet with ${end - at} bytes left`);
        return;
      }
      this.#units.nal(ticks, chunk, at, at + size);
      at += size;
    }
  }
}

/** Cuts one NAL unit, `data[start, end)`, into fragments; the last one carries `marker`. */
type FragmentNal = (
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
