import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { RTP_HEADER_BYTES } from '../../../media/rtp/header.ts';
import type { Stream } from '../../../stream/stream.ts';
import type {
  Delivery,
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
import { UdpDelivery } from './udp-delivery.ts';
import { UdpPorts } from './udp-ports.ts';

export class DatagramPlane implements MediaPlane {
  readonly #options: RtspServerOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #maxPayloadBytes: number;
  readonly #ports = new UdpPorts();
  readonly #multicast: Multicast | undefined;

  /** @throws PerchError if `multicastIPRange` is not a range of multicast addresses */
  constructor(options: RtspServerOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.#maxPayloadBytes = options.udpMaxPayloadSize - RTP_HEADER_BYTES;
    const { multicastIPRange: range, multicastRTPPort: rtpPort, multicastRTCPPort: rtcpPort } = options;
    this.#multicast = options.rtspTransports.includes('multicast')
      ? new Multicast({ range, rtpPort, rtcpPort }, clock, log)
      : undefined;
  }

  /** 0 while UDP is off. */
  get rtpPort(): number {
    return this.#ports.rtpPort;
  }

  get rtcpPort(): number {
    return this.#ports.rtcpPort;
  }

  /**
   * Opens the UDP ports. Until then readers and publishers over UDP are rejected.
   * @throws PerchError if a port is in use: none is open then, and a retry is possible
   */
  async listen(): Promise<void> {
    if (this.#options.rtspTransports.includes('udp')) {
      const { rtpAddress, rtcpAddress, udpReadBufferSize: readBufferBytes } = this.#options;
      await this.#ports.listen({ rtpAddress, rtcpAddress, readBufferBytes });
    }
  }

  /** Called after all sessions are closed. */
  async close(): Promise<void> {
    await this.#ports.close();
  }

  reader(kind: 'udp' | 'multicast', request: ReaderRequest): Delivery {
    return kind === 'udp'
      ? new UdpDelivery(request, this.#openPorts(), this.#maxPayloadBytes, this.#clock)
      : new MulticastDelivery(request, this.#openGroups(), this.#maxPayloadBytes);
  }

  publisher(kind: 'tcp' | 'udp', request: PublisherRequest): MediaReceiver {
    return new ReceivedMedia(request, kind === 'udp' ? this.#openPorts() : undefined, this.#clock, this.#log);
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
