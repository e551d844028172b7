import type { PayloadSink } from '../payload/packetizer.ts';
import { isVp9Key } from './params.ts';

const IS_PREDICTED = 0x40;
const STARTS_FRAME = 0x08;
const ENDS_FRAME = 0x04;
/** Not a reference for upper spatial layers. */
const IS_NOT_FOR_UPPER_LAYERS = 0x01;
const DESCRIPTOR_BYTES = 1;

/** RFC 9628 §4.2 with the one-byte descriptor: neither layers nor picture numbers. */
export function packetizeVp9(data: Uint8Array, maxPayloadBytes: number, isLast: boolean, sink: PayloadSink): void {
  const flags = IS_NOT_FOR_UPPER_LAYERS | (data.length > 0 && isVp9Key(data, 0) ? 0 : IS_PREDICTED);
  const step = maxPayloadBytes - DESCRIPTOR_BYTES;
  for (let at = 0; at < data.length; at += step) {
    const to = Math.min(at + step, data.length);
    const edges = (at === 0 ? STARTS_FRAME : 0) | (to === data.length ? ENDS_FRAME : 0);
    sink.onPayload(flags | edges, DESCRIPTOR_BYTES, data, at, to, isLast && to === data.length);
  }
}
