import { findStartCode } from '../../payload/nal.ts';

/*
 * A PES packet (ISO/IEC 13818-1 §2.4.3.6):
 *   00 00 01 | stream id 8 | length 16 (0: to the next one, only for video)
 *   '10', scrambling 2, flags 4 | PTS and DTS 2, flags 6 | header length 8 | PTS 40 | DTS 40 | … | payload
 */
const PREFIX_BYTES = 6;
const FIXED_HEADER_BYTES = 9;
const HAS_PTS = 0x80;
const HAS_DTS = 0x40;
const SCRAMBLED = 0x30;
/** Streams without the optional header: program stream map and directory, padding, private_stream_2, ECM, EMM, DSM-CC, H.222.1 type E. */
const PLAIN_IDS = [0xbc, 0xbe, 0xbf, 0xf0, 0xf1, 0xf2, 0xf8, 0xff];
/** A picture too large for the 16-bit length may be cut into packets of more than this size: the next packet may continue it. */
const MIN_CUT_BYTES = 32_768;

/** Where the payloads of PES packets go. */
export interface Elementary {
  /**
   * One payload: `data[start, end)`, valid during the call.
   * @param pts,dts as in the header, 33 bits; NaN: absent
   * @param position of its first transport packet in the stream
   */
  push(data: Uint8Array, start: number, end: number, pts: number, dts: number, position: number): void;
  /** Payload is missing before the next one. */
  lose(reason: string): void;
  /** The next payload is from another place of the file. */
  restart(): void;
  /** The stream ends: units that wait for the next one are complete. */
  end(): void;
}

/** The PES packets of one PID. A packet with missing bytes is dropped. */
export class PesReader {
  readonly #output: Elementary;
  readonly #isVideo: boolean;
  readonly #maxBytes: number;
  #buffer = new Uint8Array(0);
  #bytes = 0;
  /** -1: a packet without length, or whose length has not come yet. */
  #expectedBytes = -1;
  /** Between packets, or the current one is dropped. */
  #isIdle = true;
  #position = 0;
  /** Consecutive packets with scrambled payload. */
  scrambled = 0;

  constructor(output: Elementary, isVideo: boolean) {
    this.#output = output;
    this.#isVideo = isVideo;
    // An access unit, with room for headers.
    this.#maxBytes = isVideo ? (8 << 20) + 65_536 : 65_536 + PREFIX_BYTES;
  }

  /** The payload of one transport packet: `chunk[start, end)`. @param position of the packet in the stream */
  push(chunk: Uint8Array, start: number, end: number, isStart: boolean, position: number): void {
    if (isStart) {
      if (this.#continues(chunk, start, end)) {
        this.#append(chunk, start + FIXED_HEADER_BYTES + (chunk[start + 8] as number), end);
        return;
      }
      this.#finish();
      this.#bytes = 0;
      this.#expectedBytes = -1;
      this.#isIdle = false;
      this.#position = position;
    }
    if (!this.#isIdle) {
      this.#append(chunk, start, end);
    }
  }

  /** Transport packets are missing before the next one. */
  lose(reason: string): void {
    this.#isIdle = true;
    this.#bytes = 0;
    this.#output.lose(reason);
  }

  /** The next packet is from another place of the file. */
  restart(): void {
    this.#isIdle = true;
    this.#bytes = 0;
    this.#output.restart();
  }

  /** The stream ends. */
  end(): void {
    this.#finish();
    this.#output.end();
  }

  #append(chunk: Uint8Array, start: number, end: number): void {
    // Bytes after the end are stuffing.
    const to = this.#expectedBytes < 0 ? end : Math.min(end, start + this.#expectedBytes - this.#bytes);
    const bytes = this.#bytes + Math.max(0, to - start);
    if (bytes > this.#maxBytes) {
      this.lose(`PES packet is larger than ${this.#maxBytes} bytes`);
      return;
    }
    if (bytes > this.#buffer.length) {
      const buffer = new Uint8Array(Math.min(this.#maxBytes, Math.max(2 * bytes, 16 << 10)));
      buffer.set(this.#buffer.subarray(0, this.#bytes));
      this.#buffer = buffer;
    }
    if (to > start) {
      this.#buffer.set(chunk.subarray(start, to), this.#bytes);
    }
    this.#bytes = bytes;
    this.#checkLength();
  }

  #checkLength(): void {
    if (this.#expectedBytes < 0 && this.#bytes >= PREFIX_BYTES) {
      const length = u16(this.#buffer, 4);
      const isBegun = this.#buffer[0] === 0 && this.#buffer[1] === 0 && this.#buffer[2] === 1;
      if (!isBegun) {
        this.lose('PES packet without start code');
        return;
      }
      this.#expectedBytes = length === 0 ? Number.POSITIVE_INFINITY : PREFIX_BYTES + length;
      this.#bytes = Math.min(this.#bytes, this.#expectedBytes);
    }
    const mayContinue = this.#isVideo && this.#expectedBytes > MIN_CUT_BYTES;
    if (this.#bytes === this.#expectedBytes && !mayContinue) {
      this.#finish();
    }
  }

  /** Whether a PES packet continues the previous one: it has no time and begins within a NAL unit or slice, as the picture is too large for one. */
  #continues(chunk: Uint8Array, start: number, end: number): boolean {
    const body = start + FIXED_HEADER_BYTES + (chunk[start + 8] ?? 0);
    const isMore = this.#isVideo && !this.#isIdle && body < end && ((chunk[start + 7] as number) & HAS_PTS) === 0;
    if (!isMore || this.#bytes < PREFIX_BYTES || findStartCode(chunk, body, Math.min(end, body + 4)) >= 0) {
      return false;
    }
    const length = u16(chunk, start + 4);
    const headBytes = body - start;
    this.#expectedBytes = length === 0 ? Number.POSITIVE_INFINITY : this.#bytes + PREFIX_BYTES + length - headBytes;
    return true;
  }

  #finish(): void {
    if (this.#isIdle) {
      return;
    }
    this.#isIdle = true;
    const data = this.#buffer;
    const end = this.#bytes;
    this.#bytes = 0;
    const isShort = this.#expectedBytes !== Number.POSITIVE_INFINITY && end < this.#expectedBytes;
    if (end < PREFIX_BYTES || isShort) {
      this.#output.lose('PES packet ends before its length');
      return;
    }
    if (PLAIN_IDS.includes(data[3] as number)) {
      return;
    }
    const body = FIXED_HEADER_BYTES + (data[8] as number);
    if (end < FIXED_HEADER_BYTES || body > end || ((data[6] as number) & 0xc0) !== 0x80) {
      this.#output.lose('PES packet with a wrong header');
      return;
    }
    if ((data[6] as number) & SCRAMBLED) {
      this.scrambled += 1;
      return;
    }
    const flags = data[7] as number;
    const pts = flags & HAS_PTS && body >= 14 ? timeAt(data, 9) : Number.NaN;
    const dts = flags & HAS_PTS && flags & HAS_DTS && body >= 19 ? timeAt(data, 14) : pts;
    this.#output.push(data, body, end, pts, dts, this.#position);
  }
}

const u16 = (data: Uint8Array, at: number): number => ((data[at] as number) << 8) | (data[at + 1] as number);

/** 33 bits in five bytes with three marker bits (§2.4.3.7). */
function timeAt(data: Uint8Array, at: number): number {
  const high = ((data[at] as number) >> 1) & 7;
  const middle = u16(data, at + 1) >> 1;
  const low = u16(data, at + 3) >> 1;
  return high * 2 ** 30 + middle * 2 ** 15 + low;
}
