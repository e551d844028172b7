import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { PreLoginMemory } from '../../base/network/pre-login-memory.ts';
import type { ConnectionHooks, RtspReplays, SessionAccess } from '../../protocols/contract.ts';
import { maxPayloadBytesOf } from '../../stream/interleaved-packets.ts';
import type { ListenerOptions } from '../../transports/tcp/listener.ts';
import { RtspEndpoint } from './endpoint.ts';
import type { RtspPaths } from './session/contracts.ts';
import type { SharedServer } from './session/request-handler.ts';
import { PLAIN, type RtspKinds, SECURE } from './session/session-kinds.ts';
import { SessionTable } from './session/session-table.ts';
import type { MediaPlane } from './transport/media-plane.ts';
import type { RtspServerOptions } from './transport/options.ts';
import { TcpDelivery } from './transport/tcp-delivery.ts';

/**
 * FFmpeg's library: `Lavf59.27.100`, `FFmpeg Frigate/0.17.2`, `go2rtc/ffmpeg`. Its requests have no other mark. Other
 * readers must not get placeholders: GStreamer's muxers write them to the file, and H.264's Main and High profiles
 * allow no redundant pictures (§A.2.2, §A.2.4).
 */
const LIBAVFORMAT = /^Lavf|ffmpeg/i;

/** UDP ports and multicast groups, separate for RTSP (plain RTP) and RTSPS (SRTP). */
interface MediaPlanes {
  readonly plain: MediaPlane;
  readonly secure: MediaPlane;
}

/** The RTSP server, RFC 2326: the endpoints of RTSP and RTSPS. */
export class RtspServer {
  readonly rtsp: RtspEndpoint;
  readonly rtsps: RtspEndpoint;
  readonly #options: RtspServerOptions;
  readonly #paths: RtspPaths;
  readonly #access: SessionAccess;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #media: MediaPlanes;
  readonly #connections: ConnectionHooks | undefined;
  readonly #preLogin: PreLoginMemory | undefined;
  readonly #replays: (() => RtspReplays | undefined) | undefined;
  #stopTicking: (() => void) | undefined;

  /** @param media closed with the server */
  constructor(
    options: RtspServerOptions,
    paths: RtspPaths,
    access: SessionAccess,
    clock: Clock,
    log: Logger,
    media: MediaPlanes,
    connections?: ConnectionHooks,
    preLogin?: PreLoginMemory,
    replays?: () => RtspReplays | undefined,
  ) {
    this.#options = options;
    this.#paths = paths;
    this.#access = access;
    this.#clock = clock;
    this.#log = log;
    this.#media = media;
    this.#connections = connections;
    this.#preLogin = preLogin;
    this.#replays = replays;
    const { rtspAddress, rtspsAddress, rtspServerKey: key, rtspServerCert: cert, ownPair, sni } = options;
    const common = { protocol: 'RTSP', trustedProxies: options.rtspTrustedProxies } as const;
    this.rtsp = this.#createEndpoint(PLAIN, { ...common, key: 'rtspAddress', address: rtspAddress });
    const tls = { key, cert, sni, ...(ownPair === undefined ? {} : { own: ownPair }) };
    this.rtsps = this.#createEndpoint(SECURE, { ...common, key: 'rtspsAddress', address: rtspsAddress, tls });
  }

  /** @throws PerchError if an address cannot be bound, or key and certificate are unusable; nothing is open then */
  async listen(): Promise<void> {
    const { rtspEncryption: encryption } = this.#options;
    const endpoints = [...(encryption === 'strict' ? [] : [this.rtsp]), ...(encryption === 'no' ? [] : [this.rtsps])];
    try {
      for (const endpoint of endpoints) {
        await endpoint.listen();
      }
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#stopTicking = this.#clock.eachSecond(() => {
      const nowMs = this.#clock.monoMs();
      this.rtsp.tick(nowMs);
      this.rtsps.tick(nowMs);
    });
    const ports = { ...portOf('rtsp', this.rtsp), ...portOf('rtsps', this.rtsps) };
    this.#log.info(ports, 'RTSP server is open');
  }

  /** Closes sessions and connections, then ports. @param reason for the log */
  async close(reason = 'the server is closing'): Promise<void> {
    this.#stopTicking?.();
    await Promise.all([this.rtsp.close(reason), this.rtsps.close(reason)]);
    await Promise.all([this.#media.plain.close(), this.#media.secure.close()]);
  }

  #createEndpoint(kinds: RtspKinds, listener: ListenerOptions): RtspEndpoint {
    const { rtspTransports, rtspAuthMethods, readTimeoutMs, writeTimeoutMs, writeQueueSize } = this.#options;
    const isSecure = listener.tls !== undefined;
    const media = isSecure ? this.#media.secure : this.#media.plain;
    const clock = this.#clock;
    const tcp = { writeQueueSize, maxPayloadBytes: maxPayloadBytesOf(this.#options) };
    const shared: SharedServer = {
      kinds,
      transports: { kinds: rtspTransports, isSecure },
      authMethods: rtspAuthMethods,
      readTimeoutMs,
      paths: this.#paths,
      ...(this.#replays && { replays: this.#replays }),
      access: this.#access,
      sessions: new SessionTable(clock, this.#log),
      media,
      createDelivery: (kind, session, stream) => {
        const { target, connection, userAgent } = session.options;
        const wantsPlaceholders = LIBAVFORMAT.test(userAgent);
        const request = { name: target.name, stream, ip: connection.ip, wantsPlaceholders, owner: session };
        return kind === 'tcp' ? new TcpDelivery(request, connection, tcp, clock) : media.reader(kind, request);
      },
      createReceiver: (kind, session, medias) => {
        const { target, connection } = session.options;
        return media.publisher(kind, { name: target.name, medias, ip: connection.ip, owner: session });
      },
      clock,
      preLogin: this.#preLogin,
    };
    const timeouts = { readMs: readTimeoutMs, writeMs: writeTimeoutMs };
    return new RtspEndpoint(listener, shared, timeouts, clock, this.#log, this.#connections);
  }
}

const portOf = (name: string, { port }: RtspEndpoint): Record<string, number> => (port === 0 ? {} : { [name]: port });
