import type { PayloadSink } from '../payload/packetizer.ts';

const CONTINUES = 0x80;
const IS_CONTINUED = 0x40;
const STARTS_SEQUENCE = 0x08;
const AGGREGATION_BYTES = 1;
/** leb128 of an element within a packet. */
const MAX_LENGTH_BYTES = 2;
/** Length and one byte of another OBU. */
const MIN_ELEMENT_BYTES = MAX_LENGTH_BYTES + 1;

/**
 * Packs several OBUs into RTP payloads, each element with its length (W = 0).
 * Only the last packet ends at the end of an OBU: libwebrtc takes such an end for the end of a frame, and its decoder fails on a
 * sequence header without a picture. An instance is reused for each unit.
 */
export class Aggregator {
  #bytes = new Uint8Array(0);
  #limit = 0;
  #start = 0;
  #at = 0;
  #startsSequence = false;
  #continues = false;

  /** @param sizeBytes of all OBUs together @param count number of OBUs */
  begin(sizeBytes: number, count: number, maxPayloadBytes: number, startsSequence: boolean): void {
    const packets = Math.ceil(sizeBytes / (maxPayloadBytes - AGGREGATION_BYTES - 2 * MIN_ELEMENT_BYTES)) + 1;
    // A new buffer: the sender keeps views of it.
    this.#bytes = new Uint8Array(
      sizeBytes + (packets + count) * (AGGREGATION_BYTES + MAX_LENGTH_BYTES + MIN_ELEMENT_BYTES),
    );
    this.#limit = maxPayloadBytes;
    this.#start = 0;
    this.#at = AGGREGATION_BYTES;
    this.#startsSequence = startsSequence;
    this.#continues = false;
  }

  /**
   * @param header its `headerBytes` bytes, without a size field; data[start, end) is the rest of the OBU
   * @param isLast it is the last of the unit
   */
  add(
    header: number,
    headerBytes: number,
    data: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    sink: PayloadSink,
  ): void {
    let headerLeft = headerBytes;
    let at = start;
    for (let left = headerBytes + end - start; left > 0; ) {
      const room = this.#limit - (this.#at - this.#start) - MAX_LENGTH_BYTES;
      let bytes = Math.min(left, room);
      if (bytes === left && left > 1 && !isLast && room - bytes < MIN_ELEMENT_BYTES) {
        bytes -= 1;
      }
      this.#writeLength(bytes);
      for (let i = 0; i < bytes && headerLeft > 0; headerLeft -= 1) {
        this.#bytes[this.#at] = header >> (8 * (headerLeft - 1));
        this.#at += 1;
        left -= 1;
        bytes -= 1;
      }
      this.#bytes.set(data.subarray(at, at + bytes), this.#at);
      this.#at += bytes;
      at += bytes;
      left -= bytes;
      if (left > 0) {
        this.#close(true, false, sink);
      }
    }
  }

  /** @param marker set on the last packet of the unit */
  end(marker: boolean, sink: PayloadSink): void {
    this.#close(false, marker, sink);
  }

  #writeLength(bytes: number): void {
    if (bytes >= 0x80) {
      this.#bytes[this.#at] = 0x80 | (bytes & 0x7f);
      this.#at += 1;
    }
    this.#bytes[this.#at] = bytes >= 0x80 ? bytes >> 7 : bytes;
    this.#at += 1;
  }

  #close(isContinued: boolean, marker: boolean, sink: PayloadSink): void {
    this.#bytes[this.#start] =
      (this.#continues ? CONTINUES : 0) |
      (isContinued ? IS_CONTINUED : 0) |
      (this.#startsSequence ? STARTS_SEQUENCE : 0);
    sink.onPayload(0, 0, this.#bytes, this.#start, this.#at, marker);
    this.#startsSequence = false;
    this.#continues = isContinued;
    this.#start = this.#at;
    this.#at += AGGREGATION_BYTES;
  }
}
