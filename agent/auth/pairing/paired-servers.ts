import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError, unlessExpected } from '../../base/errors.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import { RevokedKey, UnsavedRevocations } from '../../base/files/unsaved-revocations.ts';
import type { Logger } from '../../base/log.ts';
import { coversPath, mayWatch, type Rights } from '../accounts/person.ts';
import { CameraSelection, rights } from '../accounts/users.ts';

export const SERVERS_FILE = 'servers.json';
const MAX_SERVERS = 50;
/** Maximum number of revoked ids, which are kept so that an older backup does not restore them. */
const MAX_REVOKED = 1_000;
const MAX_NAME_CHARS = 64;
const ID_BYTES = 12;

const Id = Type.String({ pattern: '^[\\w-]{16}$' });
export const serverRights = {
  ...rights,
  settings: Type.Optional(Type.Boolean()),
  fleet: Type.Optional(Type.Boolean()),
};
const Server = Type.Object({
  id: Id,
  name: Type.String({ minLength: 1, maxLength: MAX_NAME_CHARS }),
  /** Ed25519 public key, base64url of its 32 bytes. */
  key: Type.String({ pattern: '^[\\w-]{43}$' }),
  cameras: CameraSelection,
  ...serverRights,
  /** Whether its signatures name this box. Those that do not are rejected from then on. */
  namesBox: Type.Optional(Type.Boolean()),
  /** Unix milliseconds. */
  created: Type.Number(),
});
type Stored = Static<typeof Server>;
const BOX_BYTES = 8;
const ServersFile = Type.Refine(
  Type.Object({
    /** The id that servers know this box by. */
    box: Type.String({ pattern: '^[0-9a-f]{16}$' }),
    servers: Type.Array(Server, { maxItems: MAX_SERVERS }),
    revoked: Type.Array(Id, { maxItems: MAX_REVOKED }),
  }),
  ({ servers }) => servers.every(({ key }) => unlessExpected(() => publicKeyOf(key)) !== undefined),
);
type ServersFile = Static<typeof ServersFile>;

/** What a server may do with cameras. */
export interface ServerRights extends Rights {
  /** Whether it may read and change the settings of `PermittedSettings`. Default: no. */
  readonly settings?: boolean;
  /** Whether it may hand this box a credential of its fleet, whose bus gets events of all cameras. Default: no. */
  readonly fleet?: boolean;
}

export interface ServerItem extends Required<ServerRights> {
  readonly id: string;
  readonly name: string;
  readonly createdMs: number;
  /** Time of the last request, Unix milliseconds, or undefined if there was none since the start. */
  readonly seenMs: number | undefined;
}

/** A paired server as access decisions need it. */
export interface PairedServer {
  readonly name: string;
  may(action: string, path: string): boolean;
}

/** Begin of the user names of servers' sessions. No person or device has such a name. */
export const SERVER_USER = 'server:';

/** The user name of a server's sessions. */
export const userOfServer = (id: string): string => `${SERVER_USER}${id}`;

interface Paired {
  readonly stored: Stored;
  readonly key: KeyObject;
  seenMs: number | undefined;
}

/** Servers that may show cameras of this box, in `servers.json` of the data folder: public keys only, which grant no access. */
export class PairedServers {
  readonly #document: StoredDocument<typeof ServersFile>;
  readonly #clock: Clock;
  readonly #log: Logger;
  #box = randomBytes(BOX_BYTES).toString('hex');
  #servers: ReadonlyMap<string, Paired> = new Map();
  #revoked: readonly string[] = [];
  /** Ids of servers whose signatures name this box. */
  readonly #namesBox = new Set<string>();
  readonly #listeners = new Set<(id: string, isGone: boolean) => void>();
  readonly #unsaved: UnsavedRevocations<typeof RevokedKey>;

  static async open(dataDir: string, clock: Clock, log: Logger): Promise<PairedServers> {
    const servers = new PairedServers(dataDir, clock, log);
    await servers.#load();
    return servers;
  }

  private constructor(dataDir: string, clock: Clock, log: Logger) {
    this.#document = new StoredDocument(join(dataDir, SERVERS_FILE), ServersFile, log);
    this.#clock = clock;
    this.#log = log;
    const save = (id: string) =>
      this.#change(
        (servers) => servers.filter(({ stored }) => stored.id !== id),
        (revoked) => [...revoked.filter((one) => one !== id), id].slice(-MAX_REVOKED),
      );
    this.#unsaved = new UnsavedRevocations({ document: this.#document, schema: RevokedKey, save, log });
  }

  /** The id of this box; it lasts from the first pairing on. */
  get boxId(): string {
    return this.#box;
  }

  /** The paired servers, newest first. */
  list(): readonly ServerItem[] {
    return [...this.#servers.values()].map(serverItem).reverse();
  }

  find(id: string): PairedServer | undefined {
    const server = this.#isValid(id) ? this.#servers.get(id)?.stored : undefined;
    return server && { name: server.name, may: (action, path) => mayDo(server, action, path) };
  }

  item(id: string): ServerItem | undefined {
    const server = this.#servers.get(id);
    return server && serverItem(server);
  }

  keyOf(id: string): KeyObject | undefined {
    return this.#isValid(id) ? this.#servers.get(id)?.key : undefined;
  }

  #isValid(id: string): boolean {
    return this.#document.isCurrent && !this.#unsaved.has(id);
  }

  namesBox(id: string): boolean {
    return this.#namesBox.has(id);
  }

  noteNamesBox(id: string): void {
    if (!this.#namesBox.has(id)) {
      this.#namesBox.add(id);
      this.#change((servers) => servers).catch((error: unknown) =>
        this.#log.warn({ cause: explain(error), id }, 'cannot save that the signatures of a server name this box'),
      );
    }
  }

  noteSeen(id: string): void {
    const server = this.#servers.get(id);
    if (server) {
      server.seenMs = this.#clock.wallMs();
    }
  }

  /** @param key Ed25519, base64url of its 32 bytes @throws PerchError badInput */
  async add(name: string, key: string, rights: ServerRights): Promise<ServerItem> {
    const stored: Stored = {
      id: randomBytes(ID_BYTES).toString('base64url'),
      name: name.trim().slice(0, MAX_NAME_CHARS) || 'Perch',
      key,
      ...termsOf(rights),
      created: this.#clock.wallMs(),
    };
    const server: Paired = { stored, key: publicKeyOf(key), seenMs: undefined };
    await this.#change((servers) => {
      if (servers.length >= MAX_SERVERS) {
        const message = `${MAX_SERVERS} servers are paired, which is the limit: remove one`;
        throw new PerchError('badInput', message, { why: 'limit' });
      }
      return [...servers, server];
    });
    this.#log.info({ server: stored.name, id: stored.id }, 'server paired');
    return serverItem(server);
  }

  /** @returns the changed server */
  async change(id: string, rights: Partial<ServerRights>): Promise<ServerItem | undefined> {
    if (!this.#servers.has(id)) {
      return undefined;
    }
    await this.#change((servers) =>
      servers.map((server) => {
        const { stored } = server;
        const terms = termsOf({ ...stored, ...rights });
        return stored.id === id ? { ...server, stored: { ...stored, ...terms } } : server;
      }),
    );
    this.#notify(id, false);
    return this.item(id);
  }

  /** @returns false: there is no such server @throws PerchError if that cannot be saved, so that it would be back after a restart */
  async remove(id: string): Promise<boolean> {
    const server = this.#servers.get(id)?.stored;
    if (!server) {
      return false;
    }
    await this.#unsaved.save(id, null).catch((error: unknown) => {
      if (this.#unsaved.has(id)) {
        this.#notify(id, true);
      }
      throw error;
    });
    this.#namesBox.delete(id);
    this.#log.info({ server: server.name, id }, 'pairing revoked');
    this.#notify(id, true);
    return true;
  }

  /** Called when the rights of a server have changed, or the server is gone: its sessions may have to end. */
  onReduced(listener: (id: string, isGone: boolean) => void): void {
    this.#listeners.add(listener);
  }

  #notify(id: string, isGone: boolean): void {
    for (const listener of this.#listeners) {
      listener(id, isGone);
    }
  }

  async #load(): Promise<void> {
    this.#document.follow((file) => this.#take(file), {
      outdated: () => {
        for (const id of this.#servers.keys()) {
          this.#notify(id, false);
        }
      },
      answers: () => this.#unsaved.saveAgain(),
    });
    this.#put(await this.#document.open('paired servers cannot be read: invite them again'));
    await this.#unsaved.open();
  }

  #put(file: ServersFile | undefined): void {
    if (file) {
      const seenMs = (id: string) => this.#servers.get(id)?.seenMs;
      this.#box = file.box;
      this.#servers = byId(
        file.servers.map((stored) => ({ stored, key: publicKeyOf(stored.key), seenMs: seenMs(stored.id) })),
      );
      this.#revoked = file.revoked;
      for (const { id } of file.servers.filter(({ namesBox }) => namesBox)) {
        this.#namesBox.add(id);
      }
    }
  }

  /** Another server of this database has changed them. */
  #take(file: ServersFile | undefined): void {
    const before = [...this.#servers.keys()];
    this.#put(file);
    for (const id of before) {
      this.#notify(id, !this.#servers.has(id));
    }
  }

  /** Changes run in sequence; memory changes after the file. */
  #change(
    next: (servers: readonly Paired[]) => readonly Paired[],
    revoke: (revoked: readonly string[]) => readonly string[] = (revoked) => revoked,
  ): Promise<void> {
    return this.#document.change(async () => {
      const servers = next([...this.#servers.values()]);
      const revoked = revoke(this.#revoked);
      const kept = servers.map(({ stored }) => ({ ...stored, namesBox: this.#namesBox.has(stored.id) }));
      await this.#document.save(() => ({ box: this.#box, servers: kept, revoked }));
      this.#servers = byId(servers);
      this.#revoked = revoked;
    });
  }
}

/** A `servers.json`; undefined if damaged. */
export const readServers = (stored: unknown): ServersFile | undefined =>
  Check(ServersFile, stored) ? stored : undefined;

/** The servers after a restore: those of the backup except for those revoked since. What was learnt of the others since then stays. */
export function restoredServers(restored: ServersFile, kept: ServersFile | undefined): ServersFile {
  const { box } = restored;
  const revoked = [...new Set([...restored.revoked, ...(kept?.revoked ?? [])])].slice(-MAX_REVOKED);
  const naming = new Set(
    [restored, kept].flatMap((file) => file?.servers.filter(({ namesBox }) => namesBox) ?? []).map(({ id }) => id),
  );
  const servers = restored.servers.filter(({ id }) => !revoked.includes(id));
  return { box, servers: servers.map((server) => ({ ...server, namesBox: naming.has(server.id) })), revoked };
}

/** @throws PerchError badInput */
function publicKeyOf(key: string): KeyObject {
  try {
    const found = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key }, format: 'jwk' });
    if (found.export({ format: 'jwk' }).x === key) {
      return found;
    }
  } catch {
    // It is rejected in the same way as a key of another length.
  }
  throw new PerchError('badInput', 'the key is not an Ed25519 public key');
}

const termsOf = ({ cameras, live, recordings, ...more }: ServerRights) => ({
  cameras: cameras === 'all' ? cameras : [...new Set(cameras)],
  live,
  recordings,
  talk: more.talk === true,
  turn: more.turn === true,
  switch: more.switch === true,
  settings: more.settings === true,
  fleet: more.fleet === true,
});

const mayDo = (server: Stored, action: string, path: string): boolean =>
  action === 'settings'
    ? server.settings === true && path !== '' && coversPath(server.cameras, path)
    : mayWatch(server, action, path);

const byId = (servers: readonly Paired[]) => new Map(servers.map((server) => [server.stored.id, server]));

const serverItem = ({ stored, seenMs }: Paired): ServerItem => {
  const { id, name, created } = stored;
  return { id, name, ...termsOf(stored), createdMs: created, seenMs };
};
