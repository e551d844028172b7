import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { explain } from '../../base/errors.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import { withJoinedSignal } from '../../base/joined-signal.ts';
import { SerialQueue } from '../../base/serial-queue.ts';
import type { Config } from '../../config/load/load.ts';
import { isCatchAll, isStreamPath } from '../../config/values/path-name.ts';
import { type RemotePath, remotePathOf, sourceOf } from '../../config/values/remote-path.ts';
import type { Edit } from '../../config/yaml/edit.ts';
import type { FeatureProblem, Host } from '../contract.ts';
import type { SharedPath, StoredBox } from './client/box-file.ts';
import type { Boxes } from './client/boxes.ts';

const SHARED_PATHS_FILE = 'box-paths.json';
/**
 * Servers may have one and the same configuration file. The one that pairs writes it at once, the others this much later, and up to
 * `SPREAD_MS` apart: then most find that nothing is missing.
 */
const DELAY_MS = 1_000;
const SPREAD_MS = 2_000;
/** A path that is gone within this time was overwritten by another server with the same file, and is added again. */
const SETTLED_MS = 5_000;
/** A change that has failed is tried again after this time. */
const AGAIN_MS = 60_000;

/** For each box that this server has seen in the database: `added` of the paths that it has taken over, by path on the box. */
const TakenFile = Type.Object({ boxes: Type.Record(Type.String(), Type.Record(Type.String(), Type.Number())) });
type Taken = Static<typeof TakenFile>['boxes'];

interface Plan {
  readonly edits: readonly Edit[];
  /** Paths that are here, see `pathKey`. */
  readonly here: ReadonlyMap<string, string>;
  /** Paths that another path's name keeps from being added, by id of the box. */
  readonly clashes: ReadonlyMap<string, readonly SharedPath[]>;
}

interface Fault {
  readonly error: unknown;
  readonly text: string;
  readonly sinceMs: number;
}

export type SharedPathsHost = Pick<Host, 'settings' | 'revise' | 'isSaved' | 'dataDir' | 'clock' | 'log'>;

/**
 * Takes the paths of cameras of boxes that servers with one database have added, into the configuration of this server, each once: one that
 * its owner deletes here stays deleted. Those of a box that was removed at any server are removed.
 */
export class SharedPaths {
  readonly #boxes: Pick<Boxes, 'shared' | 'isShared' | 'item'>;
  readonly #host: SharedPathsHost;
  readonly #file: StoredDocument<typeof TakenFile>;
  readonly #looks = new SerialQueue();
  readonly #stop = new AbortController();
  /** When a path was first here, monotonic, by `added` and `pathKey`. */
  readonly #hereMs = new Map<string, number>();
  #taken: Taken = {};
  #clashes: Plan['clashes'] = new Map();
  #fault: Fault | undefined;
  #wake = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(boxes: Pick<Boxes, 'shared' | 'isShared' | 'item'>, host: SharedPathsHost) {
    this.#boxes = boxes;
    this.#host = host;
    this.#file = new StoredDocument(join(host.dataDir, SHARED_PATHS_FILE), TakenFile, host.log);
  }

  /** Call this once the first configuration is in force. */
  async begin(): Promise<void> {
    if (this.#boxes.isShared) {
      const stored = await this.#file.open('paths of cameras of boxes that were deleted here come back');
      this.#taken = stored?.boxes ?? {};
      this.#done = this.#run(await this.#look());
    }
  }

  /** Boxes, or paths of this server, have changed. */
  changed(): void {
    this.#wake.abort();
  }

  /** Makes up for what is missing now. @throws what the change of the configuration throws */
  async take(): Promise<void> {
    await this.#look();
    this.changed();
    if (this.#fault) {
      throw this.#fault.error;
    }
  }

  problems(): readonly FeatureProblem[] {
    const { text, sinceMs } = this.#fault ?? {};
    const since = sinceMs === undefined ? null : new Date(sinceMs).toISOString();
    const words = 'paths of cameras of boxes, which another server has added or removed, cannot be changed here';
    return [
      ...(text === undefined ? [] : [{ why: 'paths', text: `${words}: ${text}`, since }]),
      ...[...this.#clashes].flatMap(([id, [first, ...more]]) => {
        const name = this.#boxes.item(id)?.name;
        return first && name !== undefined
          ? [{ name, why: 'pathName', text: clashText(first, more.length), since: null }]
          : [];
      }),
    ];
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#done;
    await this.#file.close();
  }

  async #run(firstPauseMs: number): Promise<void> {
    const { clock } = this.#host;
    const { signal } = this.#stop;
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = await this.#look()) {
      const wake = this.#wake.signal;
      await withJoinedSignal([signal, wake], undefined, (joined) => clock.sleep(pauseMs, joined.signal));
      if (wake.aborted) {
        await clock.sleep(DELAY_MS + Math.random() * SPREAD_MS, signal);
      }
      this.#wake = new AbortController();
    }
  }

  /** @returns when to look again, in milliseconds */
  #look(): Promise<number> {
    return this.#looks.run(async () => {
      const boxes = this.#boxes.shared;
      if (!boxes || this.#stop.signal.aborted) {
        return AGAIN_MS;
      }
      const plan = this.#plan(boxes, this.#host.settings());
      this.#clashes = plan.clashes;
      await this.#change(boxes, plan);
      const isSettled = await this.#note(boxes, plan);
      return isSettled || this.#fault ? AGAIN_MS : SETTLED_MS;
    });
  }

  async #change(boxes: readonly StoredBox[], { edits }: Plan): Promise<void> {
    const { revise, log, clock } = this.#host;
    try {
      if (edits.length > 0) {
        await revise((config) => this.#plan(boxes, config).edits);
        log.info({ paths: edits.length }, 'paths of cameras of boxes follow the database');
      }
      this.#fault = undefined;
    } catch (error) {
      const text = explain(error);
      if (this.#fault?.text !== text) {
        log.warn({ cause: text }, 'paths of cameras of boxes cannot follow the database');
      }
      this.#fault = { error, text, sinceMs: this.#fault?.sinceMs ?? clock.wallMs() };
    }
  }

  #plan(boxes: readonly StoredBox[], config: Pick<Config, 'paths'>): Plan {
    const here = pathsHere(config);
    const names = new Set(config.paths.keys());
    const edits: Edit[] = [];
    const clashes = new Map<string, SharedPath[]>();
    for (const { id, paths = [], cameras } of boxes) {
      const titles = new Map(cameras.map(({ path, name }) => [path, name]));
      for (const shared of paths) {
        const { path, name } = shared;
        if (this.#has(id, shared) || here.has(pathKey({ box: id, path })) || !isPathName(name)) {
          continue;
        }
        if (names.has(name)) {
          clashes.set(id, [...(clashes.get(id) ?? []), shared]);
        } else {
          names.add(name);
          edits.push(newPath(id, path, name, titles.get(path)));
        }
      }
    }
    const present = new Set(boxes.map(({ id }) => id));
    const gone = Object.keys(this.#taken).filter((id) => !present.has(id));
    return { edits: [...edits, ...gone.flatMap((id) => withoutBox(config, id))], here, clashes };
  }

  #has(id: string, { path, added }: SharedPath): boolean {
    return this.#taken[id]?.[path] === added;
  }

  /** Remembers what has been here for long enough. @returns whether that is all */
  async #note(boxes: readonly StoredBox[], { edits, here }: Plan): Promise<boolean> {
    const { clock, isSaved } = this.#host;
    const nowMs = clock.monoMs();
    let isSettled = edits.length === 0 && isSaved();
    const isTaken = (id: string, shared: SharedPath): boolean => {
      const camera = pathKey({ box: id, path: shared.path });
      const key = `${shared.added} ${camera}`;
      if (this.#has(id, shared) || !here.has(camera)) {
        this.#hereMs.delete(key);
        return this.#has(id, shared);
      }
      const sinceMs = this.#hereMs.get(key) ?? nowMs;
      this.#hereMs.set(key, sinceMs);
      // What is not in the file is missing after the next start.
      const isDue = nowMs - sinceMs >= SETTLED_MS && isSaved();
      isSettled &&= isDue;
      return isDue;
    };
    const next: Taken = Object.fromEntries(
      boxes.map(({ id, paths = [] }) => [
        id,
        Object.fromEntries(paths.filter((one) => isTaken(id, one)).map(({ path, added }) => [path, added])),
      ]),
    );
    if (!isSettled) {
      // Paths of a removed box may still be in the file.
      for (const [id, paths] of Object.entries(this.#taken)) {
        next[id] ??= paths;
      }
    }
    if (JSON.stringify(next) !== JSON.stringify(this.#taken)) {
      this.#taken = next;
      await this.#file.trySave(
        () => ({ boxes: next }),
        'paths of cameras of boxes that are deleted here may come back',
      );
    }
    return isSettled;
  }
}

/** Identifies a camera of a box. */
export const pathKey = ({ box, path }: RemotePath): string => `${box} ${path}`;

/** Names of the local paths, by camera. */
export function pathsHere({ paths }: Pick<Config, 'paths'>): ReadonlyMap<string, string> {
  const here = new Map<string, string>();
  for (const [name, { settings }] of paths) {
    const remote = remotePathOf(settings?.source ?? '');
    if (remote) {
      here.set(pathKey(remote), name);
    }
  }
  return here;
}

/** A name of the box must not become a pattern here. */
export const isPathName = (name: string): boolean => isStreamPath(name) && !isCatchAll(name);

/** @param title name of the camera for people */
export const newPath = (box: string, path: string, name: string, title: string | null | undefined): Edit => ({
  keyPath: ['paths', name],
  value: { source: sourceOf({ box, path }), sourceOnDemand: true, ...(title != null && { camera: { name: title } }) },
});

export const withoutBox = ({ paths }: Pick<Config, 'paths'>, id: string): readonly Edit[] =>
  [...paths].flatMap(([name, { settings }]) =>
    remotePathOf(settings?.source ?? '')?.box === id ? [{ keyPath: ['paths', name], value: undefined }] : [],
  );

const clashText = ({ path, name }: SharedPath, more: number): string =>
  `its camera '${path}'${more > 0 ? ` and ${more} more are` : ' is'} not shown here: another path has the name '${name}', by which the other servers show it; rename that path`;
