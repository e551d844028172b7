import { AccessUnits } from '../access-unit.ts';
import type { Depacketizer, RtpFormat, UnitSink } from '../depacketizer.ts';
import { decodeSprop } from '../nal.ts';
import { H264Rules } from './rules.ts';

const STAP_A = 24;
const STAP_B = 25;
const MTAP16 = 26;
const MTAP24 = 27;
const FU_A = 28;
const FU_B = 29;
const FU_HEADER_BYTES = 2;
const FU_START = 0x80;
const FU_END = 0x40;

/**
 * RFC 6184, packetization modes 0 and 1:
 *   single NAL unit (§5.6), STAP-A (§5.7.1): header, then [16-bit size, NAL unit] …,
 *   FU-A (§5.8): indicator (F, NRI, 28), header (S, E, R, type), fragment.
 * The packet types of the interleaved mode (STAP-B, MTAP, FU-B) are refused: they come only if we ask for mode 2.
 */
export class H264Depacketizer implements Depacketizer {
  readonly #units: AccessUnits;
  /** NAL unit header of a first fragment without payload; -1: none. */
  #emptyStart = -1;

  constructor(format: RtpFormat, sink: UnitSink) {
    const rules = new H264Rules();
    this.#units = new AccessUnits(rules, sink);
    for (const nal of decodeSprop(format.fmtp.get('sprop-parameter-sets'))) {
      const type = (nal[0] as number) & 0x1f;
      if (type === 7 || type === 8) {
        rules.keepParameters(nal, 0, nal.length);
      }
    }
    const track = rules.trackFromSdp();
    if (track) {
      this.#units.announce(track);
    }
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void {
    const units = this.#units;
    if (gap) {
      this.#emptyStart = -1;
      units.gap();
    }
    if (start < end) {
      const type = (chunk[start] as number) & 0x1f;
      if (type === FU_A) {
        this.#fragment(chunk, start, end, ticks);
      } else if (type < STAP_A) {
        units.nal(ticks, chunk, start, end);
      } else if (type === STAP_A) {
        this.#aggregate(chunk, start + 1, end, ticks);
      } else if (type === STAP_B || type === MTAP16 || type === MTAP24 || type === FU_B) {
        units.damage(`RTP packet type ${type} of the interleaved mode is not supported`);
      }
    }
    if (marker) {
      units.marker();
    }
  }

  #fragment(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    if (end - start < FU_HEADER_BYTES) {
      return;
    }
    const units = this.#units;
    const indicator = chunk[start] as number;
    const fu = chunk[start + 1] as number;
    const at = start + FU_HEADER_BYTES;
    const isStart = (fu & FU_START) !== 0;
    // The type in later fragments is not looked at: Tiandy changes it inside a NAL unit.
    const header = isStart ? (indicator & 0xe0) | (fu & 0x1f) : this.#emptyStart;
    this.#emptyStart = isStart && at === end ? header : -1;
    if (at === end && isStart) {
      return;
    }
    if (header >= 0) {
      units.beginNal(ticks, header, chunk, at, end);
    } else if (units.isOpenAt(ticks)) {
      units.append(chunk, at, end);
    } else {
      if (at < end) {
        units.damage('a fragment comes without the beginning of its NAL unit');
      }
      return;
    }
    if ((fu & FU_END) !== 0) {
      units.endNal();
    }
  }

  #aggregate(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    let at = start;
    while (at + 2 < end) {
      const size = ((chunk[at] as number) << 8) | (chunk[at + 1] as number);
      at += 2;
      if (at + size > end) {
        this.#units.damage(`NAL unit of ${size} bytes in an aggregation packet with ${end - at} bytes left`);
        return;
      }
      this.#units.nal(ticks, chunk, at, at + size);
      at += size;
    }
  }
}
