import { randomInt } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { canonicalIp } from '../../../base/ip-address.ts';
import type { HeaderField } from '../../../media/rtsp/message.ts';
import type { Transport } from '../../../media/rtsp/transport.ts';
import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import type { RtspConnection } from '../request/connection.ts';
import type { Dialogue } from '../request/dialogue.ts';
import { Interleaved } from './interleaved.ts';
import type { Lane, Outlet } from './track-transport.ts';
import { TRANSPORT_OF, TransportRefused, type Way } from './transport-choice.ts';
import { joinGroup, openPair, ownIps, type UdpOptions, type UdpPair } from './udp-ports.ts';
import { type FarEnd, UdpLane } from './udp-track-transport.ts';

/** Refusals that have nothing to do with how the media are to come: of the user, the address, the number of viewers, the moment. */
const OTHER_REASONS = [401, 403, 404, 453, 454, 503];
const UNSUPPORTED_TRANSPORT = 461;
const PLAIN = { isSecure: false, isMulticast: false } as const;
const MAX_TTL = 16;

/** The lanes of one session: how each track is asked for, and what the camera makes of it. */
export class Lanes {
  readonly all: Lane[] = [];
  /** Of our reports. */
  readonly ssrc = randomInt(1, 2 ** 32);
  readonly #connection: RtspConnection;
  readonly #dialogue: Dialogue;
  readonly #host: string;
  readonly #options: UdpOptions;
  readonly #clock: Clock;
  readonly #interleaved: Interleaved;

  /** @param host of the camera's address */
  constructor(connection: RtspConnection, dialogue: Dialogue, host: string, options: UdpOptions, clock: Clock) {
    this.#connection = connection;
    this.#dialogue = dialogue;
    this.#host = host;
    this.#options = options;
    this.#clock = clock;
    this.#interleaved = new Interleaved(connection);
  }

  /**
   * SETUP of one track.
   * @param uri its control URL
   * @throws TransportRefused when the camera does not send in this way
   */
  async add(receiver: TrackReceiver, uri: string, way: Way): Promise<void> {
    this.all.push(await this.#open(receiver, uri, way));
  }

  /**
   * SETUP of a track on which we send. Its channels come after those of all that we receive.
   * @throws TransportRefused, PerchError
   */
  async addOutlet(uri: string, way: Way, fields: readonly HeaderField[]): Promise<Outlet> {
    if (way !== 'tcp') {
      return this.#openUdpOutlet(uri, fields);
    }
    const asked = this.#nextChannels;
    const answered = await this.#setup(uri, { ...PLAIN, protocol: 'tcp', interleaved: asked }, 'tcp', fields);
    const [channel] = answered.interleaved ?? asked;
    return { send: (packet) => this.#connection.sendFrame(channel, packet), close: () => {} };
  }

  /** Nothing is handed on before all tracks are set up. */
  open(): void {
    this.#connection.frames = this.#interleaved;
    this.#interleaved.open();
    for (const lane of this.all) {
      lane.open();
    }
  }

  close(): void {
    this.#connection.frames = undefined;
    for (const lane of this.all) {
      lane.close();
    }
  }

  async #open(receiver: TrackReceiver, uri: string, way: Way): Promise<Lane> {
    switch (way) {
      case 'tcp':
        return this.#openTcp(receiver, uri);
      case 'udp':
        return this.#openUdp(receiver, uri);
      case 'multicast': {
        const answered = await this.#setup(uri, { ...PLAIN, protocol: 'udp', isMulticast: true }, way);
        return answered.protocol === 'tcp' ? this.#taken(receiver, answered) : this.#join(receiver, answered);
      }
    }
  }

  async #openTcp(receiver: TrackReceiver, uri: string): Promise<Lane> {
    this.#connection.frames = this.#interleaved;
    const answered = await this.#setup(uri, { ...PLAIN, protocol: 'tcp', interleaved: this.#nextChannels }, 'tcp');
    // Plain RTP/AVP without any port is no wish for UDP (Escam Q6).
    if (answered.protocol === 'udp' && (answered.isMulticast || answered.clientPort || answered.serverPort)) {
      const { name, rtspTransport } = this.#options;
      const whose = rtspTransport === 'tcp' ? `, path '${name}' asks for TCP` : ' where TCP was asked for';
      const message = `camera wants to send over UDP${whose}`;
      throw new TransportRefused(new PerchError('unsupported', message, { path: name }), true);
    }
    return this.#taken(receiver, answered);
  }

  async #openUdp(receiver: TrackReceiver, uri: string): Promise<Lane> {
    const ip = this.#cameraIp;
    const pair = await openPair(ip, this.#options, this.#clock);
    let lane: Lane | undefined;
    try {
      const clientPort = [pair.rtp.port, pair.rtcp.port] as const;
      const answered = await this.#setup(uri, { ...PLAIN, protocol: 'udp', clientPort }, 'udp');
      if (answered.protocol === 'udp' && !answered.isMulticast) {
        const isAnyPort = this.#options.rtspAnyPort ?? false;
        const farEnd = { ...this.#farEnd(ip, answered), ports: answered.serverPort, isAnyPort };
        lane = new UdpLane(receiver, pair, 'UDP', farEnd, this.ssrc, this.#connection);
        return lane;
      }
      // Some NVRs do not ask how one would like to have it.
      return answered.protocol === 'tcp' ? this.#taken(receiver, answered) : await this.#join(receiver, answered);
    } finally {
      if (!lane) {
        closePair(pair);
      }
    }
  }

  async #openUdpOutlet(uri: string, fields: readonly HeaderField[]): Promise<Outlet> {
    const ip = this.#cameraIp;
    const pair = await openPair(ip, this.#options, this.#clock);
    try {
      const clientPort = [pair.rtp.port, pair.rtcp.port] as const;
      const answered = await this.#setup(uri, { ...PLAIN, protocol: 'udp', clientPort }, 'udp', fields);
      const port = answered.protocol === 'udp' ? answered.serverPort?.[0] : undefined;
      if (port === undefined) {
        const message = `camera of path '${this.#options.name}' names no port to send to`;
        throw new PerchError('unsupported', message, { path: this.#options.name });
      }
      const { sendTo } = this.#farEnd(ip, answered);
      const host = sendTo[0] ?? ip;
      return { send: (packet) => pair.rtp.send(packet, port, host), close: () => closePair(pair) };
    } catch (error) {
      closePair(pair);
      throw error;
    }
  }

  /** The camera sends within the connection. */
  #taken(receiver: TrackReceiver, { interleaved }: Transport): Lane {
    return this.#interleaved.lane(receiver, interleaved, this.#nextChannels[0]);
  }

  /** The camera sends to a group. */
  async #join(receiver: TrackReceiver, answered: Transport): Promise<Lane> {
    const { name } = this.#options;
    const ports = answered.port ?? answered.serverPort ?? answered.clientPort;
    if (!answered.isMulticast || answered.destination === undefined || !ports) {
      const message = `camera names no multicast group and port for path '${name}'`;
      throw new TransportRefused(new PerchError('unsupported', message, { path: name }), true);
    }
    const ip = this.#cameraIp;
    const source = canonicalIp(answered.source ?? '');
    const ttl = Math.min(answered.ttl ?? 1, MAX_TTL) || 1;
    const group = { ip: answered.destination, ports, ttl, source };
    const pair = await joinGroup(ip, group, this.#options, this.#clock);
    // A camera on this machine sends to groups from whichever address of ours.
    const own = ownIps();
    const { ips } = this.#farEnd(ip, answered);
    const farEnd: FarEnd = {
      ips: own.includes(ip) ? [...ips, ...own] : ips,
      sendTo: [answered.destination],
      ports,
      isAnyPort: true,
    };
    return new UdpLane(receiver, pair, 'UDP-multicast', farEnd, this.ssrc, this.#connection);
  }

  #farEnd(ip: string, { source }: Transport): Pick<FarEnd, 'ips' | 'sendTo'> {
    // With its zone, where the address has one.
    const sendTo = [isIP(this.#host) === 0 ? ip : this.#host];
    const other = canonicalIp(source ?? '');
    // There are cameras that write a host name, 0.0.0.0 or an address of behind their router here.
    return other === undefined || other === ip
      ? { ips: [ip], sendTo }
      : { ips: [ip, other], sendTo: [...sendTo, other] };
  }

  get #cameraIp(): string {
    const ip = this.#connection.remoteIp;
    if (ip === undefined) {
      const message = `path '${this.#options.name}' cannot have UDP beside a connection whose other end is not known`;
      throw new PerchError('unsupported', message, { path: this.#options.name });
    }
    return ip;
  }

  get #nextChannels(): readonly [number, number] {
    const channel = 2 * this.all.length;
    return [channel, channel + 1];
  }

  async #setup(uri: string, wanted: Transport, way: Way, fields: readonly HeaderField[] = []): Promise<Transport> {
    try {
      return await this.#dialogue.setup(uri, wanted, fields);
    } catch (error) {
      const status = error instanceof PerchError ? error.context['status'] : undefined;
      if (!(error instanceof PerchError) || typeof status !== 'number' || OTHER_REASONS.includes(status)) {
        throw error;
      }
      if (status === UNSUPPORTED_TRANSPORT) {
        const { name, rtspTransport } = this.#options;
        const whose = rtspTransport === way ? `, which path '${name}' asks for` : '';
        const message = `camera refuses ${TRANSPORT_OF[way]} (461)${whose}`;
        throw new TransportRefused(new PerchError('unsupported', message, error.context), false);
      }
      throw new TransportRefused(error, false);
    }
  }
}

function closePair({ rtp, rtcp }: UdpPair): void {
  rtp.close();
  rtcp.close();
}
