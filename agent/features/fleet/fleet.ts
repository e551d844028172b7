import { existsSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { explain, PerchError } from '../../base/errors.ts';
import { documentCarrier } from '../../base/files/document-carrier.ts';
import type { Component } from '../../base/reconciler.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import { remotePathOf } from '../../config/values/remote-path.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { serverOf } from '../../http/auth/signed-requests.ts';
import type { FeatureMetric } from '../../http/metrics/device-metrics.ts';
import type { Replicas } from '../../protocols/contract.ts';
import { loadLate } from '../../protocols/late.ts';
import { eventReport } from '../../record/events/event-report.ts';
import { gapsName } from '../../record/gaps/gap-reason.ts';
import { pinOf } from '../../tls/pin.ts';
import type { FeatureProblem, FeatureRoutes, Host, OpenFeature } from '../contract.ts';
import type { BoxSide, BoxSource } from './bus/box-side.ts';
import type { BusLink } from './bus/bus-link.ts';
import type { BusConnection } from './bus/connection.ts';
import type { Credential, Member } from './bus/credential.ts';
import { CREDENTIAL_FILE } from './bus/credential-file.ts';
import type { ServerSide } from './bus/server-side.ts';
import type { Summons } from './bus/summons.ts';
import type { EventSharing } from './database/event-sharing.ts';
import type { BoxCredential } from './hand-out/box-credential.ts';
import { handOutRoutes, MAX_ERROR_CHARS, type MembershipAnswer, NOT_YET } from './hand-out/box-routes.ts';
import type { HandOuts } from './hand-out/hand-outs.ts';
import { FLEET } from './keys.ts';
import type { FleetReplicas } from './replicas/replicas.ts';

/** Shorter outages are not listed. */
const OUTAGE_US = 60_000_000;
const PART = 'bus of the fleet';

/** The bus of a fleet while `natsURL` is set. Its code is loaded then. */
export class Fleet implements OpenFeature {
  readonly component: Component<Config>;
  readonly #host: Host;
  readonly #otherProblems: () => readonly FeatureProblem[];
  #link: BusLink | undefined;
  #summons: Summons | undefined;
  #server: ServerSide | undefined;
  #handOuts: HandOuts | undefined;
  /** Undefined: its code is not loaded. */
  #openSide: (() => BoxSide) | undefined;
  #side: BoxSide | undefined;
  #sharing: EventSharing | undefined;
  #replicas: FleetReplicas | undefined;
  #app: FastifyInstance | undefined;
  /** Of a credential that a server has handed out, while that has the right. */
  #handedURL = '';
  #credential: Promise<BoxCredential> | undefined;
  readonly routes: readonly FeatureRoutes[];

  /** @param otherProblems those of the database */
  constructor(host: Host, otherProblems: () => readonly FeatureProblem[]) {
    this.#host = host;
    this.#otherProblems = otherProblems;
    this.component = {
      name: PART,
      isOptional: () => true,
      settings: (config) => this.#natsURL(config) || undefined,
      start: async (config) => {
        const { clock, log, dataDir: folder, servers } = host;
        const { BusLink: Link } = await loadLate(PART, () => import('./bus/bus-link.ts'));
        const url = this.#natsURL(config);
        const { BoxSide: Side } = await loadLate(PART, () => import('./bus/box-side.ts'));
        this.#openSide ??= () => new Side(this.#sideOptions());
        const boxSide = () => this.#boxSide() as BoxSide;
        const { ServerSide: Server } = await loadLate(PART, () => import('./bus/server-side.ts'));
        const { Summons: Orders } = await loadLate(PART, () => import('./bus/summons.ts'));
        const address = () => settingsIn(host.config(), FLEET).replicaAddress;
        const summons = new Orders({ address, pin: () => this.#pin, links: host.boxLinks, clock, log });
        this.#summons = summons;
        const serverSide = () => {
          this.#server ??= new Server({ bus: host.boxLinks.bus, summons, clock, log });
          return this.#server;
        };
        const link = new Link({
          url,
          box: servers.boxId,
          boxSide,
          serverSide,
          folder,
          mayUse: this.#mayUse,
          clock,
          log,
        });
        this.#link = link;
        const { HandOuts: Outs } = await loadLate(PART, () => import('./hand-out/hand-outs.ts'));
        const { asking } = host.boxLinks;
        this.#handOuts = asking && new Outs({ asking, dataDir: folder, clock, log });
        return async () => {
          await this.#handOuts?.close();
          this.#handOuts = undefined;
          this.#link = undefined;
          this.#summons = undefined;
          await link.close();
          this.#server?.close();
          this.#server = undefined;
          summons.close();
        };
      },
    };
    this.routes = [
      {
        listener: 'main',
        mount: async (app) =>
          handOutRoutes(app, {
            servers: host.servers,
            read: () => this.#membership(),
            take: async (part, server) => {
              await (await this.#boxCredential()).take(part, server);
              await this.#followHanded();
              return this.#membership();
            },
          }),
      },
    ];
  }

  #natsURL(config: Config): string {
    return settingsIn(config, FLEET).natsURL || this.#handedURL;
  }

  #boxCredential(): Promise<BoxCredential> {
    const { dataDir, servers, config, log } = this.#host;
    this.#credential ??= loadLate(PART, async () => {
      const [{ BoxCredential: Own }, { checkMember }] = await Promise.all([
        import('./hand-out/box-credential.ts'),
        import('./check-member.ts'),
      ]);
      const check = (member: Member) =>
        checkMember(member, { name: 'the configuration', config: config() }, servers.boxId);
      return new Own({ dataDir, check, mayUse: this.#mayUse, log });
    });
    return this.#credential;
  }

  readonly #mayUse = ({ server }: Credential): boolean => {
    const { servers } = this.#host;
    return server === undefined || (servers.find(server) !== undefined && servers.item(server)?.fleet === true);
  };

  /** @returns the credential of this box, if it may use it */
  async #readHanded(): Promise<Credential | undefined> {
    const { dataDir, servers, log } = this.#host;
    let credential: Credential | undefined;
    try {
      if (existsSync(join(dataDir, CREDENTIAL_FILE))) {
        const { credentialOfBox } = await loadLate(PART, () => import('./bus/credential.ts'));
        credential = await credentialOfBox(dataDir, servers.boxId);
      }
    } catch (error) {
      log.warn({ cause: explain(error) }, 'the credential of the fleet cannot be read');
      return undefined;
    }
    const used = credential && this.#mayUse(credential) ? credential : undefined;
    this.#handedURL = used?.natsURL ?? '';
    return used;
  }

  /** The link finds another credential, unless it has to begin at another address, or to end. */
  async #followHanded(): Promise<void> {
    const former = this.#handedURL;
    await this.#readHanded();
    if (this.#handedURL !== former) {
      this.#host.applyAgain();
    }
  }

  async #membership(): Promise<MembershipAnswer> {
    const membership = await (await this.#boxCredential()).membership();
    const { state, error = NOT_YET } = this.#link?.status ?? {};
    const isOff = membership.account !== null && state !== 'connected';
    return { ...membership, error: isOff ? error.slice(0, MAX_ERROR_CHARS) : null };
  }

  /** Over the bus only requests that a paired server has signed are answered. Called after the signature is verified. */
  authenticate(app: FastifyInstance): void {
    this.#app = app;
    this.#replicas?.receive(app);
    app.addHook('onRequest', async (request) => {
      if (this.#host.boxLinks.bus.hasReceived(request.raw.socket) && serverOf(request) === undefined) {
        throw new PerchError('unauthorized', 'only signed requests of paired servers are answered over the bus');
      }
    });
  }

  /** A box keeps its events from its start on, also before its ports are open. */
  async begin(): Promise<void> {
    const { servers } = this.#host;
    await this.#shareEvents();
    await this.#shareViewers();
    servers.onReduced(() => void this.#followHanded());
    if (await this.#readHanded()) {
      const { BoxSide: Side } = await loadLate(PART, () => import('./bus/box-side.ts'));
      this.#openSide = () => new Side(this.#sideOptions());
    }
  }

  /** By now the certificate of this server is known. */
  async started(): Promise<void> {
    await this.#replicas?.announce();
  }

  /** With the servers of the database that keeps the documents. */
  async #shareEvents(): Promise<void> {
    const { dataDir, recordings, events, clock, log } = this.#host;
    const { events: index } = recordings.playback;
    const database = documentCarrier(dataDir);
    if (!database) {
      // The database will lack events from now on.
      if (index.sharedMark) {
        index.setSharedMark(undefined);
      }
      return;
    }
    const { openSharing } = await loadLate('database', () => import('./database/event-sharing.ts'));
    this.#sharing = openSharing(database, {
      ...{ events: recordings.events, index, clock, log, dataDir },
      show: (event) => events.emit('event', eventReport(event)),
    });
    if (this.#sharing) {
      recordings.events.share(this.#sharing);
      this.#sharing.begin();
    }
  }

  /** With the servers of the database. */
  async #shareViewers(): Promise<void> {
    const { dataDir, config, clock, log } = this.#host;
    const database = documentCarrier(dataDir);
    if (database) {
      const { FleetReplicas: Others } = await loadLate('database', () => import('./replicas/replicas.ts'));
      const address = () => settingsIn(config(), FLEET).replicaAddress;
      this.#replicas = new Others({ database, address, pin: () => this.#pin, clock, log });
      await this.#replicas.announce();
    }
  }

  /** Of the certificate of this server. */
  get #pin(): string | undefined {
    const https = this.#host.https();
    return https && pinOf(https.cert, https.authority);
  }

  replicas(access: HttpAccess): Replicas | undefined {
    return this.#replicas?.at(access);
  }

  configure(config: Config): void {
    if (this.#natsURL(config) !== '') {
      this.#boxSide();
    } else {
      this.#closeSide();
    }
  }

  async close(): Promise<void> {
    this.#closeSide();
    await this.#replicas?.close();
  }

  #boxSide(): BoxSide | undefined {
    this.#side ??= this.#openSide?.();
    return this.#side;
  }

  #closeSide(): void {
    this.#side?.close();
    this.#side = undefined;
  }

  #sideOptions(): ConstructorParameters<typeof BoxSide>[0] {
    const { clock, log, dataDir: folder, servers, boxLinks } = this.#host;
    const onConnected = async (connection: BusConnection, credential: Credential) => {
      const { takeOrders } = await loadLate(PART, () => import('./bus/dialing.ts'));
      const { LearntHosts } = await loadLate(PART, () => import('./bus/learnt-hosts.ts'));
      const { takeRequests } = await loadLate(PART, () => import('./bus/answering.ts'));
      const route: RequestListener = (request, response) => this.#app?.routing(request, response);
      takeRequests(connection, servers.boxId, credential, {
        ...{ route, clock, log },
        note: (socket) => boxLinks.bus.noteReceived(socket),
      });
      const learnt = new LearntHosts(folder, log);
      await takeOrders(connection, servers.boxId, credential, { links: boxLinks, servers, learnt, log });
    };
    return { box: servers.boxId, source: this.#source(), onConnected, folder, clock, log };
  }

  problems(): readonly FeatureProblem[] {
    const { state, error, why, sinceMs } = this.#link?.status ?? {};
    const others = this.#otherProblems();
    const unshared = others.length > 0 ? undefined : this.#sharing?.problem;
    return [
      ...others,
      ...(unshared === undefined ? [] : [{ why: 'events', text: unshared, since: null }]),
      ...(state === 'waiting' && error !== undefined
        ? [{ why: why ?? null, text: error, since: new Date(sinceMs ?? 0).toISOString() }]
        : []),
      // Without the bus, it is that of this server that is wrong.
      ...(state === 'connected' ? (this.#handOuts?.problems() ?? []) : []),
      ...(this.#summons?.problems() ?? []),
      ...(this.#server?.problems() ?? []),
    ];
  }

  metrics(): readonly FeatureMetric[] {
    const status = this.#link?.status;
    return status
      ? [
          [
            'fleet_connected',
            'gauge',
            'Whether the bus of the fleet is connected.',
            status.state === 'connected' ? 1 : 0,
          ],
          ['fleet_queued_events', 'gauge', 'Events that the bus of the fleet has not stored yet.', status.queued],
          ['fleet_dropped_events_total', 'counter', 'Events dropped because too many were queued.', status.dropped],
        ]
      : [];
  }

  /** Cameras of this box: not those of other boxes, and none that the mode makes private. */
  #source(): BoxSource {
    const { config, paths, recordings, events, version } = this.#host;
    const isOwn = (path: string): boolean => {
      const settings = resolvePath(config(), path)?.settings;
      return settings !== undefined && settings.isPrivate !== true && remotePathOf(settings.source) === undefined;
    };
    return {
      version,
      cameras: () =>
        paths
          .list()
          .filter(({ name }) => isOwn(name))
          .map(({ name, title, ready, recording }) => ({
            ...{ path: name, name: title, ready },
            recording: recording?.active === true,
          })),
      outages: (fromUs, toUs) =>
        paths
          .list()
          .filter(({ name }) => isOwn(name))
          .flatMap(({ name }) =>
            recordings.playback.events
              // Of a camera in two minutes.
              .eventsOf(gapsName(name), fromUs, toUs, 100)
              .filter(({ type, startUs, endUs = toUs }) => type === 'offline' && endUs - startUs >= OUTAGE_US)
              .map((gap) => ({ ...gap, path: name, type: 'perch.offline', source: 'perch' as const })),
          ),
      onEvent: (listener) =>
        recordings.events.hub.listen((event) => {
          if (isOwn(event.path)) {
            listener(event);
          }
        }),
      onChange: (listener) =>
        events.listen(({ type }) => {
          if (['path', 'camera', 'config'].includes(type)) {
            listener();
          }
        }),
    };
  }
}
