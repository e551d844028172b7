import { randomInt } from 'node:crypto';
import type { PayloadSink } from '../media/payload/packetizer.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../media/rtp/header.ts';
import { copyBytes } from '../media/sample/copy-bytes.ts';
import { hold, release, SlabPool } from '../media/sample/slab.ts';
import type { Track } from '../media/sample/track.ts';
import { payloadTypeOf } from '../media/sdp/write.ts';

/** `$`, channel, length of what follows (16 bits): RFC 2326 §10.12. */
export const FRAME_HEADER_BYTES = 4;
const DOLLAR = 0x24;
const OVERHEAD_BYTES = FRAME_HEADER_BYTES + RTP_HEADER_BYTES;
/** Limit of the length field. */
export const MAX_FRAME_BYTES = 0xffff;
/** Only parameter sets and packets of unknown formats, which are not fragmented, exceed it. */
const MAX_PAYLOAD_BYTES = MAX_FRAME_BYTES - RTP_HEADER_BYTES;

/** Typical chunks in a slab: allocating for each small audio frame would cost more than the frame. */
const CHUNKS_PER_SLAB = 16;
/** Extra room is 1/32 of the data: headers are 1.3 % of full packets; the rest is for parameter sets and small NAL units. */
const EXTRA_SHIFT = 5;
const EXTRA_BYTES = 512;
/** A loop copies this many bytes or fewer faster. */
const SMALL_COPY_BYTES = 48;
const NO_SLAB: Buffer = Buffer.alloc(0);

/**
 * Writes the RTP packets of samples as interleaved frames on the track's RTP channel (twice the track's number), contiguous in memory
 * that is not overwritten before it is released (`media/sample/slab.ts`).
 */
export class InterleavedWriter implements PayloadSink {
  /** Number of packets in the current chunk. */
  packets = 0;
  /** Packets and payload bytes since the start, by track, for sender reports. */
  readonly sentPackets: Float64Array;
  readonly sentPayloadBytes: Float64Array;
  readonly ssrcs: Uint32Array;
  /** Sequence number of the next packet, by track; begins at random (RFC 3550 §5.1). */
  readonly sequences: Uint16Array;
  /** Offset of RTP time, by track: RTP time is pts plus this, modulo 2^32. */
  readonly offsets: Uint32Array;
  readonly #payloadTypes: Uint8Array;
  readonly #pool = new SlabPool();
  #slab = NO_SLAB;
  #start = 0;
  #tail = 0;
  #typicalBytes = 0;
  // Track number and RTP time of the current sample.
  #track = 0;
  #timestamp = 0;

  constructor(tracks: readonly Track[]) {
    this.sentPackets = new Float64Array(tracks.length);
    this.sentPayloadBytes = new Float64Array(tracks.length);
    this.ssrcs = Uint32Array.from(tracks, () => randomInt(1, 2 ** 32));
    this.sequences = Uint16Array.from(tracks, () => randomInt(0, 2 ** 16));
    this.offsets = Uint32Array.from(tracks, () => randomInt(0, 2 ** 32));
    this.#payloadTypes = Uint8Array.from(tracks, payloadTypeOf);
  }

  /** RTP time of a pts, 32 bits. */
  rtpTimeOf(track: number, pts: number): number {
    return (pts + (this.offsets[track] as number)) >>> 0;
  }

  /** @param dataBytes size of the sample; the chunk is slightly larger */
  begin(track: number, pts: number, dataBytes: number): void {
    this.#track = track;
    this.#timestamp = this.rtpTimeOf(track, pts);
    this.packets = 0;
    // Drops frames of a sample whose packetizing failed.
    this.#tail = this.#start;
    const expectedBytes = dataBytes + (dataBytes >> EXTRA_SHIFT) + EXTRA_BYTES;
    if (expectedBytes > this.#slab.length - this.#tail) {
      this.#useSlab(expectedBytes);
    }
  }

  onPayload(prefix: number, prefixBytes: number, data: Uint8Array, start: number, end: number, marker: boolean): void {
    const track = this.#track;
    const payloadBytes = prefixBytes + end - start;
    if (payloadBytes > MAX_PAYLOAD_BYTES) {
      return;
    }
    if (OVERHEAD_BYTES + payloadBytes > this.#slab.length - this.#tail) {
      this.#useSlab(2 * (this.#tail - this.#start + OVERHEAD_BYTES + payloadBytes));
    }
    const slab = this.#slab;
    let at = this.#tail;
    const frameBytes = RTP_HEADER_BYTES + payloadBytes;
    slab[at] = DOLLAR;
    slab[at + 1] = 2 * track;
    slab[at + 2] = frameBytes >> 8;
    slab[at + 3] = frameBytes;
    at += FRAME_HEADER_BYTES;
    const sequence = this.sequences[track] as number;
    const type = this.#payloadTypes[track] as number;
    writeRtpHeader(slab, at, marker, type, sequence, this.#timestamp, this.ssrcs[track] as number);
    at += RTP_HEADER_BYTES;
    for (let shift = 8 * (prefixBytes - 1); shift >= 0; shift -= 8) {
      slab[at] = prefix >>> shift;
      at += 1;
    }
    if (end - start <= SMALL_COPY_BYTES) {
      for (let from = start; from < end; from += 1, at += 1) {
        slab[at] = data[from] as number;
      }
    } else {
      copyBytes(data, start, end, slab, at);
      at += end - start;
    }
    this.#tail = at;
    this.packets += 1;
    // A 16-bit array wraps like the sequence.
    this.sequences[track] = sequence + 1;
    this.sentPackets[track] = (this.sentPackets[track] as number) + 1;
    this.sentPayloadBytes[track] = (this.sentPayloadBytes[track] as number) + payloadBytes;
  }

  /** The frames since `begin`, contiguous, with one hold on them. */
  end(): Buffer {
    const chunk = this.#slab.subarray(this.#start, this.#tail);
    hold(chunk);
    this.#start = this.#tail;
    this.#typicalBytes += (chunk.length - this.#typicalBytes) / 8;
    return chunk;
  }

  /** Continues in a new slab; copies the current chunk. */
  #useSlab(neededBytes: number): void {
    const usual = Math.min(Math.max(this.#typicalBytes * CHUNKS_PER_SLAB, 16 << 10), 1 << 20);
    const slabBytes = 2 ** Math.ceil(Math.log2(Math.max(usual, neededBytes)));
    // A Buffer, because sockets would make one for each write.
    const slab = Buffer.from(this.#pool.take(slabBytes).buffer);
    const written = this.#slab.subarray(this.#start, this.#tail);
    slab.set(written);
    release(this.#slab);
    this.#slab = slab;
    this.#start = 0;
    this.#tail = written.length;
  }
}

/** Copies a chunk, which is shared, and sets another channel. */
export function withChannel(chunk: Buffer, channel: number): Buffer {
  const copy = Buffer.allocUnsafe(chunk.length);
  copy.set(chunk);
  for (
    let at = 0;
    at < copy.length;
    at += FRAME_HEADER_BYTES + (((copy[at + 2] as number) << 8) | (copy[at + 3] as number))
  ) {
    copy[at + 1] = channel;
  }
  return copy;
}
