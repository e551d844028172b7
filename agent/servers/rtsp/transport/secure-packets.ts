import type { MikeyMessage } from '../../../media/mikey/message.ts';
import { AUTH_TAG_BYTES } from '../../../media/rtp/header.ts';
import type { InterleavedPackets } from '../../../stream/interleaved-packets.ts';
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES } from '../../../stream/interleaved-writer.ts';
import { PacketProtector } from '../../../transports/webrtc/srtp/cm-key-stream.ts';
import { createMasterKey, type MasterKey, mikeyOf, srtpKeys } from '../../../transports/webrtc/srtp/master-key.ts';
import { Srtcp } from '../../../transports/webrtc/srtp/srtcp.ts';

interface SecureTrack {
  readonly master: MasterKey;
  readonly rtp: PacketProtector;
  readonly rtcp: Srtcp;
}

const NOTHING: Buffer = Buffer.alloc(0);
const bySource = new WeakMap<InterleavedPackets, SecurePackets>();

/**
 * A stream's interleaved frames as SRTP, encrypted once for all readers. Each track has one key for the life of the stream, because SDP
 * announces it before there is a session. Placeholders may not be sent with it: they share sequence numbers with other packets.
 */
export class SecurePackets {
  readonly #packets: InterleavedPackets;
  readonly #tracks: readonly SecureTrack[];
  /** The latest chunk and its frames: readers get the same chunk one after the other. */
  #chunk = NOTHING;
  #frames = NOTHING;

  static of(packets: InterleavedPackets): SecurePackets {
    const known = bySource.get(packets) ?? new SecurePackets(packets);
    bySource.set(packets, known);
    return known;
  }

  private constructor(packets: InterleavedPackets) {
    this.#packets = packets;
    this.#tracks = packets.stream.tracks.map(() => {
      const master = createMasterKey();
      const rtcp = new Srtcp(srtpKeys(master, master));
      return { master, rtp: new PacketProtector(master.key, master.salt), rtcp };
    });
  }

  /** @param wallMs now */
  messageOf(track: number, wallMs: number): MikeyMessage {
    const { master } = this.#tracks[track] as SecureTrack;
    const stream = { ssrc: this.#packets.ssrcOf(track), rollOverCounter: this.#packets.rollOverCounterOf(track) };
    return mikeyOf(master, [stream], wallMs);
  }

  /** @param chunk of `packets` frames; those without room for the tag are left out @returns memory of its own, shared by the readers */
  encrypt(chunk: Buffer, track: number, packets: number): Buffer {
    if (chunk === this.#chunk) {
      return this.#frames;
    }
    const { rtp } = this.#tracks[track] as SecureTrack;
    const frames = Buffer.allocUnsafe(chunk.length + packets * AUTH_TAG_BYTES);
    let to = 0;
    for (let at = 0, length = 0; at < chunk.length; at += FRAME_HEADER_BYTES + length) {
      length = chunk.readUInt16BE(at + 2);
      const secureLength = length + AUTH_TAG_BYTES;
      if (secureLength > MAX_FRAME_BYTES) {
        continue;
      }
      frames[to] = chunk[at] as number;
      frames[to + 1] = chunk[at + 1] as number;
      frames.writeUInt16BE(secureLength, to + 2);
      const start = to + FRAME_HEADER_BYTES;
      chunk.copy(frames, start, at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + length);
      const index = this.#packets.packetIndexOf(track, frames.readUInt16BE(start + 2));
      rtp.protect(frames.subarray(start, start + secureLength), index);
      to = start + secureLength;
    }
    this.#chunk = chunk;
    this.#frames = frames.subarray(0, to);
    return this.#frames;
  }

  /** @param report an RTCP packet, without frame */
  encryptReport(report: Uint8Array, track: number): Buffer {
    return (this.#tracks[track] as SecureTrack).rtcp.protect(report);
  }
}
