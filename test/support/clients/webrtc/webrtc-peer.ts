import { RtpHeader, SrtpSession } from 'werift';
import { packetizeVp8 } from '../../../../agent/media/vp8/packetize.ts';
import { SLOT_BYTES } from '../../../../agent/native/packet-memory.ts';
import type { SecureLink, SessionEnd } from '../../../../agent/transports/webrtc/link/session-media.ts';
import type { Transport } from '../../../../agent/transports/webrtc/link/transport.ts';
import { AES128_CM_HMAC_SHA1_80, type SrtpKeys } from '../../../../agent/transports/webrtc/srtp/srtp-keys.ts';
import { payloadsOf } from '../../media/units.ts';

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const SALT = Buffer.from('a0a1a2a3a4a5a6a7a8a9aaabacad', 'hex');
const KEYS: SrtpKeys = {
  profile: AES128_CM_HMAC_SHA1_80,
  localKey: KEY,
  localSalt: SALT,
  remoteKey: KEY,
  remoteSalt: SALT,
};

/** A transport to a peer without a network: keeps the sent packets, and the reason of its end. */
export class RecordingLink implements SecureLink {
  readonly keys = KEYS;
  /** SRTP. */
  readonly packets: Buffer[] = [];
  /** RTCP, not encrypted. */
  readonly reports: Buffer[] = [];
  closedWhy: string | undefined;
  end: SessionEnd | undefined;
  readonly transport: Transport = {
    protocol: 'udp',
    family: 'IPv4',
    address: '192.0.2.1',
    port: 5,
    isCongested: false,
    send: (bytes, offset, length) => this.packets.push(Buffer.from(bytes.slice(offset, offset + length))),
    sendPackets: ({ bytes, lengths }, count) => {
      for (let i = 0; i < count; i += 1) {
        this.transport.send(bytes, SLOT_BYTES * i, lengths[i] ?? 0);
      }
    },
    admit: () => {},
    close: () => {},
  };

  sendRtcp(compound: Uint8Array): number {
    this.reports.push(Buffer.from(compound));
    return compound.length;
  }

  close(reason: string, end: SessionEnd = 'forNow'): void {
    this.closedWhy ??= reason;
    this.end ??= end;
  }

  /** Datagrams sent since the last call: the types of their packets, with formats or counts. */
  takeKinds(): string[] {
    return this.reports.splice(0).map((datagram) => {
      const kinds: string[] = [];
      for (let at = 0; at < datagram.length; at += 4 * (datagram.readUInt16BE(at + 2) + 1)) {
        kinds.push(`${datagram[at + 1]}/${(datagram[at] as number) & 0x1f}`);
      }
      return kinds.join(' ');
    });
  }

  /** Takes the RTCP packets of a type and format (RFC 4585 §6.1) sent since the last call. */
  take(type: number, format: number): Buffer[] {
    const isWanted = (packet: Buffer): boolean => packet[1] === type && ((packet[0] as number) & 0x1f) === format;
    const taken = this.reports.filter(isWanted);
    const rest = this.reports.filter((packet) => !isWanted(packet));
    this.reports.splice(0, this.reports.length, ...rest);
    return taken;
  }

  takePlis = (): number => this.take(206, 1).length;

  /** Requested sequence numbers. */
  takeNacked(): number[] {
    return this.take(205, 1).flatMap((packet) => {
      const asked: number[] = [];
      for (let at = 12; at < packet.length; at += 4) {
        const first = packet.readUInt16BE(at);
        const mask = packet.readUInt16BE(at + 2);
        asked.push(first);
        for (let bit = 0; bit < 16; bit += 1) {
          if ((mask >> bit) & 1) {
            asked.push((first + bit + 1) & 0xffff);
          }
        }
      }
      return asked;
    });
  }
}

/** One stream of a sender: another implementation encrypts it. */
export class RtpSource {
  readonly ssrc: number;
  readonly payloadType: number;
  sequence: number;
  readonly #srtp: SrtpSession;

  constructor(payloadType: number, ssrc: number, firstSequence = 1_000) {
    this.payloadType = payloadType;
    this.ssrc = ssrc;
    this.sequence = firstSequence;
    const keys = { localMasterKey: KEY, localMasterSalt: SALT, remoteMasterKey: KEY, remoteMasterSalt: SALT };
    this.#srtp = new SrtpSession({ keys, profile: KEYS.profile });
  }

  /** The next packet. */
  packet(timestamp: number, payload: Uint8Array, marker = false): Buffer {
    const header = new RtpHeader({
      version: 2,
      payloadType: this.payloadType,
      sequenceNumber: this.sequence,
      timestamp: timestamp >>> 0,
      ssrc: this.ssrc,
      marker,
    });
    this.sequence = (this.sequence + 1) & 0xffff;
    return Buffer.from(this.#srtp.encrypt(Buffer.from(payload), header));
  }

  /** A retransmission, RFC 4588. */
  repair(sequence: number, timestamp: number, payload: Uint8Array, marker: boolean): Buffer {
    return this.packet(timestamp, Buffer.concat([Buffer.from([sequence >> 8, sequence & 0xff]), payload]), marker);
  }

  /** The packets of a VP8 frame. */
  frame(
    timestamp: number,
    frame: Uint8Array,
  ): { sequence: number; payload: Uint8Array; marker: boolean; bytes: Buffer }[] {
    return payloadsOf((sink) => packetizeVp8(frame, 1_000, true, sink)).map(({ bytes: payload, marker }) => {
      const { sequence } = this;
      return { sequence, payload, marker, bytes: this.packet(timestamp, payload, marker) };
    });
  }
}

/** A VP8 frame of 320x240, its header only; `number` distinguishes frames. */
export function vp8Frame(number: number, key: boolean, bytes = 2_500): Uint8Array {
  const frame = new Uint8Array(bytes).fill(number);
  frame.set(key ? [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00] : [0x11, 0, 0]);
  return frame;
}
