import { X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { writeInvitation } from '../../../auth/pairing/invitation-text.ts';
import { Invitations } from '../../../auth/pairing/invitations.ts';
import { linkPinOf } from '../../../auth/pairing/linked-boxes.ts';
import { pinOfBus } from '../../../auth/pairing/message-signature.ts';
import type { PairedServers, ServerItem, ServerRights } from '../../../auth/pairing/paired-servers.ts';
import { SignedRequests } from '../../../auth/pairing/signed-requests.ts';
import { PerchError } from '../../../base/errors.ts';
import { isLoopbackIp } from '../../../base/network/ip-address.ts';
import { parseAddress } from '../../../config/values/address.ts';
import { remotePathOf } from '../../../config/values/remote-path.ts';
import type { KnownCameras } from '../../../http/api/accounts/server-terms.ts';
import { ServerConnections } from '../../../http/auth/signed-requests.ts';
import { acceptWebSocket } from '../../../http/listener/accept-web-socket.ts';
import { WebSocketChannel } from '../../../media/websocket/channel.ts';
import { pinFault, pinOf } from '../../../tls/pin.ts';
import type { Host, OwnHttps } from '../../contract.ts';

/** The default name, which many boxes have. */
const COMMON_NAME = 'perch';

type PairingHost = Pick<
  Host,
  'version' | 'clock' | 'log' | 'config' | 'settings' | 'servers' | 'boxLinks' | 'paths' | 'name' | 'https' | 'rtspFor'
>;

/** The box's side of a pairing: invites servers and serves their requests. */
export class Pairing {
  readonly servers: PairedServers;
  readonly invitations: Invitations<ServerRights>;
  readonly signatures: SignedRequests;
  readonly connections = new ServerConnections();
  readonly #host: PairingHost;

  constructor(host: PairingHost) {
    const { servers, clock, log } = host;
    this.#host = host;
    this.servers = servers;
    this.invitations = new Invitations(clock, log);
    this.signatures = new SignedRequests(servers, (...name) => this.#isOwnName(...name), clock);
    servers.onReduced((id, isGone) => {
      if (isGone) {
        this.signatures.forget(id);
      } else {
        this.connections.endReduced(id, (action, path) => servers.find(id)?.may(action, path) === true);
      }
    });
  }

  get cameras(): KnownCameras {
    return this.#host;
  }

  /** The text of an invitation. @param origin of the owner's page @throws PerchError badInput without https */
  invitationOf(secret: string, origin: string): string {
    const https = this.#host.https();
    if (!https) {
      throw new PerchError('badInput', 'pairing needs https, which is off (tlsAddress)', { why: 'noHttps' });
    }
    const { hostname: host } = new URL(origin);
    const pin = pinOf(https.cert, https.authority);
    return writeInvitation({ addresses: this.#addresses(https, host), pin, secret });
  }

  /** The facts about this box for a paired server. */
  factsFor({ id, name: _, cameras: __, createdMs, seenMs, ...rights }: ServerItem): object {
    const https = this.#host.https();
    const { boxName } = this.#host.config();
    return {
      id: this.servers.boxId,
      name: boxName === COMMON_NAME || boxName === '' ? hostname() || COMMON_NAME : boxName,
      version: this.#host.version,
      time: this.#host.clock.wallMs(),
      addresses: https ? this.#addresses(https) : [],
      ...rights,
      cameras: this.#camerasFor(id),
    };
  }

  /** Answers pings on the connection of a WebSocket request. @throws PerchError */
  servePings(request: FastifyRequest, reply: FastifyReply): void {
    const channel = acceptWebSocket(request, reply);
    if (channel) {
      const link = new WebSocketChannel(channel, undefined);
      // The connection carries pings only: a message ends it.
      link.sink = { onBytes: () => link.destroy(), onEnd: () => {} };
      // A paired server pings every 5 s.
      request.raw.socket.setTimeout(60_000, () => link.destroy());
      channel.start();
    }
  }

  /** Serves RTSP on the connection of a WebSocket request. @throws PerchError */
  serveRtsp(server: string, request: FastifyRequest, reply: FastifyReply): void {
    const adopt = this.#host.rtspFor(server);
    if (!adopt) {
      throw new PerchError(
        'unavailable',
        'the RTSP server of this box is off (rtsp), which live video of a paired server needs',
      );
    }
    const channel = acceptWebSocket(request, reply);
    if (channel) {
      adopt(new WebSocketChannel(channel, undefined));
      channel.start();
    }
  }

  #isOwnName(box: string, connection: object | undefined): boolean {
    const [id, named = ''] = box.split('/');
    const https = this.#host.https();
    const { ownKey, bus } = this.#host.boxLinks;
    const ofBus = pinOfBus(named);
    if ((ofBus !== undefined) !== bus.hasReceived(connection)) {
      return false;
    }
    const pin = ofBus ?? named;
    const isOwnPin =
      (https !== undefined && !pinFault(new X509Certificate(https.cert), pin)) ||
      (ownKey !== undefined && pin === linkPinOf(ownKey));
    return id === this.servers.boxId && isOwnPin;
  }

  /** Cameras that this box itself shows from other boxes are not passed on. */
  #camerasFor(id: string): object[] {
    const { config, paths } = this.#host;
    const server = this.servers.find(id);
    const may = (path: string) => server?.may('read', path) || server?.may('playback', path);
    const isRemote = (name: string) => remotePathOf(config().paths.get(name)?.settings?.source ?? '') !== undefined;
    return paths
      .list()
      .filter(({ name, confName }) => may(name) && !isRemote(confName))
      .slice(0, 500)
      .map(({ name, title, tracks }) => ({ path: name, name: title, codecs: tracks.slice(0, 16) }));
  }

  /** @param first host in the address of the owner's page */
  #addresses({ port, names }: Pick<OwnHttps, 'port' | 'names'>, first?: string): string[] {
    const { config, name } = this.#host;
    const { dns, ips } = names;
    const listening = parseAddress(config().tlsAddress)?.host ?? '';
    const isAny = listening === '' || listening === '0.0.0.0' || listening === '::' || listening === '[::]';
    const isLocal = (ip: string) => isLoopbackIp(ip);
    const hosts = isAny
      ? [
          ...(first === undefined || first === 'localhost' || isLocal(first) ? [] : [first]),
          ...ips.filter((ip) => !isLocal(ip)),
          ...(name.current === undefined ? dns.filter((one) => one.endsWith('.local')) : [name.current]),
          ...ips.filter(isLocal),
        ]
      : [listening];
    const shown = hosts.map((host) =>
      host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`,
    );
    return [...new Set(shown)].slice(0, 12);
  }
}
