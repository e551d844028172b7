import { randomBytes } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { isBoxAddress } from '../../../auth/pairing/invitation-text.ts';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import type { DocumentCarrier } from '../../../base/files/document-carrier.ts';
import type { Logger } from '../../../base/log.ts';

const LIST = 'replicas';
export const MAX_ROWS = 64;
const ANNOUNCE_MS = 30_000;
/** Sessions of a server that has ended are continued for this long, and by a server that has such sessions as long as it runs. */
const KEPT_MS = 86_400_000;
/** A server that has not renewed its row for this long has ended, if it does not answer either. */
const LATE_MS = 90_000;
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
  /** Pin of its own certificate, see `agent/tls/pin.ts`, besides which a valid one of a known authority is accepted. */
  pin: Type.Optional(Type.String({ maxLength: 120 })),
  startedMs: Type.Integer({ minimum: 0 }),
  /** Unix milliseconds; 0: it has ended. */
  renewedMs: Type.Integer({ minimum: 0 }),
});
export type Replica = Static<typeof Row>;

interface RosterOptions {
  readonly database: Pick<DocumentCarrier, 'putRows' | 'readRows' | 'removeRows'>;
  /** `replicaAddress`; empty: others cannot reach this server. */
  readonly address: () => string;
  /** Of the certificate of this server; undefined: it has no https of its own yet. */
  readonly pin: () => string | undefined;
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
  /** Servers that have ended whose sessions this one has, by name. */
  readonly #inherited = new Map<string, Replica>();
  #readMs = Number.NEGATIVE_INFINITY;
  /** Wall time at which `#known` was read. */
  #knownAtMs = 0;
  #reading: Promise<void> | undefined;
  /** The address that the database has; empty: none. */
  #announced = '';

  constructor(options: RosterOptions) {
    this.#options = options;
    this.#startedMs = options.clock.wallMs();
    this.#stop = options.clock.every(ANNOUNCE_MS, () => void this.announce());
  }

  /** Tells the other servers that this one ends. */
  async close(): Promise<void> {
    this.#stop();
    if (this.#announced !== '') {
      await this.#put([this.#row(this.#announced, 0)]);
    }
  }

  /** Whether other servers can find this one. */
  get isAnnounced(): boolean {
    return this.#announced !== '' && this.#announced === this.#options.address();
  }

  /** Writes the row of this server, and removes those of servers that have ended. */
  async announce(): Promise<void> {
    const own = this.#options.address();
    await this.#readUnless(FRESH_MS);
    const kept = [...this.#inherited.values()].filter(({ name }) => this.isLate(name));
    const rows = own === '' ? kept : [...kept, this.#row(own, this.#options.clock.wallMs())];
    if (rows.length > 0 && (await this.#put(rows))) {
      this.#announced = own;
    }
  }

  #row(address: string, renewedMs: number): Replica {
    const pin = this.#options.pin();
    const row = { name: this.name, key: this.key, address, startedMs: this.#startedMs, renewedMs };
    return pin === undefined ? row : { ...row, pin };
  }

  /** @returns whether the database has them */
  async #put(rows: readonly Replica[]): Promise<boolean> {
    const { database, clock, log } = this.#options;
    const atMs = clock.wallMs();
    try {
      await database.putRows(
        LIST,
        rows.map((row) => ({ id: row.name, json: JSON.stringify(row), atMs })),
      );
      await database.removeRows(LIST, atMs - KEPT_MS);
      return true;
    } catch (error) {
      log.debug({ cause: explain(error) }, 'the other servers of the fleet are not told of this one');
      return false;
    }
  }

  /** Keeps the row of a server that has ended, by which the others find its sessions here. */
  keep(ended: Replica): void {
    putBounded(this.#inherited, ended.name, ended, MAX_ROWS / 4);
  }

  /** The server of this name, also one that has ended lately. */
  async find(name: string): Promise<Replica | undefined> {
    if (!this.#known.has(name)) {
      await this.#readUnless(AGAIN_MS);
    }
    return this.#known.get(name);
  }

  /** The servers that run; the one that started first comes first. */
  async running(): Promise<readonly Replica[]> {
    await this.#readUnless(FRESH_MS);
    const running = [...this.#known.values()].filter(({ name }) => !this.isLate(name));
    return running.sort((a, b) => a.startedMs - b.startedMs || (a.name < b.name ? -1 : 1));
  }

  async isLateNow(name: string): Promise<boolean> {
    await this.#readUnless(FRESH_MS);
    return this.isLate(name);
  }

  /** Whether the row of this server was not renewed, when the database last answered. */
  isLate(name: string): boolean {
    return this.#knownAtMs - (this.#known.get(name)?.renewedMs ?? 0) >= LATE_MS;
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
    const { database, clock, log } = this.#options;
    try {
      const nowMs = clock.wallMs();
      const rows = await database.readRows(LIST, MAX_ROWS);
      const valid = rows.filter((row) => Check(Row, row) && isBoxAddress(row.address)) as Replica[];
      this.#known = new Map(valid.map((row) => [row.name, row]));
      this.#knownAtMs = nowMs;
    } catch (error) {
      // While the database is away those that are known stay.
      log.debug({ cause: explain(error) }, 'the servers of the fleet cannot be read');
    }
  }
}
