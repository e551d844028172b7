import Type from 'typebox';
import { StoredDocument } from '../../base/files/stored-document.ts';
import type { Logger } from '../../base/log.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { damagedFile, type Problem } from '../../config/yaml/problem.ts';
import type { RetentionRules } from './retention.ts';

const MAX_RECORD_PATHS = 16;

interface RememberedLimit {
  /** The configuration entry of the path: its own, or a pattern. */
  readonly entry: string;
  /** 0: forever. */
  readonly deleteAfterMs: number;
  /** Record paths to which it recorded, newest last. */
  readonly recordPaths: readonly string[];
  /** A removed camera of the same name: its recordings keep its retention. */
  readonly former?: FormerLimit | undefined;
}

interface FormerLimit {
  /** 0: forever. */
  readonly deleteAfterMs: number;
  /** When its last recording expires, Unix milliseconds; 0: never. */
  readonly untilMs: number;
  /** The initial retention of the new camera: a later change applies to both. */
  readonly besideMs: number;
}

interface RememberedRetentionDeps {
  /** A JSON file in the data folder. */
  readonly file: string;
  readonly config: () => Config;
  /** Unix milliseconds. */
  readonly wallMs: () => number;
  readonly isClockTrusted: () => boolean;
  readonly recordPaths: () => readonly string[];
  /** Whether the disk at a record path is the one that was recorded to. */
  readonly isSameDisk: (recordPath: string) => Promise<boolean>;
  readonly log?: Logger;
}

const Stored = Type.Object({ version: Type.Literal(1), paths: Type.Record(Type.String(), Type.Unknown()) });

/** Retention by the configuration or, for removed cameras and former disks, by the last configuration. */
export class RememberedRetention implements RetentionRules {
  readonly #deps: RememberedRetentionDeps;
  readonly #document: StoredDocument<typeof Stored>;
  #known = new Map<string, RememberedLimit>();
  readonly #gone = new Set<string>();
  #saved = '';
  #saving: Promise<void> = Promise.resolve();

  constructor(deps: RememberedRetentionDeps) {
    this.#deps = deps;
    this.#document = new StoredDocument(deps.file, Stored, deps.log);
  }

  get fault(): Problem | undefined {
    return damagedFile(this.#document);
  }

  /** Never rejects: recordings of unreadable entries stay. */
  async load(): Promise<void> {
    const stored = await this.#document.open('recordings of removed cameras are not deleted by age');
    if (stored) {
      this.#saved = JSON.stringify(stored.paths);
      this.#known = parseLimits(stored.paths);
    }
  }

  /** Called after a configuration change. */
  configured(): void {
    const config = this.#deps.config();
    this.#noteGone(config);
    for (const [path, { entry }] of [...this.#known]) {
      const settings = config.paths.get(entry)?.settings;
      if (settings && resolvePath(config, path)?.name === entry) {
        this.#note(path, entry, settings);
      }
    }
    for (const { name, pattern, settings } of config.paths.values()) {
      if (!pattern && settings) {
        this.#note(name, name, settings);
      }
    }
    this.#save();
  }

  #noteGone({ paths }: Config): void {
    for (const [path, { entry }] of this.#known) {
      if (entry === path && !paths.has(path)) {
        this.#gone.add(path);
      }
    }
  }

  /** Called when a path starts recording: only this shows which paths a pattern stands for. */
  recorded(path: string): void {
    const entry = resolvePath(this.#deps.config(), path);
    if (entry?.settings) {
      this.#note(path, entry.name, entry.settings);
      this.#save();
    }
  }

  close(): Promise<void> {
    return this.#saving;
  }

  recordPaths(): readonly string[] {
    const former = [...this.#known.values()].flatMap(({ recordPaths }) => recordPaths);
    return [...new Set([...this.#deps.recordPaths(), ...former])];
  }

  async isThere(recordPath: string): Promise<boolean> {
    return this.#deps.recordPaths().includes(recordPath) || (await this.#deps.isSameDisk(recordPath));
  }

  deleteAfterMs(path: string, recordPath: string): number | undefined {
    if (resolvePath(this.#deps.config(), path)?.error !== undefined) {
      return undefined;
    }
    const known = this.#known.get(path);
    const wasHere = known?.recordPaths.includes(recordPath) ?? false;
    const settings = this.settingsFor(path);
    if (settings) {
      return settings.recordPath === recordPath || wasHere ? this.#longest(settings, known?.former) : undefined;
    }
    return wasHere ? known?.deleteAfterMs || undefined : undefined;
  }

  readonly hasRecorded = (path: string, template: string): boolean =>
    this.#known.get(path)?.recordPaths.includes(template) ?? false;

  /** Recordings of two cameras with one name are not distinguished: the longer retention applies. */
  #longest({ recordDeleteAfterMs: ms }: PathSettings, former: FormerLimit | undefined): number | undefined {
    const isOver = former === undefined || (former.untilMs > 0 && former.untilMs <= this.#deps.wallMs());
    if (isOver || ms === 0) {
      return ms || undefined;
    }
    return former.deleteAfterMs === 0 ? undefined : Math.max(ms, former.deleteAfterMs);
  }

  /** Retention where the path records now or did last, or undefined if it is unlimited or unknown. */
  keptMs(path: string): number | undefined {
    const recordPath = this.settingsFor(path)?.recordPath ?? this.#known.get(path)?.recordPaths.at(-1);
    return recordPath === undefined ? undefined : this.deleteAfterMs(path, recordPath);
  }

  /** Retention of a removed path; 0 for unlimited, undefined if unknown. */
  lastChosenMs(path: string): number | undefined {
    return this.#known.get(path)?.deleteAfterMs;
  }

  shortestMs(): number | undefined {
    const configured = [...this.#deps.config().paths.values()].flatMap(
      ({ settings }) => settings?.recordDeleteAfterMs || [],
    );
    const all = [...configured, ...[...this.#known.values()].flatMap(({ deleteAfterMs }) => deleteAfterMs || [])];
    return all.length === 0 ? undefined : Math.min(...all);
  }

  /** A path's settings. A pattern that happens to match a removed camera's name does not apply to it. */
  settingsFor(path: string): PathSettings | undefined {
    const entry = resolvePath(this.#deps.config(), path);
    const known = this.#known.get(path);
    return !known || known.entry === entry?.name ? entry?.settings : undefined;
  }

  #note(path: string, entry: string, { recordPath, recordDeleteAfterMs: deleteAfterMs }: PathSettings): void {
    // Recording to the same name by a pattern is intended.
    const former = entry === path ? this.#formerOf(path, deleteAfterMs) : undefined;
    const places = (this.#known.get(path)?.recordPaths ?? []).filter((one) => one !== recordPath);
    // Configured paths come last: the limit never drops them.
    this.#known.delete(path);
    this.#known.set(path, {
      entry,
      deleteAfterMs,
      recordPaths: [...places, recordPath].slice(-MAX_RECORD_PATHS),
      ...(former && { former }),
    });
  }

  /** A path that returns with another retention may be another camera. */
  #formerOf(path: string, deleteAfterMs: number): FormerLimit | undefined {
    const known = this.#known.get(path);
    if (!known || !this.#gone.delete(path)) {
      return known?.former?.besideMs === deleteAfterMs ? known.former : undefined;
    }
    const beforeMs = known.deleteAfterMs;
    if (beforeMs === deleteAfterMs) {
      return known.former;
    }
    const { wallMs, isClockTrusted } = this.#deps;
    // With a clock years behind, its recordings would expire at once.
    const untilMs = beforeMs === 0 || !isClockTrusted() ? 0 : wallMs() + beforeMs;
    return { deleteAfterMs: beforeMs, untilMs, besideMs: deleteAfterMs };
  }

  #save(): void {
    this.#known = bounded(this.#known);
    // Sorted, so that an unchanged configuration is not written again.
    const paths = Object.fromEntries([...this.#known].sort(([a], [b]) => (a < b ? -1 : 1)));
    const text = JSON.stringify(paths);
    if (text !== this.#saved) {
      this.#saved = text;
      const value = { version: 1, paths } as const;
      this.#saving = this.#document
        .trySave(() => value, 'the retention of cameras is not remembered')
        .then((isSaved) => {
          this.#saved = isSaved ? this.#saved : '';
        });
    }
  }
}

function parseLimits(paths: Readonly<Record<string, unknown>>): Map<string, RememberedLimit> {
  const limits = new Map<string, RememberedLimit>();
  for (const [path, value] of Object.entries(paths)) {
    const { entry, deleteAfterMs, recordPaths } = (value ?? {}) as Record<string, unknown>;
    const isLimit = typeof deleteAfterMs === 'number' && Number.isFinite(deleteAfterMs) && deleteAfterMs >= 0;
    if (typeof entry === 'string' && isLimit && Array.isArray(recordPaths)) {
      const templates = recordPaths.filter((one): one is string => typeof one === 'string' && one.includes('%path'));
      const former = parseFormer((value as { former?: unknown }).former);
      limits.set(path, {
        entry,
        deleteAfterMs,
        recordPaths: templates.slice(-MAX_RECORD_PATHS),
        ...(former && { former }),
      });
    }
  }
  return bounded(limits);
}

function parseFormer(value: unknown): FormerLimit | undefined {
  const { deleteAfterMs, untilMs, besideMs } = (value ?? {}) as Record<string, unknown>;
  const isMs = (one: unknown): one is number => typeof one === 'number' && Number.isFinite(one) && one >= 0;
  return isMs(deleteAfterMs) && isMs(untilMs) && isMs(besideMs) ? { deleteAfterMs, untilMs, besideMs } : undefined;
}

/** Names from patterns are dropped first: they are unlimited, and their pattern still applies. */
function bounded(limits: ReadonlyMap<string, RememberedLimit>): Map<string, RememberedLimit> {
  const isOwn = ([path, { entry }]: [string, RememberedLimit]): boolean => path === entry;
  const { own = [], others = [] } = Object.groupBy(limits, (one) => (isOwn(one) ? 'own' : 'others'));
  // The newest removed paths are kept; recordings of forgotten paths stay.
  return new Map([...others, ...own].slice(-2_000));
}
