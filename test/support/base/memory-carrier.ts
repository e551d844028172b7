import { PerchError } from '../../../agent/base/errors.ts';
import {
  carryDocuments,
  type DocumentCarrier,
  type DocumentWatcher,
  type ListRow,
  staleVersion,
} from '../../../agent/base/files/document-carrier.ts';

interface Row {
  readonly json: string | undefined;
  readonly version: number;
}

const OF_ONE_SERVER = new Set(['setup.json', 'claim.json', 'box-paths.json']);

/** A database in memory, and the servers that use it. */
export class MemoryDatabase {
  readonly rows = new Map<string, Row>();
  /** Holder and end of each lease, by name. */
  readonly leases = new Map<string, { readonly holder: MemoryCarrier; readonly untilMs: number }>();
  nowMs = 0;
  readonly lists = new Map<string, Map<string, ListRow>>();
  readonly #servers = new Set<MemoryCarrier>();
  #version = 0;

  /** A server whose data folder is this one. */
  server(dataDir: string): MemoryCarrier {
    const carrier = new MemoryCarrier(this);
    this.#servers.add(carrier);
    carryDocuments(dataDir, carrier);
    return carrier;
  }

  put(name: string, json: string | undefined): number {
    this.#version += 1;
    this.rows.set(name, { json, version: this.#version });
    for (const server of this.#servers) {
      server.tell(name);
    }
    return this.#version;
  }
}

export class MemoryCarrier implements DocumentCarrier {
  readonly #database: MemoryDatabase;
  readonly #watchers = new Map<string, DocumentWatcher>();
  #fault: string | undefined;
  #isCurrent = true;

  constructor(database: MemoryDatabase) {
    this.#database = database;
  }

  get fault(): string | undefined {
    return this.#fault;
  }

  isCurrent(): boolean {
    return this.#isCurrent;
  }

  keeps(name: string): boolean {
    return !name.startsWith('unsaved-') && !OF_ONE_SERVER.has(name);
  }

  goAway(fault = 'the database is away'): void {
    this.#fault = fault;
  }

  /** It has been away for two minutes. */
  age(): void {
    this.#isCurrent = false;
    for (const watcher of this.#watchers.values()) {
      watcher.outdated();
    }
  }

  comeBack(): void {
    this.#fault = undefined;
    this.#isCurrent = true;
    for (const name of this.#watchers.keys()) {
      this.tell(name);
    }
  }

  tell(name: string): void {
    if (this.#fault === undefined) {
      this.#watchers.get(name)?.changed(this.#database.rows.get(name)?.version ?? 0);
    }
  }

  async load(name: string): Promise<{ value: unknown; version: number }> {
    this.#check();
    const { json, version = 0 } = this.#database.rows.get(name) ?? {};
    return { value: json === undefined ? undefined : JSON.parse(json), version };
  }

  async versionOf(name: string): Promise<number> {
    return (await this.load(name)).version;
  }

  async save(name: string, json: string | undefined, version: number | undefined): Promise<number> {
    this.#check();
    if (version !== undefined && version !== (this.#database.rows.get(name)?.version ?? 0)) {
      throw staleVersion(name);
    }
    return this.#database.put(name, json);
  }

  watch(name: string, watcher: DocumentWatcher): void {
    this.#watchers.set(name, watcher);
  }

  async putRows(list: string, rows: readonly ListRow[]): Promise<void> {
    this.#check();
    const all = this.#database.lists.get(list) ?? new Map<string, ListRow>();
    this.#database.lists.set(list, all);
    for (const row of rows) {
      all.set(row.id, row);
    }
  }

  async readRows(list: string, count: number): Promise<readonly unknown[]> {
    this.#check();
    const rows = [...(this.#database.lists.get(list)?.values() ?? [])];
    return rows
      .toSorted((one, other) => other.atMs - one.atMs)
      .slice(0, count)
      .map(({ json }) => JSON.parse(json));
  }

  async takeRow(list: string, ids: readonly string[], beforeMs: number): Promise<unknown> {
    this.#check();
    const rows = this.#database.lists.get(list);
    const row = ids.map((id) => rows?.get(id)).find((one) => one !== undefined && one.atMs >= beforeMs);
    rows?.delete(row?.id ?? '');
    return row && JSON.parse(row.json);
  }

  async removeRows(list: string, beforeMs: number): Promise<void> {
    this.#check();
    for (const { id, atMs } of this.#database.lists.get(list)?.values() ?? []) {
      if (atMs < beforeMs) {
        this.#database.lists.get(list)?.delete(id);
      }
    }
  }

  async lease(names: readonly string[], ms: number): Promise<ReadonlySet<string>> {
    this.#check();
    const { leases, nowMs } = this.#database;
    const own = names.filter((name) => {
      const lease = leases.get(name);
      return !lease || lease.holder === this || lease.untilMs < nowMs;
    });
    for (const name of own) {
      leases.set(name, { holder: this, untilMs: nowMs + ms });
    }
    return new Set(own);
  }

  async release(name: string): Promise<void> {
    this.#check();
    if (this.#database.leases.get(name)?.holder === this) {
      this.#database.leases.delete(name);
    }
  }

  async close(): Promise<void> {}

  #check(): void {
    if (this.#fault !== undefined) {
      throw new PerchError('unavailable', this.#fault);
    }
  }
}
