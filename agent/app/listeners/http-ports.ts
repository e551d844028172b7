import type { FastifyInstance } from 'fastify';
import type { Accounts } from '../../auth/accounts/accounts.ts';
import type { Authority } from '../../auth/permissions/authorize.ts';
import type { WrongCredentials } from '../../auth/throttle/wrong-credentials.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { NewcomerMemory } from '../../base/newcomer-memory.ts';
import type { Part } from '../../base/reconciler.ts';
import type { OwnKeys } from '../../config/file/key-pair.ts';
import type { Config } from '../../config/load/load.ts';
import { ownTlsAddress } from '../../config/values/address.ts';
import { HttpAccess } from '../../http/auth/access.ts';
import { refuseForeignChanges } from '../../http/auth/foreign-changes.ts';
import { keepPrefix } from '../../http/auth/proxy-prefix.ts';
import { insistOnTls, redirectToTls } from '../../http/auth/tls-redirect.ts';
import { tellOfUnknownProxy } from '../../http/auth/unknown-proxy.ts';
import { createHttpApp } from '../../http/listener/app.ts';
import type { ListenerTls } from '../../http/listener/listener-tls.ts';
import { type Listener, listen } from '../../http/listener/listeners.ts';
import { newcomersAt } from '../../http/listener/newcomers.ts';
import { setReadTimeout } from '../../http/listener/server.ts';
import { type HttpServerName, openTls, type TlsServer, tlsSettings } from './http-tls.ts';

export interface HttpPortsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** What the names of keys and certificates are relative to. */
  readonly cwd: string;
  /** The certificate that the device makes itself. */
  readonly own: OwnKeys;
  readonly accounts: Accounts;
  readonly authority: Authority;
  /** One for all ports and protocols. */
  readonly wrongCredentials: WrongCredentials;
  /** One for all ports and protocols that other machines reach. */
  readonly newcomers: NewcomerMemory;
  config(): Config;
}

/** Mounts routes. Settings for which no port starts again are asked of the configuration when they are needed. */
type Mount = (app: FastifyInstance, access: HttpAccess) => Promise<void>;
type TrustedProxies = 'trustedProxies' | `${HttpServerName}TrustedProxies`;

interface Port {
  readonly name: string;
  readonly key: 'address' | 'tlsAddress' | `${HttpServerName}Address`;
  readonly proxies: TrustedProxies;
  /** Whose key and certificate it has, where it can speak TLS. */
  readonly server?: TlsServer;
  addressOf(config: Config): string | undefined;
}

interface Open {
  readonly listener: Listener;
  readonly tls: ListenerTls | undefined;
}

const MAIN_ROUTES = 'routes of the main port';

/** The HTTP ports: two main ones with the same routes, and those with the routes of one service. */
export class HttpPorts {
  readonly #deps: HttpPortsDeps;
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

  /** Of https; undefined while it is off. */
  get tlsPort(): number | undefined {
    return this.#mainTls?.listener.port;
  }

  /** Of both main ports: they stay when one of the ports changes. */
  mainRoutes(mount: Mount): Part<Config> {
    return {
      name: MAIN_ROUTES,
      settings: ({ trustedProxies }) => trustedProxies,
      start: async (config) => {
        const app = await this.#routes('trustedProxies', config, mount);
        this.#mainRoutes = app;
        return () => app.close();
      },
    };
  }

  main(): Part<Config> {
    const proxies = 'trustedProxies';
    return this.#mainPart({ name: 'main port', key: 'address', proxies, addressOf: (c) => c.address }, (open) => {
      this.#main = open;
    });
  }

  /** Starts last, so that no other part waits for the key made at the first start. */
  mainTls(): Part<Config> {
    const [name, key, server] = ['main port with TLS', 'tlsAddress', 'tls'] as const;
    const port: Port = { name, key, server, proxies: 'trustedProxies', addressOf: (c) => c.tlsAddress || undefined };
    const part = this.#mainPart(port, (open) => {
      this.#mainTls = open;
    });
    return {
      ...part,
      isOptional: (config) => config.isOwn && config.tlsAddress === ownTlsAddress(config.address),
    };
  }

  /** A port with routes of its own, while its service is on. */
  ofService(server: HttpServerName, name: string, mount: Mount): Part<Config> {
    const [key, proxies] = [`${server}Address`, `${server}TrustedProxies`] as const;
    const port: Port = { name, key, proxies, server, addressOf: (c) => (c[server] ? c[key] : undefined) };
    return {
      name,
      settings: (config) => settingsOf(port, config),
      start: async (config) => {
        const app = await this.#routes(proxies, config, mount);
        try {
          await this.#open(port, config, app);
        } catch (error) {
          await app.close();
          throw error;
        }
        return () => app.close();
      },
    };
  }

  /** Changes the ports while they are open: a port that reopens rejects connections in between. */
  requestTimes(): Part<Config> {
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

  #mainPart(port: Port, use: (open: Open | undefined) => void): Part<Config> {
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

  async #routes(proxies: TrustedProxies, config: Config, mount: Mount): Promise<FastifyInstance> {
    const { log, authority, accounts, wrongCredentials } = this.#deps;
    const app = createHttpApp({ log });
    const isOfPage = proxies === 'trustedProxies';
    const access = new HttpAccess({
      ...{ authority, sessions: accounts, wrongCredentials, log },
      trustedProxies: config[proxies],
      isOfPage,
    });
    refuseForeignChanges(app, access, () => this.#deps.config().apiAllowOrigins);
    if (isOfPage) {
      this.#directToTls(app, access);
    }
    keepPrefix(app, access);
    tellOfUnknownProxy(app, access, proxies, log);
    try {
      await mount(app, access);
    } catch (error) {
      await app.close();
      throw error;
    }
    return app;
  }

  async #open(port: Port, config: Config, app: FastifyInstance): Promise<Open> {
    const { name, key, server, addressOf } = port;
    const { log } = this.#deps;
    const address = addressOf(config) ?? '';
    const tls = server && (await openTls(server, config, this.#deps));
    const listener = await listen(key, address, app, {
      ...{ log, readTimeoutMs: config.readTimeoutMs, newcomers: newcomersAt(address, this.#deps) },
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
    const { config } = this.#deps;
    const port = () => (config().tlsRedirect ? this.tlsPort : undefined);
    redirectToTls(app, { port, isSecure: (request) => access.isSecure(request) });
    insistOnTls(app, () => config().tlsRedirect && this.#mainTls?.tls?.isReal === true);
  }
}

function settingsOf({ addressOf, proxies, server }: Port, config: Config): unknown {
  const address = addressOf(config);
  const keys = [proxies, ...(server ? tlsSettings(server) : [])];
  return address && [address, ...keys.map((key) => config[key])];
}
