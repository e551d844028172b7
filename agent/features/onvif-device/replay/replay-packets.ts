import { codecOf } from '../../../media/codecs.ts';
import { writeBye, writeSenderReport } from '../../../media/rtcp/write.ts';
import { RTP_HEADER_BYTES } from '../../../media/rtp/header.ts';
import { release } from '../../../media/sample/slab.ts';
import type { Track } from '../../../media/sample/track.ts';
import { FRAME_HEADER_BYTES, InterleavedWriter } from '../../../stream/interleaved-writer.ts';

/** RTP payload that fits an Ethernet frame with all headers, the extension among them. */
const PAYLOAD_BYTES = 1_400;
const EXTENSION = 0xabac;
/** Profile and length, NTP time, flags and CSeq. */
const EXTENSION_BYTES = 16;
/** Seconds from 1900 (NTP era 0) to 1970. */
const NTP_FROM_UNIX_S = 2_208_988_800;
const HAS_EXTENSION = 0x10;
const DOLLAR = 0x24;
const CNAME = 'perch';

/** Flags of the header extension. */
export const FLAG = {
  /** C: decoding can begin here. */
  clean: 0x80,
  /** E: the last before something is missing. */
  end: 0x40,
  /** D: what precedes this is missing, or was not sent. */
  discontinuity: 0x20,
  /** T: the last of its track. */
  terminal: 0x10,
} as const;

/** Writes units of recordings as interleaved frames; the first packet of each has the header extension of ONVIF's replay. */
export class ReplayPackets {
  readonly #writer: InterleavedWriter;
  /** RTP and RTCP channels by track. */
  readonly #channels: readonly (readonly [number, number] | undefined)[];

  constructor(tracks: readonly Track[], channels: readonly (readonly [number, number] | undefined)[]) {
    this.#writer = new InterleavedWriter(tracks);
    // RTP times are made by the caller.
    this.#writer.offsets.fill(0);
    this.#channels = channels;
  }

  /** Number of packets in the last chunk. */
  get packets(): number {
    return this.#writer.packets;
  }

  ssrcOf(track: number): number {
    return this.#writer.ssrcs[track] ?? 0;
  }

  /** Sequence number of the next packet. */
  sequenceOf(track: number): number {
    return this.#writer.sequences[track] ?? 0;
  }

  /**
   * The packets of one unit, contiguous; empty if the codec has none for it.
   * @param description of the unit; its parameter sets precede a key frame
   * @param rtpTime whole ticks, not wrapped
   * @throws PerchError unsupported if its RTP format cannot express the unit
   */
  write(
    track: number,
    description: Track,
    data: Uint8Array,
    { rtpTime, unixUs, flags, cseq }: { rtpTime: number; unixUs: number; flags: number; cseq: number },
  ): Uint8Array {
    const writer = this.#writer;
    const { packetize, packetizeParameters } = codecOf(description);
    writer.begin(track, rtpTime, data.length);
    if (flags & FLAG.clean) {
      packetizeParameters?.(description, PAYLOAD_BYTES, writer);
    }
    packetize?.(data, PAYLOAD_BYTES, true, writer);
    const chunk = writer.end();
    const frames = Buffer.allocUnsafe(chunk.length === 0 ? 0 : chunk.length + EXTENSION_BYTES);
    if (frames.length > 0) {
      const head = FRAME_HEADER_BYTES + RTP_HEADER_BYTES;
      chunk.copy(frames, 0, 0, head);
      frames.writeUInt16BE(frames.readUInt16BE(2) + EXTENSION_BYTES, 2);
      frames[FRAME_HEADER_BYTES] = (frames[FRAME_HEADER_BYTES] as number) | HAS_EXTENSION;
      writeExtension(frames, head, unixUs, flags, cseq);
      chunk.copy(frames, head + EXTENSION_BYTES, head);
      this.#setChannel(frames, track);
    }
    release(chunk);
    return frames;
  }

  /** A sender report with the recorded time. */
  report(track: number, unixUs: number, rtpTime: number): Uint8Array {
    const { sentPackets, sentPayloadBytes } = this.#writer;
    const [packets = 0, payloadBytes = 0] = [sentPackets[track], sentPayloadBytes[track]];
    const report = { ssrc: this.ssrcOf(track), unixMs: unixUs / 1000, ticks: rtpTime, packets, payloadBytes };
    return this.#control(track, writeSenderReport(report, CNAME));
  }

  bye(track: number): Uint8Array {
    return this.#control(track, writeBye(this.ssrcOf(track)));
  }

  #control(track: number, packet: Uint8Array): Uint8Array {
    const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + packet.length);
    frame[0] = DOLLAR;
    frame[1] = this.#channels[track]?.[1] ?? 0;
    frame.writeUInt16BE(packet.length, 2);
    frame.set(packet, FRAME_HEADER_BYTES);
    return frame;
  }

  #setChannel(frames: Buffer, track: number): void {
    const channel = this.#channels[track]?.[0] ?? 0;
    for (let at = 0; at < frames.length; at += FRAME_HEADER_BYTES + frames.readUInt16BE(at + 2)) {
      frames[at + 1] = channel;
    }
  }
}

/** ONVIF Streaming, RTP header extension: NTP time, C E D T, the low byte of CSeq. */
function writeExtension(out: Buffer, at: number, unixUs: number, flags: number, cseq: number): void {
  const seconds = Math.floor(unixUs / 1e6);
  out.writeUInt16BE(EXTENSION, at);
  out.writeUInt16BE((EXTENSION_BYTES - 4) / 4, at + 2);
  out.writeUInt32BE((seconds + NTP_FROM_UNIX_S) >>> 0, at + 4);
  out.writeUInt32BE(Math.floor(((unixUs - seconds * 1e6) / 1e6) * 2 ** 32) >>> 0, at + 8);
  out.writeUInt32BE(((flags << 24) | ((cseq & 0xff) << 16)) >>> 0, at + 12);
}
