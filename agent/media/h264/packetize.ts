import { type FragmentNal, packetizeNals, packetizeSets, writeFragments } from '../payload/nal-packetizer.ts';
import type { PayloadSink } from '../payload/packetizer.ts';
import type { H264Track } from '../sample/track.ts';

const STAP_A = 24;
const FU_A = 28;
const FU_HEADER_BYTES = 2;

/**
 * RFC 6184 packetization mode 1: a NAL unit that fits is a single NAL unit packet (§5.6), a larger one is sent as FU-A fragments (§5.8).
 * The marker is on the last payload of the access unit (§5.1).
 */
export function packetizeH264(data: Uint8Array, maxPayloadBytes: number, isLast: boolean, sink: PayloadSink): void {
  packetizeNals(data, maxPayloadBytes, isLast, sink, fragment);
}

/** The parameter sets, in one STAP-A (§5.7.1) if they fit. */
export function packetizeH264Parameters(track: H264Track, maxPayloadBytes: number, sink: PayloadSink): void {
  const sets = [track.sps, ...track.pps];
  // NRI is the highest of the aggregated NAL units (§5.7).
  const nri = sets.reduce((highest, set) => Math.max(highest, (set[0] ?? 0) & 0x60), 0);
  packetizeSets([nri | STAP_A], sets, maxPayloadBytes, sink);
}

const fragment: FragmentNal = (data, start, end, maxPayloadBytes, marker, sink) => {
  const header = data[start] as number;
  const prefix = (((header & 0xe0) | FU_A) << 8) | (header & 0x1f);
  writeFragments(prefix, FU_HEADER_BYTES, data, start + 1, end, maxPayloadBytes, marker, sink);
};
