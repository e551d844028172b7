import { PerchError } from '../../../base/errors.ts';
import type { Transport } from '../../../media/rtsp/transport.ts';
import type { MediaOwner } from './media-plane.ts';
import type { UdpPeer, UdpPorts } from './udp-ports.ts';

interface PacketSink {
  rtp(media: number, chunk: Uint8Array, start: number, end: number): void;
  rtcp(media: number, chunk: Uint8Array, start: number, end: number): void;
  onReplaced(): void;
}

/** Receives a publisher's packets and sends reports back. */
export interface PublisherTransport {
  /** @returns the response's Transport @throws PerchError `unsupported` if the request cannot be met */
  setUp(media: number, wanted: Transport): Transport;
  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void;
  sendRtcp(media: number, packet: Uint8Array): void;
  close(): void;
}

const CHANNELS = 256;
const NO_MEDIA = -1;
const FRAME_HEADER_BYTES = 4;
const DOLLAR = 0x24;

/** Interleaved, RFC 2326 §10.12. */
export class TcpPublisherTransport implements PublisherTransport {
  readonly #owner: MediaOwner;
  readonly #sink: PacketSink;
  /** Media by channel: twice the number of the medium, plus one for RTCP. */
  readonly #byChannel = new Int16Array(CHANNELS).fill(NO_MEDIA);
  readonly #rtcpChannels = new Map<number, number>();

  constructor(owner: MediaOwner, sink: PacketSink) {
    this.#owner = owner;
    this.#sink = sink;
  }

  setUp(media: number, wanted: Transport): Transport {
    const [rtp, rtcp] = wanted.interleaved ?? [2 * media, 2 * media + 1];
    if (rtp === rtcp || this.#byChannel[rtp] !== NO_MEDIA || this.#byChannel[rtcp] !== NO_MEDIA) {
      throw new PerchError('unsupported', `interleaved channels ${rtp}-${rtcp} are in use`);
    }
    this.#byChannel[rtp] = 2 * media;
    this.#byChannel[rtcp] = 2 * media + 1;
    this.#rtcpChannels.set(media, rtcp);
    return { protocol: 'tcp', isSecure: wanted.isSecure, isMulticast: false, interleaved: [rtp, rtcp], mode: 'record' };
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    const target = this.#byChannel[channel] ?? NO_MEDIA;
    if (target === NO_MEDIA) {
      return;
    }
    if ((target & 1) === 0) {
      this.#sink.rtp(target >> 1, chunk, start, end);
    } else {
      this.#sink.rtcp(target >> 1, chunk, start, end);
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

/** A pair of UDP ports per medium. */
export class UdpPublisherTransport implements PublisherTransport {
  readonly #ports: UdpPorts;
  readonly #ip: string;
  readonly #sink: PacketSink;
  readonly #peers = new Map<number, { readonly peer: UdpPeer; readonly rtcpPort: number }>();

  constructor(ports: UdpPorts, ip: string, sink: PacketSink) {
    this.#ports = ports;
    this.#ip = ip;
    this.#sink = sink;
  }

  setUp(media: number, wanted: Transport): Transport {
    const { clientPort, isSecure } = wanted;
    if (!clientPort) {
      throw new PerchError('unsupported', 'RTP over UDP without client_port');
    }
    const sink = this.#sink;
    const peer: UdpPeer = {
      owner: sink,
      onRtp: (datagram) => sink.rtp(media, datagram, 0, datagram.length),
      onRtcp: (datagram) => sink.rtcp(media, datagram, 0, datagram.length),
      onReplaced: () => sink.onReplaced(),
    };
    this.#ports.register(this.#ip, clientPort, peer);
    this.#peers.set(media, { peer, rtcpPort: clientPort[1] });
    const serverPort = [this.#ports.rtpPort, this.#ports.rtcpPort] as const;
    return { protocol: 'udp', isSecure, isMulticast: false, clientPort, serverPort, mode: 'record' };
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
      this.#ports.unregister(peer);
    }
    this.#peers.clear();
  }
}
