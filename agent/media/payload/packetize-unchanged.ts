import type { PayloadSink } from './packetizer.ts';

/**
 * The sample unchanged, split anywhere; the marker is on its last payload. MPEG-4 part 2 (RFC 6416 §5; the headers are in the first,
 * §5.2) and KLV (RFC 6597 §4.2).
 */
export function packetizeUnchanged(
  data: Uint8Array,
  maxPayloadBytes: number,
  isLast: boolean,
  sink: PayloadSink,
): void {
  for (let at = 0; at < data.length; at += maxPayloadBytes) {
    const to = Math.min(at + maxPayloadBytes, data.length);
    sink.onPayload(0, 0, data, at, to, isLast && to === data.length);
  }
}
