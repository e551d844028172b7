import type { PayloadSink } from '../payload/packetizer.ts';

/** RFC 6416 §5: the stream unchanged; the marker is on the last payload of the VOP, its headers are in the first (§5.2). */
export function packetizeMpeg4Video(
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
