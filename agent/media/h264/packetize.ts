import { NAL_LENGTH_BYTES, readNalLength } from '../nal.ts';
import type { PayloadSink } from '../packetizer.ts';
import type { H264Track } from '../track.ts';

const STAP_A = 24;
const FU_A = 28;
const FU_HEADER_BYTES = 2;
const FU_START = 0x80;
const FU_END = 0x40;

/**
 * RFC 6184 packetization mode 1: a NAL unit that fits goes alone (§5.6), a larger one as FU-A fragments (§5.8).
 * The marker is on the last payload of the access unit (§5.1).
 */
export function packetizeH264(data: Uint8Array, maxPayloadBytes: number, isLast: boolean, sink: PayloadSink): void {
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
 * The parameter sets, to go ahead of a key sample with its timestamp: in one STAP-A (§5.7.1) if they fit, else each alone.
 * Never with the marker: the access unit goes on.
 */
export function packetizeH264Parameters(track: H264Track, maxPayloadBytes: number, sink: PayloadSink): void {
  const sets = [track.sps, ...track.pps];
  const bytes = sets.reduce((sum, set) => sum + 2 + set.length, 1);
  if (bytes > maxPayloadBytes) {
    for (const set of sets) {
      sink.onPayload(0, 0, set, 0, set.length, false);
    }
    return;
  }
  const packet = new Uint8Array(bytes);
  // NRI is the highest of the aggregated NAL units (§5.7).
  packet[0] = sets.reduce((nri, set) => Math.max(nri, (set[0] ?? 0) & 0x60), 0) | STAP_A;
  let at = 1;
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
  const indicator = (header & 0xe0) | FU_A;
  const step = maxPayloadBytes - FU_HEADER_BYTES;
  const first = start + 1;
  for (let at = first; at < end; at += step) {
    const to = Math.min(at + step, end);
    const flags = (at === first ? FU_START : 0) | (to === end ? FU_END : 0);
    const prefix = (indicator << 8) | flags | (header & 0x1f);
    sink.onPayload(prefix, FU_HEADER_BYTES, data, at, to, marker && to === end);
  }
}
