import type { PayloadSink } from '../packetizer.ts';
import { isKeptObu, Leb128, OBU, OBU_EXTENSION, OBU_HAS_SIZE, obuType } from './obu.ts';

const CONTINUES = 0x80;
const IS_CONTINUED = 0x40;
/** W: one OBU element, which needs no size. */
const ONE_ELEMENT = 0x10;
const STARTS_SEQUENCE = 0x08;

// Read and used up within one call.
const size = new Leb128();

/**
 * "RTP Payload Format For AV1" §4.4: one OBU element in each packet, an OBU or a fragment of one, without its size field.
 * The marker is on the last payload of the temporal unit; N on the first of one that begins with a sequence header.
 */
export function packetizeAv1(data: Uint8Array, maxPayloadBytes: number, isLast: boolean, sink: PayloadSink): void {
  let sequenceFlag = STARTS_SEQUENCE;
  for (let at = 0; at < data.length; ) {
    const header = data[at] as number;
    const hasExtension = (header & OBU_EXTENSION) !== 0;
    if (!size.read(data, at + (hasExtension ? 2 : 1), data.length)) {
      return;
    }
    const [payload, end] = [size.next, Math.min(size.next + size.value, data.length)];
    const bare = header & ~OBU_HAS_SIZE;
    const obuHeader = hasExtension ? (bare << 8) | (data[at + 1] as number) : bare;
    const type = obuType(header);
    if (isKeptObu(type)) {
      const flags = ONE_ELEMENT | (type === OBU.sequenceHeader ? sequenceFlag : 0);
      fragment(data, payload, end, obuHeader, hasExtension ? 2 : 1, flags, maxPayloadBytes, isLast, sink);
      sequenceFlag = 0;
    }
    at = end;
  }
}

function fragment(
  data: Uint8Array,
  start: number,
  end: number,
  obuHeader: number,
  obuHeaderBytes: number,
  flags: number,
  maxPayloadBytes: number,
  isLast: boolean,
  sink: PayloadSink,
): void {
  // The OBU's own header is part of its first fragment.
  let headerBytes = obuHeaderBytes;
  let at = start;
  do {
    const to = Math.min(at + maxPayloadBytes - 1 - headerBytes, end);
    const isFirst = headerBytes > 0;
    const edges = (isFirst ? 0 : CONTINUES) | (to < end ? IS_CONTINUED : 0);
    const first = (isFirst ? flags : ONE_ELEMENT) | edges;
    const prefix = isFirst ? first * 2 ** (8 * headerBytes) + obuHeader : first;
    sink.onPayload(prefix, 1 + headerBytes, data, at, to, isLast && to === end && end === data.length);
    headerBytes = 0;
    at = to;
  } while (at < end);
}
