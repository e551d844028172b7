import { PerchError } from '../../../base/errors.ts';
import type { Transport } from '../../../media/rtsp/transport.ts';
import type { MediaOwner } from './media-plane.ts';
import type { UdpPeer, UdpPorts } from './udp-ports.ts';

/** What a publisher's packets are handed to. */
export interface PacketTaker {
  rtp(media: number, chunk: Uint8Array, start: number, end: number): void;
  rtcp(media: number, chunk: Uint8Array, start: number, end: number): void;
  onReplaced(): void;
}

/** How a publisher's packets come, and how our reports go back. */
export interface PublisherPath {
  /** @returns the answer's Transport; @throws PerchError `unsupported` when the wish cannot be fulfilled */
  setUp(media: number, wanted: Transport): Transport;
  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void;
  sendRtcp(media: number, packet: Uint8Array): void;
  close(): void;
}

const CHANNELS = 256;
const NOBODY = -1;
const FRAME_HEADER_BYTES = 4;
const DOLLAR = 0x24;

/** Through the session's connection, RFC 2326 §10.12. */
export class TcpPublisherPath implements PublisherPath {
  readonly #owner: MediaOwner;
  readonly #taker: PacketTaker;
  /** By channel: twice the number of the medium, and one more on channels of RTCP. */
  readonly #byChannel = new Int16Array(CHANNELS).fill(NOBODY);
  readonly #rtcpChannels = new Map<number, number>();

  constructor(owner: MediaOwner, taker: PacketTaker) {
    this.#owner = owner;
    this.#taker = taker;
  }

  setUp(media: number, wanted: Transport): Transport {
    const [rtp, rtcp] = wanted.interleaved ?? [2 * media, 2 * media + 1];
    if (rtp === rtcp || this.#byChannel[rtp] !== NOBODY || this.#byChannel[rtcp] !== NOBODY) {
      throw new PerchError('unsupported', `interleaved channels ${rtp}-${rtcp} are taken`);
    }
    this.#byChannel[rtp] = 2 * media;
    this.#byChannel[rtcp] = 2 * media + 1;
    this.#rtcpChannels.set(media, rtcp);
    return { protocol: 'tcp', isSecure: false, isMulticast: false, interleaved: [rtp, rtcp], mode: 'record' };
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    const target = this.#byChannel[channel] ?? NOBODY;
    if (target === NOBODY) {
      return;
    }
    if ((target & 1) === 0) {
      this.#taker.rtp(target >> 1, chunk, start, end);
    } else {
      this.#taker.rtcp(target >> 1, chunk, start, end);
    }
  }

  sendRtcp(media: number, packet: Uint8Array): void {
    const channel = this.#rtcpChannels.get(media);
    if (channel !== undefined) {
      const frame = new Uint8Array(FRAME_HEADER_BYTES + packet.length);
      frame.set([DOLLAR, channel, packet.length >> 8, packet.length & 0xff]);
      frame.set(packet, FRAME_HEADER_BYTES);
      this.#owner.writeFrames(frame);
    }
  }

  close(): void {}
}

/** From two UDP ports of the publisher for each medium. */
export class UdpPublisherPath implements PublisherPath {
  readonly #ports: UdpPorts;
  readonly #ip: string;
  readonly #taker: PacketTaker;
  readonly #peers = new Map<number, { readonly peer: UdpPeer; readonly rtcpPort: number }>();

  constructor(ports: UdpPorts, ip: string, taker: PacketTaker) {
    this.#ports = ports;
    this.#ip = ip;
    this.#taker = taker;
  }

  setUp(media: number, wanted: Transport): Transport {
    const { clientPort } = wanted;
    if (!clientPort) {
      throw new PerchError('unsupported', 'RTP over UDP without client_port');
    }
    const taker = this.#taker;
    const peer: UdpPeer = {
      owner: taker,
      onRtp: (datagram) => taker.rtp(media, datagram, 0, datagram.length),
      onRtcp: (datagram) => taker.rtcp(media, datagram, 0, datagram.length),
      onReplaced: () => taker.onReplaced(),
    };
    this.#ports.register(this.#ip, clientPort, peer);
    this.#peers.set(media, { peer, rtcpPort: clientPort[1] });
    const serverPort = [this.#ports.rtpPort, this.#ports.rtcpPort] as const;
    return { protocol: 'udp', isSecure: false, isMulticast: false, clientPort, serverPort, mode: 'record' };
  }

  onFrame(): void {}

  sendRtcp(media: number, packet: Uint8Array): void {
    const port = this.#peers.get(media)?.rtcpPort;
    if (port !== undefined) {
      this.#ports.sendRtcp(packet, 0, packet.length, port, this.#ip);
    }
  }

  close(): void {
    for (const { peer } of this.#peers.values()) {
      this.#ports.forget(peer);
    }
    this.#peers.clear();
  }
}
