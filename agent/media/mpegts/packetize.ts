import type { PayloadSink } from '../payload/packetizer.ts';

/** ISO/IEC 13818-1 §2.4.3.2. */
export const PACKET_BYTES = 188;
export const SYNC_BYTE = 0x47;

/** RFC 2250 §2: as many whole transport packets as fit. The marker would signal clock jumps (§2.1), which streams do not forward. */
export function packetizeMpegTs(data: Uint8Array, maxPayloadBytes: number, _isLast: boolean, sink: PayloadSink): void {
  const step = maxPayloadBytes - (maxPayloadBytes % PACKET_BYTES);
  if (step === 0) {
    return;
  }
  for (let at = 0; at < data.length; at += step) {
    sink.onPayload(0, 0, data, at, Math.min(at + step, data.length), false);
  }
}
