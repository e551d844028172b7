import type { RtpFormat, SenderTraits, UnitSink } from '../payload/depacketizer.ts';
import { decodeSprop } from '../payload/nal.ts';
import { NalDepacketizer } from '../payload/nal-depacketizer.ts';
import { H265Rules } from './rules.ts';

const NAL_HEADER_BYTES = 2;
/** H.265 NAL unit types end at 47; RFC 7798 uses those above for packets. */
const MAX_NAL_TYPE = 47;
const AGGREGATION_PACKET = 48;
const FRAGMENTATION_UNIT = 49;
const FU_HEADER_BYTES = 3;

/**
 * RFC 7798 without decoding order numbers (sprop-max-don-diff 0 or absent):
 *   single NAL unit packet (§4.4.1), aggregation packet (§4.4.2): 2-byte header, then [16-bit size, NAL unit] …,
 *   fragmentation unit (§4.4.3): 2-byte header with type 49, then S, E, type; fragment.
 * PACI packets (50) and unassigned types are ignored: GeoVision sends invalid packets of type 50.
 */
export class H265Depacketizer extends NalDepacketizer {
  constructor(format: RtpFormat, sink: UnitSink, traits: SenderTraits = {}) {
    const keys = ['sprop-vps', 'sprop-sps', 'sprop-pps'];
    const sets = keys
      .flatMap((key) => decodeSprop(format.fmtp.get(key)))
      .filter((nal) => {
        const type = ((nal[0] as number) >> 1) & 0x3f;
        return type >= 32 && type <= 34;
      });
    super(new H265Rules(), sets, sink, traits);
  }

  protected packet(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    const type = ((chunk[start] as number) >> 1) & 0x3f;
    if (type === FRAGMENTATION_UNIT) {
      this.#fragmentationUnit(chunk, start, end, ticks);
    } else if (type <= MAX_NAL_TYPE) {
      this.units.nal(ticks, chunk, start, end);
    } else if (type === AGGREGATION_PACKET) {
      this.aggregate(chunk, start + NAL_HEADER_BYTES, end, ticks);
    }
  }

  #fragmentationUnit(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    if (end - start < FU_HEADER_BYTES) {
      return;
    }
    const fu = chunk[start + 2] as number;
    // F and the layer id come from the payload header, the type from the first fragment.
    const first = ((chunk[start] as number) & 0x81) | ((fu & 0x3f) << 1);
    const header = (first << 8) | (chunk[start + 1] as number);
    this.fragment(chunk, start + FU_HEADER_BYTES, end, ticks, fu, header);
  }
}
