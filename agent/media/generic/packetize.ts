import type { PayloadSink } from '../payload/packetizer.ts';
import { PACKET_HEAD_BYTES } from './depacketize.ts';

/** The packets as they came, whatever their size: an unknown codec cannot be fragmented. */
export function packetizeGeneric(
  data: Uint8Array,
  _maxPayloadBytes: number,
  _isLast: boolean,
  sink: PayloadSink,
): void {
  for (let at = 0; at + PACKET_HEAD_BYTES <= data.length; ) {
    const marker = data[at] === 1;
    const start = at + PACKET_HEAD_BYTES;
    at = start + (((data[at + 1] as number) << 8) | (data[at + 2] as number));
    sink.onPayload(0, 0, data, start, at, marker);
  }
}
