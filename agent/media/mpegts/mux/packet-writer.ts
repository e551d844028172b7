import { PACKET_BYTES, SYNC_BYTE } from '../packetize.ts';

/*
 * A transport packet (ISO/IEC 13818-1 §2.4.3.2):
 *   sync byte 8 | error, unit start, priority 3 | PID 13 | scrambling 2 | adaptation field, payload 2 | continuity counter 4
 *   adaptation field (optional): length 8 | flags 8 | PCR 48 (optional) | stuffing 0xFF …
 *   payload
 */
const HEADER_BYTES = 4;
const BODY_BYTES = PACKET_BYTES - HEADER_BYTES;
const UNIT_START = 0x40;
const HAS_ADAPTATION = 0x20;
const HAS_PAYLOAD = 0x10;
const RANDOM_ACCESS = 0x40;
const HAS_PCR = 0x10;
const PCR_BYTES = 6;
export const NULL_PID = 0x1fff;
/** Up to this size a loop is faster than a view for `set`; for a whole packet it takes three times as long. */
const SMALL_BYTES = 32;

/** Upper bound of the bytes of a unit's packets, including adaptation fields. */
export const packetBytesOf = (sizeBytes: number): number =>
  Math.ceil((sizeBytes + 2 + PCR_BYTES) / BODY_BYTES) * PACKET_BYTES;

/** Splits units (PES packets) into transport packets. Data is copied once, into the given buffer. */
export class PacketWriter {
  #out: Uint8Array = new Uint8Array(0);
  /** Offset of the next byte. */
  #at = 0;
  #pid = 0;
  #isFirst = false;
  /** 90 kHz, or -1: none. */
  #pcr = -1;
  #isRandomAccess = false;
  /** Bytes of the unit not written yet, and the part of them that fits into the current packet. */
  #left = 0;
  #room = 0;
  /** By PID, of the next packet with payload. */
  readonly #counters = new Uint8Array(0x2000);

  /** Continues at the start of `out`, which must be large enough. */
  into(out: Uint8Array): void {
    this.#out = out;
    this.#at = 0;
  }

  get sizeBytes(): number {
    return this.#at;
  }

  counterOf(pid: number): number {
    return this.#counters[pid] as number;
  }

  setCounter(pid: number, next: number): void {
    this.#counters[pid] = next;
  }

  /** Copies prepared packets of one PID and sets their continuity counters. */
  copyPackets(pid: number, packets: Uint8Array): void {
    const out = this.#out;
    out.set(packets, this.#at);
    for (const end = this.#at + packets.length; this.#at < end; this.#at += PACKET_BYTES) {
      out[this.#at + 3] = ((out[this.#at + 3] as number) & 0xf0) | this.#count(pid);
    }
  }

  /**
   * Begins a unit of exactly `sizeBytes`.
   * @param pcr for its first packet: 90 kHz, wrapped; -1: none
   */
  begin(pid: number, sizeBytes: number, pcr: number, isRandomAccess: boolean): void {
    this.#pid = pid;
    this.#left = sizeBytes;
    this.#room = 0;
    this.#pcr = pcr;
    this.#isRandomAccess = isRandomAccess;
    this.#isFirst = true;
  }

  put(data: Uint8Array, start: number, end: number): void {
    let from = start;
    while (from < end) {
      if (this.#room === 0) {
        this.#openPacket();
      }
      const count = Math.min(this.#room, end - from);
      this.#copy(data, from, from + count);
      from += count;
      this.#room -= count;
      this.#left -= count;
    }
  }

  /** A packet with a PCR only; the continuity counter does not increase (§2.4.3.3). */
  putPcr(pid: number, pcr: number): void {
    const at = this.#at;
    this.#header(pid, 0, HAS_ADAPTATION | (((this.#counters[pid] as number) - 1) & 0x0f));
    this.#adaptation(BODY_BYTES, HAS_PCR, pcr);
    this.#at = at + PACKET_BYTES;
  }

  #copy(data: Uint8Array, start: number, end: number): void {
    const out = this.#out;
    let at = this.#at;
    if (end - start < SMALL_BYTES) {
      for (let from = start; from < end; from += 1) {
        out[at] = data[from] as number;
        at += 1;
      }
    } else {
      out.set(data.subarray(start, end), at);
      at += end - start;
    }
    this.#at = at;
  }

  #openPacket(): void {
    const flags = this.#isFirst ? (this.#isRandomAccess ? RANDOM_ACCESS : 0) | (this.#pcr < 0 ? 0 : HAS_PCR) : 0;
    const fieldBytes = flags === 0 ? 0 : 2 + (this.#pcr < 0 ? 0 : PCR_BYTES);
    const adaptationBytes = Math.max(fieldBytes, BODY_BYTES - this.#left);
    const control = adaptationBytes > 0 ? HAS_ADAPTATION | HAS_PAYLOAD : HAS_PAYLOAD;
    this.#header(this.#pid, this.#isFirst ? UNIT_START : 0, control | this.#count(this.#pid));
    if (adaptationBytes > 0) {
      this.#adaptation(adaptationBytes, flags, this.#pcr);
    }
    this.#isFirst = false;
    this.#room = BODY_BYTES - adaptationBytes;
  }

  #header(pid: number, unitStart: number, last: number): void {
    const out = this.#out;
    const at = this.#at;
    out[at] = SYNC_BYTE;
    out[at + 1] = unitStart | (pid >> 8);
    out[at + 2] = pid & 0xff;
    out[at + 3] = last;
    this.#at = at + HEADER_BYTES;
  }

  /** @param sizeBytes of the whole field; 1 is a length of 0 */
  #adaptation(sizeBytes: number, flags: number, pcr: number): void {
    const out = this.#out;
    let at = this.#at;
    const end = at + sizeBytes;
    out[at] = sizeBytes - 1;
    at += 1;
    if (sizeBytes > 1) {
      out[at] = flags;
      at += 1;
    }
    if (flags & HAS_PCR) {
      // 33 bits of 90 kHz, 6 reserved bits, and 9 bits of 27 MHz that are 0 (§2.4.3.4).
      const high = Math.floor(pcr / 2);
      out[at] = high >>> 24;
      out[at + 1] = high >>> 16;
      out[at + 2] = high >>> 8;
      out[at + 3] = high;
      out[at + 4] = ((pcr & 1) << 7) | 0x7e;
      out[at + 5] = 0;
      at += PCR_BYTES;
    }
    out.fill(0xff, at, end);
    this.#at = end;
  }

  #count(pid: number): number {
    const counter = this.#counters[pid] as number;
    this.#counters[pid] = (counter + 1) & 0x0f;
    return counter;
  }
}
