import type { PayloadSink } from '../payload/packetizer.ts';
import { Aggregator } from './aggregate.ts';
import { isKeptObu, Leb128, OBU, OBU_EXTENSION, OBU_HAS_SIZE, obuType } from './obu.ts';

const CONTINUES = 0x80;
const IS_CONTINUED = 0x40;
/** W: one OBU element, which needs no length. */
const ONE_ELEMENT = 0x10;
const AGGREGATION_BYTES = 1;

/** Iterates over the OBUs to send; OBUs without payload are skipped, because they cannot continue in another packet. */
class ObuWalk {
  /** Header (1 or 2 bytes as a number, without the size flag) and payload of the OBU. */
  header = 0;
  headerBytes = 1;
  start = 0;
  end = 0;
  type = 0;
  readonly #size = new Leb128();
  #data: Uint8Array = new Uint8Array(0);
  #next = 0;

  reset(data: Uint8Array): void {
    this.#data = data;
    this.#next = 0;
  }

  /** False: no OBU is left. */
  next(): boolean {
    const data = this.#data;
    while (this.#next < data.length) {
      const first = data[this.#next] as number;
      const hasExtension = (first & OBU_EXTENSION) !== 0;
      if (!this.#size.read(data, this.#next + (hasExtension ? 2 : 1), data.length)) {
        return false;
      }
      const bare = first & ~OBU_HAS_SIZE;
      this.header = hasExtension ? (bare << 8) | (data[this.#next + 1] as number) : bare;
      this.headerBytes = hasExtension ? 2 : 1;
      this.type = obuType(first);
      this.start = this.#size.next;
      this.end = Math.min(this.#size.next + this.#size.value, data.length);
      this.#next = this.end;
      if (isKeptObu(this.type) && this.start < this.end) {
        return true;
      }
    }
    return false;
  }
}

// Reused within each call.
const walk = new ObuWalk();
const aggregator = new Aggregator();

/**
 * "RTP Payload Format For AV1" §4.4: OBUs without their size fields. A unit of one OBU, the usual case, is fragmented without a copy;
 * a unit of several (a key frame with its sequence header) is copied, because its OBUs share packets.
 * The marker is on the last payload of the temporal unit; N on the first of one that begins with a sequence header.
 */
export function packetizeAv1(data: Uint8Array, maxPayloadBytes: number, isLast: boolean, sink: PayloadSink): void {
  let count = 0;
  let sizeBytes = 0;
  let startsSequence = false;
  walk.reset(data);
  while (walk.next()) {
    startsSequence ||= count === 0 && walk.type === OBU.sequenceHeader;
    sizeBytes += walk.headerBytes + walk.end - walk.start;
    count += 1;
  }
  walk.reset(data);
  if (count === 1 && walk.next() && !startsSequence) {
    fragment(data, walk.start, walk.end, walk.header, walk.headerBytes, maxPayloadBytes, isLast, sink);
    return;
  }
  walk.reset(data);
  aggregator.begin(sizeBytes, count, maxPayloadBytes, startsSequence);
  for (let i = 1; walk.next(); i += 1) {
    aggregator.add(walk.header, walk.headerBytes, data, walk.start, walk.end, i === count, sink);
  }
  if (count > 0) {
    aggregator.end(isLast, sink);
  }
}

function fragment(
  data: Uint8Array,
  start: number,
  end: number,
  header: number,
  headerBytes: number,
  maxPayloadBytes: number,
  isLast: boolean,
  sink: PayloadSink,
): void {
  // The OBU's own header is part of its first fragment.
  let prefixBytes = AGGREGATION_BYTES + headerBytes;
  let at = start;
  do {
    const to = Math.min(at + maxPayloadBytes - prefixBytes, end);
    const isFirst = prefixBytes > AGGREGATION_BYTES;
    const flags = ONE_ELEMENT | (isFirst ? 0 : CONTINUES) | (to < end ? IS_CONTINUED : 0);
    const prefix = isFirst ? (flags << (8 * headerBytes)) | header : flags;
    sink.onPayload(prefix, prefixBytes, data, at, to, isLast && to === end);
    prefixBytes = AGGREGATION_BYTES;
    at = to;
  } while (at < end);
}
