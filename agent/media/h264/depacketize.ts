import type { RtpFormat, SenderTraits, UnitSink } from '../payload/depacketizer.ts';
import { decodeSprop } from '../payload/nal.ts';
import { NalDepacketizer } from '../payload/nal-depacketizer.ts';
import { H264Rules } from './rules.ts';

const STAP_A = 24;
const STAP_B = 25;
const MTAP16 = 26;
const MTAP24 = 27;
const FU_A = 28;
const FU_B = 29;
const FU_HEADER_BYTES = 2;

/**
 * RFC 6184, packetization modes 0 and 1:
 *   single NAL unit (§5.6), STAP-A (§5.7.1): header, then [16-bit size, NAL unit] …,
 *   FU-A (§5.8): indicator (F, NRI, 28), header (S, E, R, type), fragment.
 * Packets of the interleaved mode (STAP-B, MTAP, FU-B) are rejected: senders use them only when mode 2 is requested.
 */
export class H264Depacketizer extends NalDepacketizer {
  constructor(format: RtpFormat, sink: UnitSink, traits: SenderTraits = {}) {
    const sets = decodeSprop(format.fmtp.get('sprop-parameter-sets')).filter((nal) => {
      const type = (nal[0] as number) & 0x1f;
      return type === 7 || type === 8;
    });
    super(new H264Rules(), sets, sink, traits);
  }

  protected packet(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    const type = (chunk[start] as number) & 0x1f;
    if (type === FU_A) {
      this.#fragmentationUnit(chunk, start, end, ticks);
    } else if (type < STAP_A) {
      this.units.nal(ticks, chunk, start, end);
    } else if (type === STAP_A) {
      this.aggregate(chunk, start + 1, end, ticks);
    } else if (type === STAP_B || type === MTAP16 || type === MTAP24 || type === FU_B) {
      this.units.damage(`RTP packet type ${type} of the interleaved mode is not supported`);
    }
  }

  #fragmentationUnit(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    if (end - start < FU_HEADER_BYTES) {
      return;
    }
    const fu = chunk[start + 1] as number;
    // The type in later fragments is ignored: Tiandy changes it within a NAL unit.
    const header = ((chunk[start] as number) & 0xe0) | (fu & 0x1f);
    this.fragment(chunk, start + FU_HEADER_BYTES, end, ticks, fu, header);
  }
}
