import { randomInt } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { canonicalIp } from '../../../base/network/ip-address.ts';
import type { HeaderField } from '../../../media/rtsp/message.ts';
import { firstSequence, type RtpInfo } from '../../../media/rtsp/rtp-info.ts';
import type { Pair, Transport as TransportHeader } from '../../../media/rtsp/transport.ts';
import type { SdpMedia } from '../../../media/sdp/parse.ts';
import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import type { Address } from '../../../transports/rtsp/request/address.ts';
import type { RtspConnection } from '../../../transports/rtsp/request/connection.ts';
import type { MethodClient, SetUpAnswer } from '../../../transports/rtsp/request/method-client.ts';
import { ownIps } from '../../../transports/udp/multicast.ts';
import { EarlyPackets } from './early-packets.ts';
import { Interleaved } from './interleaved.ts';
import { SecureSession, type SecureTrack } from './secure-session.ts';
import type { RtpSender, TrackTransport } from './track-transport.ts';
import { TRANSPORT_NAME, type Transport, TransportRefused } from './transport-choice.ts';
import { joinGroup, openPair, type UdpOptions, type UdpPair } from './udp-ports.ts';
import { type RemoteEnd, UdpTrackTransport } from './udp-track-transport.ts';

/** Status codes of rejections for other reasons than the transport. */
const OTHER_REASONS = [401, 403, 404, 453, 454, 503];
const UNSUPPORTED_TRANSPORT = 461;
/** RFC 7826 §17.4.33. */
const KEY_MANAGEMENT_FAILURE = 463;
const PLAIN = { isSecure: false, isMulticast: false } as const;

/** The transports of one session: SETUP of each track, and the camera's answer. */
export class TrackTransports {
  readonly all: TrackTransport[] = [];
  /** URI of SETUP for each. */
  readonly #uris: string[] = [];
  /** SSRC of Perch's reports. */
  readonly ssrc = randomInt(1, 2 ** 32);
  readonly #connection: RtspConnection;
  readonly #client: MethodClient;
  readonly #host: string;
  readonly #isTls: boolean;
  readonly #options: UdpOptions;
  readonly #clock: Clock;
  readonly #early = new EarlyPackets();
  readonly #interleaved: Interleaved;
  /** SRTP of the session; undefined before the first track with it. */
  #secure: SecureSession | undefined;
  /** The camera takes the keys of its media from us. */
  #takesOurKeys = false;

  constructor(
    connection: RtspConnection,
    client: MethodClient,
    { host, isSecure }: Pick<Address, 'host' | 'isSecure'>,
    options: UdpOptions,
    clock: Clock,
  ) {
    this.#connection = connection;
    this.#client = client;
    this.#host = host;
    this.#isTls = isSecure;
    this.#options = options;
    this.#clock = clock;
    this.#interleaved = new Interleaved(connection, this.#early);
  }

  /**
   * SETUP of one track.
   * @param uri its control URL
   * @param media its description: SRTP is requested for RTP/SAVP over TLS, which protects the keys; nothing else may leave TLS
   * @param at its place among the tracks, for channels: several requests may wait for their replies
   * @throws TransportRefused when the camera does not send by this transport
   */
  async add(
    receiver: TrackReceiver,
    uri: string,
    transport: Transport,
    media: SdpMedia,
    at = this.all.length,
  ): Promise<void> {
    const secured = this.#isTls && offersSrtp(media) ? media : undefined;
    this.all.push(await this.#open(receiver, uri, transport, secured, channelsOf(at)));
    this.#uris.push(uri);
  }

  /** PLAY was answered. Packets are kept until then. */
  begin(infos: readonly RtpInfo[]): void {
    this.#punch();
    for (const [i, { receiver }] of this.all.entries()) {
      receiver.begin(firstSequence(infos, this.#uris[i] ?? '', i, this.all.length));
    }
    this.#early.answer(this.#clock.monoMs());
  }

  /** Called at regular intervals. @param nowMs monotonic */
  tick(nowMs: number): void {
    this.#early.tick(nowMs);
    for (const transport of this.all) {
      transport.tick(nowMs);
    }
  }

  /**
   * Called before the first `add`: if some media lack SRTP, all media stay within TLS.
   * @throws TransportRefused
   */
  checkSecrecy(medias: readonly SdpMedia[], transport: Transport): void {
    const plain = this.#isTls && transport !== 'tcp' ? medias.find((media) => !offersSrtp(media)) : undefined;
    if (plain) {
      const { name } = this.#options;
      const message = `camera of path '${name}' does not encrypt its ${plain.kind} (${plain.protocol}, not RTP/SAVP)`;
      throw new TransportRefused(new PerchError('unsupported', message, { path: name }), false);
    }
  }

  /**
   * SETUP of a track to the camera. Its channels follow those of all received tracks.
   * @throws TransportRefused, PerchError
   */
  async addSender(uri: string, transport: Transport, fields: readonly HeaderField[]): Promise<RtpSender> {
    if (transport !== 'tcp') {
      return this.#openUdpSender(uri, fields);
    }
    const asked = channelsOf(this.all.length);
    const answered = await this.#setup(uri, { ...PLAIN, protocol: 'tcp', interleaved: asked }, 'tcp', fields);
    const [channel] = answered.interleaved ?? asked;
    return { send: (packet) => this.#connection.sendFrame(channel, packet), close: () => {} };
  }

  /** All tracks are set up. */
  open(): void {
    this.#connection.frames = this.#interleaved;
    this.#early.setUp(this.#clock.monoMs());
    this.#punch();
  }

  #punch(): void {
    for (const transport of this.all) {
      transport.punch?.();
    }
  }

  close(): void {
    this.#connection.frames = undefined;
    for (const transport of this.all) {
      transport.close();
    }
  }

  /** @param secured its description, for SRTP */
  async #open(
    receiver: TrackReceiver,
    uri: string,
    transport: Transport,
    secured: SdpMedia | undefined,
    channels: Pair,
  ): Promise<TrackTransport> {
    switch (transport) {
      case 'tcp':
        return secured ? this.#openSecure(receiver, uri, secured, channels) : this.#openTcp(receiver, uri, channels);
      case 'udp':
        return this.#openUdp(receiver, uri, secured, channels);
      case 'multicast': {
        const wanted = { isSecure: secured !== undefined, protocol: 'udp', isMulticast: true } as const;
        const { answered, secure } = await this.#setupMedia(uri, wanted, transport, secured, receiver);
        return answered.protocol === 'tcp'
          ? this.#taken(receiver, answered, channels, secure)
          : this.#join(receiver, answered, secure);
      }
    }
  }

  /**
   * SETUP of a received track, with SRTP where `secured` describes it.
   * @throws TransportRefused, also for plain RTP outside of the connection, where SRTP was requested
   */
  async #setupMedia(
    uri: string,
    wanted: TransportHeader,
    transport: Transport,
    secured: SdpMedia | undefined,
    receiver: TrackReceiver,
  ): Promise<{ readonly answered: SetUpAnswer; readonly secure?: SecureTrack }> {
    if (!secured) {
      return { answered: await this.#setup(uri, wanted, transport, [], receiver) };
    }
    const session = this.#secureSession();
    let answered: SetUpAnswer;
    try {
      answered = await this.#setup(uri, wanted, transport, [['KeyMgmt', session.keyMgmt(uri)]], receiver);
    } catch (error) {
      const { cause } = error instanceof TransportRefused ? error : { cause: error };
      const status = cause instanceof PerchError ? cause.context['status'] : undefined;
      if (status !== KEY_MANAGEMENT_FAILURE || this.#takesOurKeys) {
        throw error;
      }
      this.#takesOurKeys = true;
      return this.#setupMedia(uri, wanted, transport, secured, receiver);
    }
    if (answered.isSecure) {
      return { answered, secure: session.trackOf(secured.key, answered.keyMgmt) };
    }
    if (answered.protocol === 'tcp') {
      return { answered };
    }
    const message = `camera of path '${this.#options.name}' wants to send unencrypted media outside of TLS`;
    throw new TransportRefused(new PerchError('unsupported', message, { path: this.#options.name }), true);
  }

  /** One for all tracks, but one for each where its key encrypts media: tracks may have the same SSRC. */
  #secureSession(): SecureSession {
    if (this.#takesOurKeys) {
      return new SecureSession(this.ssrc, this.#clock.wallMs(), true);
    }
    this.#secure ??= new SecureSession(this.ssrc, this.#clock.wallMs(), false);
    return this.#secure;
  }

  async #openTcp(receiver: TrackReceiver, uri: string, channels: Pair): Promise<TrackTransport> {
    this.#connection.frames = this.#interleaved;
    const answered = await this.#setup(uri, { ...PLAIN, protocol: 'tcp', interleaved: channels }, 'tcp', [], receiver);
    // Plain RTP/AVP without a port does not mean UDP (Escam Q6).
    if (answered.protocol === 'udp' && (answered.isMulticast || answered.clientPort || answered.serverPort)) {
      const { name, rtspTransport } = this.#options;
      const whose = rtspTransport === 'tcp' ? `, path '${name}' requires TCP` : ' although TCP was requested';
      const message = `camera wants to send over UDP${whose}`;
      throw new TransportRefused(new PerchError('unsupported', message, { path: name }), true);
    }
    return this.#taken(receiver, answered, channels);
  }

  /** SRTP within the connection. */
  async #openSecure(receiver: TrackReceiver, uri: string, media: SdpMedia, channels: Pair): Promise<TrackTransport> {
    this.#connection.frames = this.#interleaved;
    const wanted = { protocol: 'tcp', isSecure: true, isMulticast: false, interleaved: channels } as const;
    const { answered, secure } = await this.#setupMedia(uri, wanted, 'tcp', media, receiver);
    return this.#taken(receiver, answered, channels, secure);
  }

  async #openUdp(
    receiver: TrackReceiver,
    uri: string,
    secured: SdpMedia | undefined,
    channels: Pair,
  ): Promise<TrackTransport> {
    const ip = this.#cameraIp;
    const pair = await openPair(ip, this.#options, this.#clock);
    let transport: TrackTransport | undefined;
    try {
      const clientPort = [pair.rtp.port, pair.rtcp.port] as const;
      const wanted = { isSecure: secured !== undefined, isMulticast: false, protocol: 'udp', clientPort } as const;
      const { answered, secure } = await this.#setupMedia(uri, wanted, 'udp', secured, receiver);
      if (answered.protocol === 'udp' && !answered.isMulticast) {
        const isAnyPort = this.#options.rtspAnyPort ?? false;
        const remoteEnd = { ...this.#remoteEnd(ip, answered), ports: answered.serverPort, isAnyPort };
        transport = new UdpTrackTransport(
          receiver,
          pair,
          'UDP',
          remoteEnd,
          this.ssrc,
          this.#connection,
          this.#early,
          secure,
        );
        return transport;
      }
      // Some NVRs ignore the requested transport.
      return answered.protocol === 'tcp'
        ? this.#taken(receiver, answered, channels, secure)
        : await this.#join(receiver, answered, secure);
    } finally {
      if (!transport) {
        closePair(pair);
      }
    }
  }

  async #openUdpSender(uri: string, fields: readonly HeaderField[]): Promise<RtpSender> {
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
      const { sendTo } = this.#remoteEnd(ip, answered);
      const host = sendTo[0] ?? ip;
      return { send: (packet) => pair.rtp.send(packet, port, host), close: () => closePair(pair) };
    } catch (error) {
      closePair(pair);
      throw error;
    }
  }

  /** The camera sends within the connection. */
  #taken(
    receiver: TrackReceiver,
    { interleaved }: TransportHeader,
    [asked]: Pair,
    secure?: SecureTrack,
  ): TrackTransport {
    return this.#interleaved.trackTransport(receiver, interleaved, asked, secure);
  }

  /** The camera sends to a group. */
  async #join(
    receiver: TrackReceiver,
    answered: TransportHeader,
    secure: SecureTrack | undefined,
  ): Promise<TrackTransport> {
    const { name } = this.#options;
    const ports = answered.port ?? answered.serverPort ?? answered.clientPort;
    if (!answered.isMulticast || answered.destination === undefined || !ports) {
      const message = `camera names no multicast group and port for path '${name}'`;
      throw new TransportRefused(new PerchError('unsupported', message, { path: name }), true);
    }
    const ip = this.#cameraIp;
    const source = canonicalIp(answered.source ?? '');
    const ttl = Math.min(answered.ttl ?? 1, 16) || 1;
    const group = { ip: answered.destination, ports, ttl, source };
    const pair = await joinGroup(ip, group, this.#options, this.#clock);
    // A camera on this box sends to groups from any address of ours.
    const own = ownIps();
    const { ips } = this.#remoteEnd(ip, answered);
    const remoteEnd: RemoteEnd = {
      ips: own.includes(ip) ? [...ips, ...own] : ips,
      sendTo: [answered.destination],
      ports,
      isAnyPort: true,
    };
    return new UdpTrackTransport(
      receiver,
      pair,
      'UDP-multicast',
      remoteEnd,
      this.ssrc,
      this.#connection,
      this.#early,
      secure,
    );
  }

  #remoteEnd(ip: string, { source }: TransportHeader): Pick<RemoteEnd, 'ips' | 'sendTo'> {
    // The host with its zone, where the address has one.
    const sendTo = [isIP(this.#host) === 0 ? ip : this.#host];
    const other = canonicalIp(source ?? '');
    // Some cameras have a host name, 0.0.0.0 or an address behind their router here.
    return other === undefined || other === ip
      ? { ips: [ip], sendTo }
      : { ips: [ip, other], sendTo: [...sendTo, other] };
  }

  get #cameraIp(): string {
    const ip = this.#connection.remoteIp;
    if (ip === undefined) {
      const message = `path '${this.#options.name}' cannot use UDP: the camera's address is unknown`;
      throw new PerchError('unsupported', message, { path: this.#options.name });
    }
    return ip;
  }

  async #setup(
    uri: string,
    wanted: TransportHeader,
    transport: Transport,
    fields: readonly HeaderField[] = [],
    receiver?: TrackReceiver,
  ): Promise<SetUpAnswer> {
    try {
      const answered = await this.#client.setup(uri, wanted, fields);
      receiver?.announce(answered.ssrc);
      return answered;
    } catch (error) {
      const status = error instanceof PerchError ? error.context['status'] : undefined;
      if (!(error instanceof PerchError) || typeof status !== 'number' || OTHER_REASONS.includes(status)) {
        throw error;
      }
      if (status === UNSUPPORTED_TRANSPORT) {
        const { name, rtspTransport } = this.#options;
        const whose = rtspTransport === transport ? `, which path '${name}' requires` : '';
        const message = `camera refuses ${TRANSPORT_NAME[transport]} (461)${whose}`;
        throw new TransportRefused(new PerchError('unsupported', message, error.context), false);
      }
      throw new TransportRefused(error, false);
    }
  }
}

const channelsOf = (at: number): Pair => [2 * at, 2 * at + 1];

const offersSrtp = ({ protocol }: SdpMedia): boolean => /^RTP\/SAVP/i.test(protocol);

function closePair({ rtp, rtcp }: UdpPair): void {
  rtp.close();
  rtcp.close();
}
