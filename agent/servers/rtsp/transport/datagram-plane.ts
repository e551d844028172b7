import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { MikeyMessage } from '../../../media/mikey/message.ts';
import { InterleavedPackets, maxPayloadBytesOf } from '../../../stream/interleaved-packets.ts';
import type { Stream } from '../../../stream/stream.ts';
import type {
  Delivery,
  DeliveryOptions,
  MediaPlane,
  MediaReceiver,
  MulticastAddress,
  PublisherRequest,
  ReaderRequest,
} from './media-plane.ts';
import { Multicast } from './multicast.ts';
import { MulticastDelivery } from './multicast-delivery.ts';
import type { RtspServerOptions } from './options.ts';
import { ReceivedMedia } from './received-media.ts';
import { SecurePackets } from './secure-packets.ts';
import { UdpDelivery } from './udp-delivery.ts';
import { type PortKeys, UdpPorts } from './udp-ports.ts';

const KEYS: Readonly<Record<'plain' | 'secure', PortKeys>> = {
  plain: { rtp: 'rtpAddress', rtcp: 'rtcpAddress' },
  secure: { rtp: 'srtpAddress', rtcp: 'srtcpAddress' },
};

/** UDP ports and multicast groups of the RTSP server. */
export class DatagramPlane implements MediaPlane {
  readonly #options: RtspServerOptions;
  readonly #keys: PortKeys;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #delivery: DeliveryOptions;
  readonly #ports = new UdpPorts();
  readonly #multicast: Multicast | undefined;

  /**
   * @param kind `secure`: SRTP, for RTSPS
   * @throws PerchError if `multicastIPRange` is not a range of multicast addresses
   */
  constructor(options: RtspServerOptions, clock: Clock, log: Logger, kind: 'plain' | 'secure' = 'plain') {
    const isSecure = kind === 'secure';
    this.#options = options;
    this.#keys = KEYS[kind];
    this.#clock = clock;
    this.#log = log;
    this.#delivery = { maxPayloadBytes: maxPayloadBytesOf(options), isSecure };
    const { multicastIPRange: range } = options;
    const rtpPort = isSecure ? options.multicastSRTPPort : options.multicastRTPPort;
    const rtcpPort = isSecure ? options.multicastSRTCPPort : options.multicastRTCPPort;
    this.#multicast = options.rtspTransports.includes('multicast')
      ? new Multicast({ range, rtpPort, rtcpPort }, clock, log)
      : undefined;
  }

  /** UDP port of RTP; 0 while UDP is off. */
  get rtpPort(): number {
    return this.#ports.rtpPort;
  }

  get rtcpPort(): number {
    return this.#ports.rtcpPort;
  }

  /**
   * Opens the UDP ports, unless they are open. Until then readers and publishers over UDP are rejected.
   * @throws PerchError if a port is in use: none is open then, and a retry is possible
   */
  async listen(): Promise<void> {
    if (this.#options.rtspTransports.includes('udp') && !this.#ports.isOpen) {
      const [keys, readBufferBytes] = [this.#keys, this.#options.udpReadBufferSize];
      const [rtpAddress, rtcpAddress] = [this.#options[keys.rtp], this.#options[keys.rtcp]];
      await this.#ports.listen({ keys, rtpAddress, rtcpAddress, readBufferBytes });
    }
  }

  /** Called after all sessions are closed. */
  async close(): Promise<void> {
    await this.#ports.close();
  }

  reader(kind: 'udp' | 'multicast', request: ReaderRequest): Delivery {
    return kind === 'udp'
      ? new UdpDelivery(request, this.#openPorts(), this.#delivery, this.#clock)
      : new MulticastDelivery(request, this.#openGroups(), this.#delivery);
  }

  publisher(kind: 'tcp' | 'udp', request: PublisherRequest): MediaReceiver {
    return new ReceivedMedia(request, kind === 'udp' ? this.#openPorts() : undefined, this.#clock, this.#log);
  }

  keysOf(stream: Stream): readonly MikeyMessage[] | undefined {
    const { maxPayloadBytes, isSecure } = this.#delivery;
    if (!isSecure) {
      return undefined;
    }
    const packets = SecurePackets.of(InterleavedPackets.of(stream, maxPayloadBytes, this.#clock));
    return stream.tracks.map((_, track) => packets.messageOf(track, this.#clock.wallMs()));
  }

  multicastAddress(stream: Stream): MulticastAddress {
    return this.#openGroups().addressOf(stream);
  }

  #openPorts(): UdpPorts {
    if (!this.#ports.isOpen) {
      throw new PerchError('unsupported', 'RTP over UDP is off');
    }
    return this.#ports;
  }

  #openGroups(): Multicast {
    if (!this.#multicast) {
      throw new PerchError('unsupported', 'multicast is off');
    }
    return this.#multicast;
  }
}
