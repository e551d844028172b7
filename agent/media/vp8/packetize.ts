import type { PayloadSink } from '../payload/packetizer.ts';

const STARTS_PARTITION = 0x10;
const DESCRIPTOR_BYTES = 1;

/**
 * RFC 7741 §4.2 with the one-byte descriptor. Partition starts are not signalled: all payloads count as partition 0 (§4.4),
 * because receivers assemble whole frames.
 */
export function packetizeVp8(data: Uint8Array, maxPayloadBytes: number, isLast: boolean, sink: PayloadSink): void {
  const step = maxPayloadBytes - DESCRIPTOR_BYTES;
  for (let at = 0; at < data.length; at += step) {
    const to = Math.min(at + step, data.length);
    const descriptor = at === 0 ? STARTS_PARTITION : 0;
    sink.onPayload(descriptor, DESCRIPTOR_BYTES, data, at, to, isLast && to === data.length);
  }
}
