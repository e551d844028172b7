// RTCP feedback, RFC 4585 §6.1: version (2), padding, format (5), type (8), length in words minus one (16), our SSRC, theirs.
const TRANSPORT_FEEDBACK = 205;
const PAYLOAD_FEEDBACK = 206;
const GENERIC_NACK = 1;
const APPLICATION_LAYER = 15;
const HEADER_BYTES = 12;
const MASK_BITS = 16;
/** "REMB", draft-alvestrand-rmcat-remb §2.2. */
const REMB = 0x52454d42;
const MANTISSA_BITS = 18;

/** Generic NACK, RFC 4585 §6.2.1. @param sequences the first `count`, in order */
export function writeNack(ssrc: number, mediaSsrc: number, sequences: Uint16Array, count: number): Buffer {
  const items: number[] = [];
  let named = 0;
  for (let i = 0; i < count; i += 1) {
    const sequence = sequences[i] as number;
    const behind = (sequence - named) & 0xffff;
    if (items.length > 0 && behind > 0 && behind <= MASK_BITS) {
      items[items.length - 1] = (items[items.length - 1] as number) | (1 << (behind - 1));
    } else {
      named = sequence;
      items.push(sequence * 0x1_0000);
    }
  }
  const packet = feedback(TRANSPORT_FEEDBACK, GENERIC_NACK, ssrc, mediaSsrc, 4 * items.length);
  for (const [i, item] of items.entries()) {
    packet.writeUInt32BE(item >>> 0, HEADER_BYTES + 4 * i);
  }
  return packet;
}

/** REMB for these sources together. */
export function writeEstimate(ssrc: number, bitsPerSecond: number, mediaSsrcs: readonly number[]): Buffer {
  const packet = feedback(PAYLOAD_FEEDBACK, APPLICATION_LAYER, ssrc, 0, 8 + 4 * mediaSsrcs.length);
  const bits = Math.floor(Math.log2(Math.max(1, bitsPerSecond))) + 1;
  const exponent = Math.max(0, bits - MANTISSA_BITS);
  packet.writeUInt32BE(REMB, HEADER_BYTES);
  packet[HEADER_BYTES + 4] = mediaSsrcs.length;
  packet.writeUIntBE(exponent * 2 ** MANTISSA_BITS + Math.floor(bitsPerSecond / 2 ** exponent), HEADER_BYTES + 5, 3);
  for (const [i, source] of mediaSsrcs.entries()) {
    packet.writeUInt32BE(source, HEADER_BYTES + 8 + 4 * i);
  }
  return packet;
}

function feedback(type: number, format: number, ssrc: number, mediaSsrc: number, bodyBytes: number): Buffer {
  const packet = Buffer.alloc(HEADER_BYTES + bodyBytes);
  packet[0] = 0x80 | format;
  packet[1] = type;
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
  packet.writeUInt32BE(ssrc, 4);
  packet.writeUInt32BE(mediaSsrc, 8);
  return packet;
}
