import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { ServerRights } from '../../auth/pairing/paired-servers.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { isLoopbackIp } from '../../base/network/ip-address.ts';
import { everyTogether } from '../../base/time/shared-timer.ts';
import { parseAddress, portOf } from '../../config/values/address.ts';
import { checkCameras } from '../../http/api/accounts/server-terms.ts';
import { serverOf } from '../../http/auth/signed-requests.ts';
import { loadLate } from '../../protocols/late.ts';
import { pinOf } from '../../tls/pin.ts';
import type { FeatureRoutes, Host, OpenFeature } from '../contract.ts';
import { AWAY_FILE, LEFT_FILE } from './keys/away-file.ts';
import { LINK_PATH, MAX_ADDRESSES, readAwayInvitation, writeAwayInvitation } from './keys/invitation.ts';
import { ServerInvitations } from './keys/server-invitations.ts';
import type { BoxCalls } from './link/box-calls.ts';
import type { ServerLinkItem, ServerLinks } from './link/server-links.ts';
import { type AwayControl, type AwayServerItem, awayRoutes, linkRoute } from './routes.ts';

/** Interval of the look for an invitation that `perch connect` has left. */
const LOOK_MS = 5_000;
/** The default name, which many boxes have. */
const COMMON_NAME = 'perch';
const RUN_BYTES = 16;

/** Links that boxes open to servers: both sides. */
export class Away implements OpenFeature, AwayControl {
  readonly routes: readonly FeatureRoutes[];
  readonly #host: Host;
  readonly #invitations: ServerInvitations;
  /** Run of this box and its own time, which does not jump, in Unix seconds. */
  readonly #now: () => { readonly run: string; readonly timeS: number };
  #app: FastifyInstance | undefined;
  #calls: Promise<BoxCalls> | undefined;
  #links: Promise<ServerLinks> | undefined;
  #open: ServerLinks | undefined;
  #isRedeeming = false;
  #stopLooking: (() => void) | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#invitations = new ServerInvitations(host.accounts.people.key, host.clock, host.log);
    const run = randomBytes(RUN_BYTES).toString('base64url');
    const startMs = host.clock.wallMs() - host.clock.monoMs();
    this.#now = () => ({ run, timeS: Math.floor((startMs + host.clock.monoMs()) / 1000) });
    const now = this.#now;
    host.boxLinks.dialer = {
      get now() {
        return now();
      },
      trust: async (server, fleet) => (await this.#serverLinks()).trust(server, fleet),
      obey: async (order) => (await this.#serverLinks()).obey(order),
    };
    this.routes = [
      {
        listener: 'main',
        mount: async (app, access) => {
          await app.register(async (scope) =>
            awayRoutes(scope, { access, away: this, wallMs: () => host.clock.wallMs() }),
          );
          linkRoute(app, LINK_PATH, async (request, reply) => {
            const calls = await this.#boxCalls();
            calls.take(request, reply, access.identify(request));
          });
        },
      },
    ];
  }

  /** A stream within a link is for requests that its server has signed, and for nothing else. Called after the signature is verified. */
  authenticate(app: FastifyInstance): void {
    this.#app = app;
    app.addHook('onRequest', async (request) => {
      const server = this.#open?.serverOf(request.raw.socket);
      if (server !== undefined && serverOf(request) !== server) {
        throw new PerchError('unauthorized', 'only signed requests of the server are answered within a link');
      }
    });
  }

  async begin(): Promise<void> {
    if (existsSync(join(this.#host.dataDir, AWAY_FILE))) {
      await (await this.#serverLinks()).read();
    }
  }

  async started(): Promise<void> {
    this.#open?.start();
    const { dataDir, clock, log } = this.#host;
    const file = join(dataDir, LEFT_FILE);
    this.#stopLooking = everyTogether(clock, LOOK_MS, () => {
      if (existsSync(file) && !this.#isRedeeming) {
        this.#isRedeeming = true;
        void loadLate('connections to servers', () => import('./link/left-invitation.ts'))
          .then(({ redeemLeft }) =>
            redeemLeft(dataDir, this.#host, async (text, rights) => (await this.join(text, rights)).name),
          )
          .catch((error: unknown) => log.warn({ cause: explain(error) }, 'redeeming an invitation failed'))
          .finally(() => {
            this.#isRedeeming = false;
          });
      }
    });
  }

  async close(): Promise<void> {
    this.#stopLooking?.();
    (await this.#calls?.catch(() => undefined))?.close();
    await (await this.#links?.catch(() => undefined))?.close();
  }

  invite(addresses: readonly string[] | undefined, origin: string): string {
    const { pairings } = this.#host.boxLinks;
    if (!pairings) {
      throw new PerchError('unsupported', 'this product shows no cameras of boxes');
    }
    pairings.mayAdd();
    const https = this.#host.https();
    const at = addresses ?? this.#addresses(origin);
    this.#checkPorts(at, origin);
    if (at.length === 0) {
      throw new PerchError('badInput', 'boxes connect by https, which is off (tlsAddress)', { why: 'noHttps' });
    }
    const { secret, key } = this.#invitations.create();
    const pin = https && pinOf(https.cert, https.authority);
    return writeAwayInvitation({ addresses: at, pin, key, secret, name: this.#name() });
  }

  list(): readonly AwayServerItem[] {
    return this.#open?.list().map(itemJson) ?? [];
  }

  async join(text: string, rights: ServerRights): Promise<AwayServerItem> {
    const invitation = readAwayInvitation(text);
    checkCameras(rights.cameras, this.#host);
    const links = await this.#serverLinks();
    return itemJson(await links.join(invitation, rights, this.#name()));
  }

  /** A proxy may have https at a port of this number. @throws PerchError badInput for the http port of this server */
  #checkPorts(addresses: readonly string[], origin: string): void {
    const httpPort = portOf(this.#host.config().address);
    const { port: httpsPort } = this.#host.https() ?? {};
    const { protocol, host } = new URL(origin);
    const isPlain = (address: string): boolean =>
      Number(address.slice(address.lastIndexOf(':') + 1)) === httpPort &&
      httpPort !== httpsPort &&
      !(protocol === 'https:' && host === address);
    const wrong = addresses.find(isPlain);
    if (wrong !== undefined) {
      const own = httpsPort === undefined ? 'which is off here (tlsAddress)' : `which is port ${httpsPort} here`;
      const text = `port ${httpPort} of ${wrong.slice(0, wrong.lastIndexOf(':'))} speaks http: boxes connect by https, ${own}`;
      throw new PerchError('badInput', text, { why: 'plainPort' });
    }
  }

  #name(): string {
    const { boxName } = this.#host.config();
    return boxName === COMMON_NAME || boxName === '' ? hostname() || COMMON_NAME : boxName;
  }

  /** That of the owner's page first, because it may be that of a proxy before this server. */
  #addresses(origin: string): string[] {
    const https = this.#host.https();
    const { protocol, hostname: host, port } = new URL(origin);
    const ofPage = protocol === 'https:' ? [`${host}:${port === '' ? 443 : port}`] : [];
    const listening = parseAddress(this.#host.config().tlsAddress)?.host ?? '';
    const isAny = ['', '0.0.0.0', '::', '[::]'].includes(listening);
    const { dns = [], ips = [] } = https?.names ?? {};
    const isLocal = (ip: string) => isLoopbackIp(ip);
    const all = [
      ...ips.filter((ip) => !isLocal(ip)),
      ...dns.filter((name) => name.endsWith('.local')),
      ...ips.filter(isLocal),
    ];
    const hosts = (isAny ? all : [listening]).map((one) => (/^[^[]*:/.test(one) ? `[${one}]` : one));
    const own = https ? hosts.map((one) => `${one}:${https.port}`) : [];
    return [...new Set([...ofPage, ...own])].slice(0, MAX_ADDRESSES);
  }

  #boxCalls(): Promise<BoxCalls> {
    this.#calls ??= loadLate('connections of boxes', () => import('./link/box-calls.ts')).then(
      ({ BoxCalls: Calls }) => new Calls({ ...this.#host, invitations: this.#invitations }),
    );
    return this.#calls;
  }

  #serverLinks(): Promise<ServerLinks> {
    this.#links ??= loadLate('connections to servers', () => import('./link/server-links.ts')).then(
      ({ ServerLinks: Links }) => {
        this.#open = new Links(this.#host, () => this.#app as FastifyInstance, this.#now);
        return this.#open;
      },
    );
    return this.#links;
  }
}

const itemJson = ({ sinceMs, error, address, addresses, replicas, ...server }: ServerLinkItem): AwayServerItem => ({
  ...server,
  since: new Date(sinceMs).toISOString(),
  error: error ?? null,
  address: address ?? null,
  addresses: [...addresses],
  replicas: [...replicas],
});
