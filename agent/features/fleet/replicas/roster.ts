import { randomBytes } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { isBoxAddress } from '../../../auth/pairing/invitation-text.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import type { DocumentCarrier } from '../../../base/files/document-carrier.ts';
import type { Logger } from '../../../base/log.ts';

const LIST = 'replicas';
const MAX_ROWS = 64;
const ANNOUNCE_MS = 30_000;
/** Sessions of a server that has ended are continued for this long. */
const KEPT_MS = 600_000;
/** Names that nobody has cost one query in this time. */
const AGAIN_MS = 1_000;
/** Servers that have started or ended are noticed after this. */
const FRESH_MS = 10_000;

const Row = Type.Object({
  /** Of one run of the server. */
  name: Type.String({ pattern: '^[0-9a-f]{12}$' }),
  /** Proves to this run that a request comes from a server of the fleet, and to others that it has issued a secret. */
  key: Type.String({ pattern: '^[\\w-]{43}$' }),
  /** `host:port` of its https. */
  address: Type.String({ maxLength: 300 }),
  startedMs: Type.Integer({ minimum: 0 }),
});
export type Replica = Static<typeof Row>;

interface RosterOptions {
  readonly database: Pick<DocumentCarrier, 'putRows' | 'readRows' | 'removeRows'>;
  /** `replicaAddress`; empty: others cannot reach this server. */
  readonly address: () => string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The servers of a fleet with their addresses, as rows of the database. */
export class Roster {
  readonly name = randomBytes(6).toString('hex');
  readonly key = randomBytes(32).toString('base64url');
  readonly #options: RosterOptions;
  readonly #startedMs: number;
  readonly #stop: () => void;
  #known: ReadonlyMap<string, Replica> = new Map();
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  /** The address that the database has; empty: none. */
  #announced = '';

  constructor(options: RosterOptions) {
    this.#options = options;
    this.#startedMs = options.clock.wallMs();
    this.#stop = options.clock.every(ANNOUNCE_MS, () => void this.announce());
  }

  close(): void {
    this.#stop();
  }

  /** Whether other servers can find this one. */
  get isAnnounced(): boolean {
    return this.#announced !== '' && this.#announced === this.#options.address();
  }

  /** Writes the row of this server, and removes those of servers that have ended. */
  async announce(): Promise<void> {
    const { database, address, clock, log } = this.#options;
    const own = address();
    if (own === '') {
      return;
    }
    const nowMs = clock.wallMs();
    const row: Replica = { name: this.name, key: this.key, address: own, startedMs: this.#startedMs };
    try {
      await database.putRows(LIST, [{ id: this.name, json: JSON.stringify(row), atMs: nowMs }]);
      await database.removeRows(LIST, nowMs - KEPT_MS);
      this.#announced = own;
    } catch (error) {
      log.debug({ cause: explain(error) }, 'the other servers of the fleet are not told of this one');
    }
  }

  /** The server of this name, also one that has ended lately. */
  async find(name: string): Promise<Replica | undefined> {
    if (!this.#known.has(name)) {
      await this.#readUnless(AGAIN_MS);
    }
    return this.#known.get(name);
  }

  /** All servers, those that have ended lately, too; the one that started first comes first. */
  async all(): Promise<readonly Replica[]> {
    await this.#readUnless(FRESH_MS);
    return [...this.#known.values()].sort((a, b) => a.startedMs - b.startedMs || (a.name < b.name ? -1 : 1));
  }

  /** Reads the rows, unless that was done within this time. */
  async #readUnless(ms: number): Promise<void> {
    const { clock } = this.#options;
    if (clock.monoMs() - this.#readMs >= ms) {
      this.#readMs = clock.monoMs();
      this.#reading = this.#read();
    }
    await this.#reading;
  }

  async #read(): Promise<void> {
    const { database, log } = this.#options;
    try {
      const rows = await database.readRows(LIST, MAX_ROWS);
      const valid = rows.filter((row) => Check(Row, row) && isBoxAddress(row.address)) as Replica[];
      this.#known = new Map(valid.map((row) => [row.name, row]));
    } catch (error) {
      // While the database is away those that are known stay.
      log.debug({ cause: explain(error) }, 'the servers of the fleet cannot be read');
    }
  }
}
