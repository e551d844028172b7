import type { PayloadSink } from '../payload/packetizer.ts';

const HEADER_BYTES = 2;

/** RFC 4598 §4.1: one frame per packet, or its fragments; the marker ends a frame. */
export function packetizeEac3(data: Uint8Array, maxPayloadBytes: number, _isLast: boolean, sink: PayloadSink): void {
  const step = maxPayloadBytes - HEADER_BYTES;
  const count = Math.ceil(data.length / step);
  const header = ((count > 1 ? 1 : 0) << 8) | count;
  for (let at = 0; at < data.length; at += step) {
    const to = Math.min(at + step, data.length);
    sink.onPayload(header, HEADER_BYTES, data, at, to, to === data.length);
  }
}
