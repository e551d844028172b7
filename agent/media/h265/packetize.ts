import { type FragmentNal, packetizeNals, packetizeSets, writeFragments } from '../payload/nal-packetizer.ts';
import type { PayloadSink } from '../payload/packetizer.ts';
import type { H265Track } from '../sample/track.ts';

const AGGREGATION_PACKET = 48;
const FRAGMENTATION_UNIT = 49;
const FU_HEADER_BYTES = 3;

/** RFC 7798: a NAL unit that fits is a single NAL unit packet (§4.4.1), a larger one is sent as fragmentation units (§4.4.3). The marker is on the last payload of the access unit. */
export function packetizeH265(data: Uint8Array, maxPayloadBytes: number, isLast: boolean, sink: PayloadSink): void {
  packetizeNals(data, maxPayloadBytes, isLast, sink, fragment);
}

/** The parameter sets, in one aggregation packet (§4.4.2) of layer 0 and the lowest temporal id if they fit. */
export function packetizeH265Parameters(track: H265Track, maxPayloadBytes: number, sink: PayloadSink): void {
  packetizeSets([AGGREGATION_PACKET << 1, 1], [track.vps, track.sps, ...track.pps], maxPayloadBytes, sink);
}

const fragment: FragmentNal = (data, start, end, maxPayloadBytes, marker, sink) => {
  const header = data[start] as number;
  const type = (header >> 1) & 0x3f;
  const payloadHeader = (((header & 0x81) | (FRAGMENTATION_UNIT << 1)) << 8) | (data[start + 1] as number);
  const prefix = (payloadHeader << 8) | type;
  writeFragments(prefix, FU_HEADER_BYTES, data, start + 2, end, maxPayloadBytes, marker, sink);
};
