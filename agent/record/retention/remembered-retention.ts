import { readFile } from 'node:fs/promises';
import { explain } from '../../base/errors.ts';
import { writeAtomic } from '../../config/file/file.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { codeOf } from '../file/disk-fault.ts';
import type { RetentionRules } from './retention.ts';

/** Of those that are no longer configured the newest so many are kept; what is forgotten stays. */
const MAX_PATHS = 2_000;
const MAX_RECORD_PATHS = 16;

/** What the owner chose for a path when it was configured last. */
interface RememberedLimit {
  /** The entry of the configuration that the path followed: its own, or a pattern. */
  readonly entry: string;
  /** 0: for ever. */
  readonly deleteAfterMs: number;
  /** Where it has recorded to, the newest last. */
  readonly recordPaths: readonly string[];
  /** Of a camera of the same name that was removed before: its recordings stay as long as was chosen for them. */
  readonly former?: FormerLimit | undefined;
}

interface FormerLimit {
  /** 0: for ever. */
  readonly deleteAfterMs: number;
  /** When the last of its recordings is so old, in Unix milliseconds; 0: never. */
  readonly untilMs: number;
  /** What was chosen for the new one when it was added: another choice for it is one for all. */
  readonly besideMs: number;
}

interface RememberedRetentionDeps {
  /** JSON, in the data folder. */
  readonly file: string;
  readonly config: () => Config;
  /** Unix milliseconds. */
  readonly wallMs: () => number;
  readonly isClockTrusted: () => boolean;
  /** Every different `recordPath` in use. */
  readonly recordPaths: () => readonly string[];
  /** What is there is what was recorded there: not another disk with another's recordings. */
  readonly isSameDisk: (recordPath: string) => Promise<boolean>;
  readonly onFault: (text: string) => void;
}

/**
 * How long recordings stay, by the configuration, and where it does not say so any more, by what it said last: recordings of a camera
 * that was removed, and those on a disk that is no longer recorded to, are kept as long as was chosen for them.
 */
export class RememberedRetention implements RetentionRules {
  readonly #deps: RememberedRetentionDeps;
  #known = new Map<string, RememberedLimit>();
  /** Known ones that the configuration does not have now. */
  readonly #gone = new Set<string>();
  #saved = '';
  #saving: Promise<void> = Promise.resolve();

  constructor(deps: RememberedRetentionDeps) {
    this.#deps = deps;
  }

  /** Never rejects: what cannot be read is not known, and stays. */
  async load(): Promise<void> {
    const { file, onFault } = this.#deps;
    try {
      this.#saved = await readFile(file, 'utf8');
      this.#known = parseLimits(this.#saved);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') {
        onFault(`cannot read ${file}: recordings of removed cameras are not deleted by age (${explain(error)})`);
      }
    }
  }

  /** The configuration has changed. */
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

  /** A path is going to be recorded: one of a pattern has its name from elsewhere. */
  recorded(path: string): void {
    const entry = resolvePath(this.#deps.config(), path);
    if (entry?.settings) {
      this.#note(path, entry.name, entry.settings);
      this.#save();
    }
  }

  /** Nothing is being written any more. */
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

  /** What is one camera's and what another's of the same name is not told apart: nothing goes before its time. */
  #longest({ recordDeleteAfterMs: ms }: PathSettings, former: FormerLimit | undefined): number | undefined {
    const isOver = former === undefined || (former.untilMs > 0 && former.untilMs <= this.#deps.wallMs());
    if (isOver || ms === 0) {
      return ms || undefined;
    }
    return former.deleteAfterMs === 0 ? undefined : Math.max(ms, former.deleteAfterMs);
  }

  /** How long the recordings of a path are kept where it records now, or where it did last; undefined: for ever, or that is not known. */
  keptMs(path: string): number | undefined {
    const recordPath = this.settingsFor(path)?.recordPath ?? this.#known.get(path)?.recordPaths.at(-1);
    return recordPath === undefined ? undefined : this.deleteAfterMs(path, recordPath);
  }

  /** What was chosen for a path that is not configured any more; 0: for ever; undefined: that is not known. */
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

  /**
   * What the configuration says of a path's recordings. A pattern that only happens to fit the name of a camera that is gone was not
   * meant for them.
   */
  settingsFor(path: string): PathSettings | undefined {
    const entry = resolvePath(this.#deps.config(), path);
    const known = this.#known.get(path);
    return !known || known.entry === entry?.name ? entry?.settings : undefined;
  }

  #note(
    path: string,
    entry: string,
    settings: { readonly recordPath: string; readonly recordDeleteAfterMs: number },
  ): void {
    const { recordPath, recordDeleteAfterMs: deleteAfterMs } = settings;
    // Who records to the same name by a pattern means it.
    const former = entry === path ? this.#formerOf(path, deleteAfterMs) : undefined;
    const places = (this.#known.get(path)?.recordPaths ?? []).filter((one) => one !== recordPath);
    // Those that are configured come last: what is too much is none of them.
    this.#known.delete(path);
    this.#known.set(path, {
      entry,
      deleteAfterMs,
      recordPaths: [...places, recordPath].slice(-MAX_RECORD_PATHS),
      ...(former && { former }),
    });
  }

  /** A path that comes back with another age may be another camera. */
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
    // By a clock that may be years behind they would be old enough at once.
    const untilMs = beforeMs === 0 || !isClockTrusted() ? 0 : wallMs() + beforeMs;
    return { deleteAfterMs: beforeMs, untilMs, besideMs: deleteAfterMs };
  }

  #save(): void {
    const { file, onFault } = this.#deps;
    this.#known = bounded(this.#known);
    // In one order, so that a configuration that says nothing new is not written again.
    const paths = Object.fromEntries([...this.#known].sort(([a], [b]) => (a < b ? -1 : 1)));
    const text = `${JSON.stringify({ version: 1, paths }, undefined, 1)}\n`;
    if (text !== this.#saved) {
      this.#saved = text;
      this.#saving = this.#saving
        .then(() => writeAtomic(file, text))
        .catch((error: unknown) => {
          this.#saved = '';
          onFault(`cannot write ${file} (${explain(error)})`);
        });
    }
  }
}

/** What is wrong in it is left out. */
function parseLimits(text: string): Map<string, RememberedLimit> {
  const { paths } = (JSON.parse(text) ?? {}) as { paths?: unknown };
  const limits = new Map<string, RememberedLimit>();
  for (const [path, value] of Object.entries((paths ?? {}) as Record<string, unknown>)) {
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

/** Names that a pattern stands for are forgotten first: there is no end of them, and while it is there they go by it. */
function bounded(limits: ReadonlyMap<string, RememberedLimit>): Map<string, RememberedLimit> {
  const isOwn = ([path, { entry }]: [string, RememberedLimit]): boolean => path === entry;
  const { own = [], others = [] } = Object.groupBy(limits, (one) => (isOwn(one) ? 'own' : 'others'));
  return new Map([...others, ...own].slice(-MAX_PATHS));
}
