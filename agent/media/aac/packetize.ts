import type { PayloadSink } from '../payload/packetizer.ts';

/** AU-headers-length, then one header of 13 bits size and 3 bits index. */
const HEADER_BYTES = 4;
const AU_HEADER_BITS = 16;
/** Limit of the 13-bit size; AAC frames have at most 768 bytes per channel. */
const MAX_UNIT_BYTES = 8191;

/**
 * RFC 3640 AAC-hbr (§3.3.6: sizelength=13, indexlength=3, indexdeltalength=3): one frame per packet, or its fragments.
 * The marker ends each frame. A frame beyond the limit is dropped.
 */
export function packetizeAac(data: Uint8Array, maxPayloadBytes: number, _isLast: boolean, sink: PayloadSink): void {
  if (data.length > MAX_UNIT_BYTES) {
    return;
  }
  const prefix = AU_HEADER_BITS * 65_536 + (data.length << 3);
  const step = maxPayloadBytes - HEADER_BYTES;
  for (let at = 0; at < data.length; at += step) {
    const to = Math.min(at + step, data.length);
    sink.onPayload(prefix, HEADER_BYTES, data, at, to, to === data.length);
  }
}
