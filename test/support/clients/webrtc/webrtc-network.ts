import { parseRtcp, type SenderInfo } from '../../../../agent/media/rtcp/parse.ts';
import { type PacketMemory, SLOT_BYTES } from '../../../../agent/native/packet-memory.ts';
import type { SecureLink } from '../../../../agent/transports/webrtc/link/session-media.ts';
import type { Transport } from '../../../../agent/transports/webrtc/link/transport.ts';
import { AES128_CM_HMAC_SHA1_80, type SrtpKeys } from '../../../../agent/transports/webrtc/srtp/srtp-keys.ts';

/** One RTP packet, by its header (RFC 3550 §5.1). */
export interface SentPacket {
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly bytes: number;
}

/** A sender report's mapping of time (RFC 3550 §6.4.1). */
export interface SentReport {
  readonly ssrc: number;
  /** Unix milliseconds. */
  readonly wallMs: number;
  readonly timestamp: number;
}

/** A transport to a viewer that accepts every packet until it is blocked, and keeps them. */
export class NotedNetwork implements Transport, SecureLink {
  readonly protocol = 'udp';
  readonly family = 'IPv4';
  readonly address = '192.0.2.1';
  readonly port = 5;
  readonly keys: SrtpKeys = {
    profile: AES128_CM_HMAC_SHA1_80,
    localKey: new Uint8Array(16),
    localSalt: new Uint8Array(14),
    remoteKey: new Uint8Array(16),
    remoteSalt: new Uint8Array(14),
  };
  readonly packets: SentPacket[] = [];
  readonly reports: SentReport[] = [];
  /** Compound RTCP packets. */
  rtcpPackets = 0;
  isCongested = false;

  get transport(): Transport {
    return this;
  }

  /** `ssrc:sequence number` of each packet. */
  get sent(): string[] {
    return this.packets.map(({ ssrc, sequence }) => `${ssrc}:${sequence}`);
  }

  send(bytes: Uint8Array, offset: number, length: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
    this.packets.push({
      ssrc: view.getUint32(8),
      sequence: view.getUint16(2),
      timestamp: view.getUint32(4),
      marker: view.getUint8(1) >> 7 === 1,
      bytes: length,
    });
  }

  sendPackets({ bytes, lengths }: PacketMemory, count: number): void {
    for (let i = 0; i < count; i += 1) {
      this.send(bytes, SLOT_BYTES * i, lengths[i] ?? 0);
    }
  }

  sendRtcp(compound: Uint8Array): number {
    this.rtcpPackets += 1;
    const onSenderReport = ({ ssrc, unixMs, timestamp }: SenderInfo): void => {
      this.reports.push({ ssrc, wallMs: Math.round(unixMs), timestamp });
    };
    parseRtcp(compound, 0, compound.length, { onSenderReport, onBye: () => {} });
    return compound.length;
  }

  admit(): void {}

  close(reason?: string): void {
    throw new Error(reason);
  }
}
