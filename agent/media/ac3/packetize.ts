import type { PayloadSink } from '../payload/packetizer.ts';

const HEADER_BYTES = 2;
const WHOLE_FRAME = 0;
/** The first fragment has at least five eighths of the frame, which decoders can use. */
const FIRST_FRAGMENT_WITH_5_8 = 1;
const FIRST_FRAGMENT = 2;
const LATER_FRAGMENT = 3;

/** RFC 4184 §4.1: one frame per packet, or its fragments; the marker ends a frame. */
export function packetizeAc3(data: Uint8Array, maxPayloadBytes: number, _isLast: boolean, sink: PayloadSink): void {
  const step = maxPayloadBytes - HEADER_BYTES;
  const count = Math.ceil(data.length / step);
  const first = count === 1 ? WHOLE_FRAME : 8 * step >= 5 * data.length ? FIRST_FRAGMENT_WITH_5_8 : FIRST_FRAGMENT;
  for (let at = 0; at < data.length; at += step) {
    const to = Math.min(at + step, data.length);
    const type = at === 0 ? first : LATER_FRAGMENT;
    sink.onPayload((type << 8) | count, HEADER_BYTES, data, at, to, to === data.length);
  }
}
