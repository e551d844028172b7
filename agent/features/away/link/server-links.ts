import { createPublicKey } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { isBoxAddress } from '../../../auth/pairing/invitation-text.ts';
import type { TrustedFleet } from '../../../auth/pairing/linked-boxes.ts';
import type { ServerRights } from '../../../auth/pairing/paired-servers.ts';
import { PerchError } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import { routeUpgrades, shouldUpgradeCallback } from '../../../http/listener/web-socket.ts';
import type { Host } from '../../contract.ts';
import {
  AWAY_FILE,
  AwayFile,
  MAX_REPLICAS,
  MAX_SERVERS,
  newKey,
  privateKeyOf,
  type StoredAway,
  type StoredKey,
} from '../keys/away-file.ts';
import type { AwayInvitation } from '../keys/invitation.ts';
import { ReplicaLinks } from './replica-links.ts';
import { type CalledServer, type LinkState, openLink, ServerLink, type ServerLinkDeps } from './server-link.ts';

const JOIN_MS = 20_000;

type LinksHost = Pick<Host, 'dataDir' | 'clock' | 'log' | 'env' | 'servers' | 'boxLinks' | 'signal' | 'network'>;

export interface ServerLinkItem extends LinkState {
  readonly id: string;
  readonly name: string;
  readonly addresses: readonly string[];
  /** Addresses of links that were opened by order of the server's fleet. */
  readonly replicas: readonly string[];
}

/** The box's side: the servers that this box calls, in `away.json` of the data folder. */
export class ServerLinks {
  readonly #host: LinksHost;
  readonly #document: StoredDocument<typeof AwayFile>;
  readonly #links = new Map<string, ServerLink>();
  /** Ids of the servers by the streams that they have opened. */
  readonly #servers = new WeakMap<object, string>();
  readonly #replicas: ReplicaLinks;
  readonly #http: Server;
  readonly #unwatch: (() => void) | undefined;
  #key: StoredKey | undefined;

  /**
   * @param app the routes of the main port
   * @param now what orders of fleets have to name
   */
  constructor(
    host: LinksHost,
    app: () => FastifyInstance,
    now: () => { readonly run: string; readonly timeS: number },
  ) {
    this.#host = host;
    this.#document = new StoredDocument(join(host.dataDir, AWAY_FILE), AwayFile, host.log);
    // It never listens: its connections are streams within links. A server that is paired has no limits of newcomers.
    this.#http = createServer({ shouldUpgradeCallback });
    this.#http.on('request', (request, response) => {
      this.#links.get(this.serverOf(request.socket) ?? '')?.noteAnswer(response);
      app().routing(request, response);
    });
    routeUpgrades(this.#http, { routing: (request, response) => app().routing(request, response) });
    this.#unwatch = host.network?.onChange(() => {
      for (const link of this.#links.values()) {
        link.retry();
      }
      this.#replicas.check();
    });
    this.#replicas = new ReplicaLinks({
      now,
      link: () => this.#deps(),
      called: (server) => this.#links.get(server)?.called,
    });
    host.servers.onReduced((id, isGone) => {
      if (isGone) {
        void this.#forget(id);
      }
    });
  }

  /** Reads the file. */
  async read(): Promise<void> {
    const { log, servers, boxLinks } = this.#host;
    const stored = await this.#document.open('the servers that this box calls cannot be read: redeem new invitations');
    if (!stored) {
      return;
    }
    this.#key = { secret: stored.secret, key: stored.key };
    boxLinks.ownKey = stored.key;
    for (const { fleet, ...called } of stored.servers) {
      if (servers.item(called.server)) {
        this.#add(called);
        this.#replicas.trust(called.server, fleet);
      } else {
        log.info({ server: called.server }, 'pairing with a server that this box called has ended');
      }
    }
  }

  /** Links to the servers of the file. */
  start(): void {
    for (const link of this.#links.values()) {
      link.start();
    }
  }

  /** Id of the server that has opened this stream within a link, or undefined for another connection. */
  serverOf(socket: object): string | undefined {
    return this.#servers.get(socket);
  }

  list(): readonly ServerLinkItem[] {
    return [...this.#links.values()].map((link) => this.#item(link));
  }

  /** Pairs with the server of an invitation, and links to it. @param name of this box @throws PerchError */
  async join(invitation: AwayInvitation, rights: ServerRights, name: string): Promise<ServerLinkItem> {
    const { servers, signal } = this.#host;
    if (this.#links.size >= MAX_SERVERS) {
      throw new PerchError('badInput', `this box calls ${MAX_SERVERS} servers, which is the limit`, { why: 'limit' });
    }
    const { addresses, pin, key, secret } = invitation;
    if (!this.#key) {
      this.#key = newKey();
      this.#host.boxLinks.ownKey = this.#key.key;
      // Saved before the server learns it: a power cut in between must not lose the key.
      await this.#document.save(() => this.#stored());
    }
    const item = await servers.add(invitation.name, key, rights);
    const called = { server: item.id, addresses, key, ...(pin !== undefined && { pin }) };
    try {
      const opened = await withJoinedSignal([signal], JOIN_MS, (joined) =>
        openLink(called, this.#deps(), joined.signal, { invitation: { secret, name } }),
      );
      const link = this.#add(called);
      link.start(opened);
      await this.#document.save(() => this.#stored());
      return this.#item(link);
    } catch (error) {
      await servers.remove(item.id);
      throw error instanceof PerchError && error.code === 'unauthorized'
        ? new PerchError('badInput', error.message, error.context)
        : error;
    }
  }

  /** See `BoxDialer.trust`. @throws PerchError */
  async trust(server: string, fleet: TrustedFleet | undefined): Promise<void> {
    if (!this.#links.has(server)) {
      throw new PerchError('notFound', `this box calls no server ${server}`);
    }
    checkFleet(fleet);
    this.#replicas.trust(server, fleet);
    await this.#document.save(() => this.#stored());
  }

  /** See `BoxDialer.obey`. @throws PerchError */
  async obey(order: string): Promise<void> {
    if (!this.#key) {
      throw new PerchError('unauthorized', 'this box calls no server', { why: 'unknown' });
    }
    await this.#replicas.obey(order);
  }

  async close(): Promise<void> {
    this.#unwatch?.();
    await Promise.all([this.#replicas.close(), ...[...this.#links.values()].map((link) => link.close())]);
    this.#http.close();
    await this.#document.close();
  }

  #deps(): ServerLinkDeps {
    const { servers } = this.#host;
    const own = this.#key as StoredKey;
    return {
      ...this.#host,
      identity: { box: servers.boxId, key: own.key, privateKey: privateKeyOf(own) },
      serve: (socket, server) => this.#serve(socket, server),
      removed: (server) => servers.remove(server),
    };
  }

  #serve(socket: Socket, server: string): void {
    this.#servers.set(socket, server);
    this.#http.emit('connection', socket);
  }

  #add(called: CalledServer): ServerLink {
    const link = new ServerLink(called, this.#deps());
    this.#links.set(called.server, link);
    return link;
  }

  #item({ called, state }: ServerLink): ServerLinkItem {
    const { server: id, addresses } = called;
    const replicas = this.#replicas.addressesOf(id);
    return { id, name: this.#host.servers.item(id)?.name ?? id, addresses, replicas, ...state };
  }

  async #forget(id: string): Promise<void> {
    const link = this.#links.get(id);
    if (link) {
      this.#links.delete(id);
      this.#replicas.trust(id, undefined);
      await link.leave();
      await this.#document.trySave(() => this.#stored(), 'saving the servers that this box calls failed');
    }
  }

  #stored(): StoredAway {
    const servers = [...this.#links.values()].map(({ called }) => {
      const fleet = this.#replicas.fleetOf(called.server);
      return { ...called, addresses: [...called.addresses], ...(fleet && { fleet }) };
    });
    return { ...(this.#key as StoredKey), servers } as StoredAway;
  }
}

/** @throws PerchError badInput */
function checkFleet(fleet: TrustedFleet | undefined): void {
  if (!fleet) {
    return;
  }
  const { key, replicas } = fleet;
  const wrong = replicas.find(({ address }) => !isBoxAddress(address));
  if (replicas.length === 0 || replicas.length > MAX_REPLICAS || wrong) {
    const found = wrong ? `'${wrong.address}' is not host:port` : `${replicas.length} are given`;
    throw new PerchError('badInput', `a fleet has 1 to ${MAX_REPLICAS} replicas: ${found}`);
  }
  try {
    createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key }, format: 'jwk' });
  } catch {
    throw new PerchError('badInput', 'the key of the fleet is not an Ed25519 public key');
  }
}
