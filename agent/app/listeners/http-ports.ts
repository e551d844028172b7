import type { FastifyInstance } from 'fastify';
import type { Accounts } from '../../auth/accounts/accounts.ts';
import type { Authority } from '../../auth/permissions/authorize.ts';
import type { WrongCredentials } from '../../auth/throttle/wrong-credentials.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { PreLoginMemory } from '../../base/network/pre-login-memory.ts';
import type { Component } from '../../base/reconciler.ts';
import { keyFilesOf, type OwnKeys } from '../../config/file/key-pair.ts';
import type { Config } from '../../config/load/load.ts';
import type { HttpServerName } from '../../config/schema/global.ts';
import { ownTlsAddress } from '../../config/values/address.ts';
import type { Host } from '../../features/contract.ts';
import { HttpAccess } from '../../http/auth/access.ts';
import { HttpsAddresses } from '../../http/auth/https-addresses.ts';
import {
  insistOnTls,
  keepPrefix,
  redirectToTls,
  refuseForeignChanges,
  warnOfUnknownProxy,
} from '../../http/auth/origin-hooks.ts';
import { createHttpApp } from '../../http/listener/app.ts';
import type { HttpRoutes } from '../../http/listener/http-routes.ts';
import { LateRoutes } from '../../http/listener/late-routes.ts';
import { ListenerTls } from '../../http/listener/listener-tls.ts';
import { type Listener, listen } from '../../http/listener/listeners.ts';
import { preLoginAt } from '../../http/listener/pre-login.ts';
import { setReadTimeout } from '../../http/listener/server.ts';

/** Prefix of a port's key and certificate settings: `hls` of `hlsServerKey`. */
type TlsServer = 'tls' | HttpServerName;

const tlsSettings = (server: TlsServer): readonly (keyof Config)[] => [
  ...(server === 'tls' ? [] : [`${server}Encryption` as const]),
  `${server}ServerKey`,
  `${server}ServerCert`,
];

/** Whether a port uses TLS. The main port exists twice, plain and with TLS; every other port is one of both. */
const isWanted = (server: TlsServer, config: Config): boolean => server === 'tls' || config[`${server}Encryption`];

/** @returns undefined if the port has no TLS */
async function openTls(
  server: TlsServer,
  config: Config,
  deps: { readonly cwd: string; readonly own: OwnKeys; readonly clock: Clock; readonly log: Logger },
): Promise<ListenerTls | undefined> {
  if (!isWanted(server, config)) {
    return undefined;
  }
  const names = { key: config[`${server}ServerKey`], cert: config[`${server}ServerCert`] };
  return ListenerTls.open(server, await keyFilesOf(server, names, deps), deps);
}

export interface HttpPortsDeps extends Pick<Host, 'clock' | 'log' | 'config' | 'certificates'> {
  /** Base of relative key and certificate names. */
  readonly cwd: string;
  readonly own: OwnKeys;
  readonly accounts: Accounts;
  readonly authority: Authority;
  /** Shared by all ports and protocols. */
  readonly wrongCredentials: WrongCredentials;
  /** Memory budget of unauthenticated clients, shared by all ports and protocols for other devices. */
  readonly preLogin: PreLoginMemory;
}

/** Settings that need no new port are read at each request. */
type Mount = (app: FastifyInstance, access: HttpAccess) => Promise<void>;
type TrustedProxies = 'trustedProxies' | `${HttpServerName}TrustedProxies`;

interface Port {
  readonly name: string;
  readonly key: 'address' | 'tlsAddress' | `${HttpServerName}Address`;
  /** Whose key and certificate it uses, if it supports TLS. */
  readonly server?: TlsServer;
  addressOf(config: Config): string | undefined;
}

interface Open {
  readonly listener: Listener;
  readonly tls: ListenerTls | undefined;
}

const MAIN_ROUTES = 'routes of the main port';

/** The HTTP ports: two main ports with the same routes, and one for each service. */
export class HttpPorts {
  readonly #deps: HttpPortsDeps;
  readonly https = new HttpsAddresses(() => this.tlsPort);
  readonly #listeners = new Set<Listener>();
  #mainRoutes: FastifyInstance | undefined;
  #main: Open | undefined;
  #mainTls: Open | undefined;

  constructor(deps: HttpPortsDeps) {
    this.#deps = deps;
  }

  get mainPort(): number | undefined {
    return this.#main?.listener.port;
  }

  get mainHost(): string | undefined {
    return this.#main?.listener.host;
  }

  /** Port of HTTPS, or undefined if HTTPS is off. */
  get tlsPort(): number | undefined {
    return this.#mainTls?.listener.port;
  }

  /** Key and certificate of HTTPS, or undefined if HTTPS is off. */
  get tls(): ListenerTls | undefined {
    return this.#mainTls?.tls;
  }

  /** Certificate of HTTPS, with its port, or undefined if HTTPS is off. */
  get certificate(): { readonly port: number; readonly cert: Uint8Array } | undefined {
    const { tls, tlsPort } = this;
    return tls && tlsPort !== undefined ? { port: tlsPort, cert: tls.pair.cert } : undefined;
  }

  /** Shared by both main ports: they stay when one port changes. */
  mainRoutes(mount: Mount): Component<Config> {
    return {
      name: MAIN_ROUTES,
      settings: () => true,
      start: async () => {
        const app = await this.#routes('trustedProxies', mount);
        this.#mainRoutes = app;
        return () => app.close();
      },
    };
  }

  main(): Component<Config> {
    return this.#mainComponent({ name: 'main port', key: 'address', addressOf: (c) => c.address }, (open) => {
      this.#main = open;
    });
  }

  /** Starts last: no other component waits for the key made at the first start. */
  mainTls(): Component<Config> {
    const [name, key, server] = ['main port with TLS', 'tlsAddress', 'tls'] as const;
    const port: Port = { name, key, server, addressOf: (c) => c.tlsAddress || undefined };
    const component = this.#mainComponent(port, (open) => {
      this.#mainTls = open;
    });
    return {
      ...component,
      isOptional: (config) => config.isOwn && config.tlsAddress === ownTlsAddress(config.address),
    };
  }

  /** The port of one service. */
  ofService(server: HttpServerName, name: string, mount: Mount): Component<Config> {
    const [key, proxies] = [`${server}Address`, `${server}TrustedProxies`] as const;
    const port: Port = { name, key, server, addressOf: (c) => (c[server] ? c[key] : undefined) };
    return {
      name,
      settings: (config) => settingsOf(port, config),
      start: async (config) => {
        const routes = new LateRoutes(() => this.#routes(proxies, mount), this.#deps.log);
        await this.#open(port, config, routes);
        return () => routes.close();
      },
    };
  }

  /** Applied to open ports: a port that reopens rejects connections in between. */
  requestTimes(): Component<Config> {
    return {
      name: 'time that HTTP requests have',
      settings: ({ readTimeoutMs }) => readTimeoutMs,
      start: async ({ readTimeoutMs }) => {
        for (const { server } of this.#listeners) {
          setReadTimeout(server, readTimeoutMs);
        }
        return () => {};
      },
    };
  }

  #mainComponent(port: Port, use: (open: Open | undefined) => void): Component<Config> {
    return {
      name: port.name,
      needs: MAIN_ROUTES,
      settings: (config) => settingsOf(port, config),
      start: async (config) => {
        const open = await this.#open(port, config, this.#mainRoutes as FastifyInstance);
        use(open);
        return () => {
          use(undefined);
          return open.listener.close();
        };
      },
    };
  }

  async #routes(proxies: TrustedProxies, mount: Mount): Promise<FastifyInstance> {
    const { log, authority, accounts, wrongCredentials } = this.#deps;
    const app = createHttpApp({ log });
    const isOfPage = proxies === 'trustedProxies';
    const access = new HttpAccess({
      authority,
      sessions: accounts,
      wrongCredentials,
      log,
      trustedProxies: () => this.#deps.config()[proxies],
      isOfPage,
    });
    refuseForeignChanges(app, access, () => this.#deps.config().apiAllowOrigins);
    if (isOfPage) {
      this.#directToTls(app, access);
    }
    keepPrefix(app, access);
    warnOfUnknownProxy(app, access, proxies, log);
    try {
      await mount(app, access);
    } catch (error) {
      await app.close();
      throw error;
    }
    return app;
  }

  async #open(port: Port, config: Config, app: HttpRoutes): Promise<Open> {
    const { name, key, server, addressOf } = port;
    const { log } = this.#deps;
    const address = addressOf(config) ?? '';
    const tls = server && (await openTls(server, config, this.#deps));
    const listener = await listen(key, address, app, {
      log,
      readTimeoutMs: config.readTimeoutMs,
      preLogin: preLoginAt(address, this.#deps),
      ...(tls && { tls: tls.pair }),
    });
    tls?.renew(listener.server);
    this.#listeners.add(listener);
    listener.server.once('close', () => this.#listeners.delete(listener));
    log.info({ port: listener.port, encryption: tls !== undefined }, `${name} is open`);
    return { listener, tls };
  }

  /** `tlsRedirect`: http requests are redirected to https, and https answers carry Strict-Transport-Security. */
  #directToTls(app: FastifyInstance, access: HttpAccess): void {
    const { config, certificates, clock } = this.#deps;
    const port = () => (config().tlsRedirect ? this.tlsPort : undefined);
    app.shortcuts.offWhile(() => config().tlsRedirect);
    redirectToTls(app, { port, isSecure: (request) => access.isSecure(request) });
    const ofPort = () => (this.#mainTls?.tls?.isReal ? Number.POSITIVE_INFINITY : 0);
    const lastsS = (host: string) => certificates.secondsLeft(host, clock.wallMs()) ?? ofPort();
    insistOnTls(app, (host) => (config().tlsRedirect ? lastsS(host) : 0));
  }
}

function settingsOf({ addressOf, server }: Port, config: Config): unknown {
  const address = addressOf(config);
  const keys = server ? tlsSettings(server) : [];
  return address && [address, ...keys.map((key) => config[key])];
}
