import type { PayloadSink } from '../packetizer.ts';

/** RFC 3551 §4.5.14: the bytes as they are. A sample that does not fit is left out: its second half would need a time of its own. */
export function packetizeG711(data: Uint8Array, maxPayloadBytes: number, _isLast: boolean, sink: PayloadSink): void {
  if (data.length > 0 && data.length <= maxPayloadBytes) {
    // The marker begins a talk spurt (§4.1); what we send is continuous.
    sink.onPayload(0, 0, data, 0, data.length, false);
  }
}
