import type { PayloadSink } from '../payload/packetizer.ts';

const HEADER_BYTES = 4;

/** RFC 2250 §3.5: one frame per packet, or its fragments, each after its offset. No frame is longer than 2,881 bytes. */
export function packetizeMpegAudio(
  data: Uint8Array,
  maxPayloadBytes: number,
  _isLast: boolean,
  sink: PayloadSink,
): void {
  const step = maxPayloadBytes - HEADER_BYTES;
  for (let at = 0; at < data.length; at += step) {
    // The marker begins a talk spurt (RFC 3551 §4.1); the audio is continuous.
    sink.onPayload(at, HEADER_BYTES, data, at, Math.min(at + step, data.length), false);
  }
}
