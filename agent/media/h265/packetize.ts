import { NAL_LENGTH_BYTES, readNalLength } from '../nal.ts';
import type { PayloadSink } from '../packetizer.ts';
import type { H265Track } from '../track.ts';

const AGGREGATION_PACKET = 48;
const FRAGMENTATION_UNIT = 49;
const FU_HEADER_BYTES = 3;
const FU_START = 0x80;
const FU_END = 0x40;

/** RFC 7798: a NAL unit that fits goes alone (§4.4.1), a larger one as fragmentation units (§4.4.3). The marker is on the last payload of the access unit. */
export function packetizeH265(data: Uint8Array, maxPayloadBytes: number, isLast: boolean, sink: PayloadSink): void {
  let at = 0;
  while (at + NAL_LENGTH_BYTES < data.length) {
    const start = at + NAL_LENGTH_BYTES;
    const end = Math.min(start + readNalLength(data, at), data.length);
    const marker = isLast && end === data.length;
    if (end - start > maxPayloadBytes) {
      fragment(data, start, end, maxPayloadBytes, marker, sink);
    } else if (end > start) {
      sink.onPayload(0, 0, data, start, end, marker);
    }
    at = end;
  }
}

/**
 * The parameter sets, to go ahead of a key sample with its timestamp: in one aggregation packet (§4.4.2) if they fit, else each alone.
 * Never with the marker: the access unit goes on.
 */
export function packetizeH265Parameters(track: H265Track, maxPayloadBytes: number, sink: PayloadSink): void {
  const sets = [track.vps, track.sps, ...track.pps];
  const bytes = sets.reduce((sum, set) => sum + 2 + set.length, 2);
  if (bytes > maxPayloadBytes) {
    for (const set of sets) {
      sink.onPayload(0, 0, set, 0, set.length, false);
    }
    return;
  }
  const packet = new Uint8Array(bytes);
  packet[0] = AGGREGATION_PACKET << 1;
  packet[1] = 1; // layer 0, lowest temporal id
  let at = 2;
  for (const set of sets) {
    packet[at] = set.length >> 8;
    packet[at + 1] = set.length;
    packet.set(set, at + 2);
    at += 2 + set.length;
  }
  sink.onPayload(0, 0, packet, 0, bytes, false);
}

function fragment(
  data: Uint8Array,
  start: number,
  end: number,
  maxPayloadBytes: number,
  marker: boolean,
  sink: PayloadSink,
): void {
  const header = data[start] as number;
  const type = (header >> 1) & 0x3f;
  const payloadHeader = (((header & 0x81) | (FRAGMENTATION_UNIT << 1)) << 8) | (data[start + 1] as number);
  const step = maxPayloadBytes - FU_HEADER_BYTES;
  const first = start + 2;
  for (let at = first; at < end; at += step) {
    const to = Math.min(at + step, end);
    const flags = (at === first ? FU_START : 0) | (to === end ? FU_END : 0);
    sink.onPayload((payloadHeader << 8) | flags | type, FU_HEADER_BYTES, data, at, to, marker && to === end);
  }
}
