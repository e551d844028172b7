import type { PayloadSink } from '../payload/packetizer.ts';

/** RFC 7587 §4.2: one packet, one payload. Opus cannot be fragmented: a packet that does not fit (over 75 kbit/s at 120 ms) is dropped. */
export function packetizeOpus(data: Uint8Array, maxPayloadBytes: number, _isLast: boolean, sink: PayloadSink): void {
  if (data.length > 0 && data.length <= maxPayloadBytes) {
    // The marker begins a talk spurt (§4.1); the audio is continuous.
    sink.onPayload(0, 0, data, 0, data.length, false);
  }
}
