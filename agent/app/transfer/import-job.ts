import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Config } from '../../config/load/load.ts';
import { resolvePath } from '../../config/load/load.ts';
import { freeSpaceBytes } from '../../config/values/free-space.ts';
import type { Playback } from '../../playback/playback.ts';
import type { ImportPace } from '../import/copy-file.ts';
import { type ImportReport, importFolder, namesBelow } from '../import/import-folder.ts';
import { recordedUsOf } from '../import/recorded.ts';
import { groupOf } from './import-groups.ts';
import type { JobReport, TransferJob } from './job.ts';

/** What was done since is found again after a power cut. */
const SAVE_MS = 5_000;

interface ImportItem {
  readonly group: string;
  readonly path: string;
}

interface ImportJobDeps {
  readonly clock: Clock;
  readonly config: () => Config;
  readonly playback: Pick<Playback, 'measure'>;
  /** Why nothing may be written there; undefined: it may. */
  readonly refusal: (file: string) => string | undefined;
}

interface ImportMemory {
  /** The present item, and the last file of it that is done. */
  readonly item?: number;
  readonly last?: string | undefined;
}

/** Takes recordings of other programs into those of paths, group by group. */
export class ImportJob implements TransferJob {
  readonly #from: string;
  readonly #items: readonly ImportItem[];
  readonly #deps: ImportJobDeps;
  #memory: ImportMemory;

  constructor(from: string, items: readonly ImportItem[], memory: ImportMemory, deps: ImportJobDeps) {
    this.#from = from;
    this.#items = items;
    this.#memory = memory;
    this.#deps = deps;
  }

  async run(report: JobReport, pace: ImportPace): Promise<void> {
    const first = this.#memory.item ?? 0;
    report.left(...(await this.#measure(first)));
    for (const [i, item] of this.#items.entries()) {
      if (i >= first) {
        await this.#take(item, i === first ? this.#memory.last : undefined, i, report, pace);
        this.#memory = { item: i + 1 };
        await report.keep(this.#memory);
      }
    }
  }

  async #take(
    item: ImportItem,
    last: string | undefined,
    i: number,
    report: JobReport,
    pace: ImportPace,
  ): Promise<void> {
    const { clock, config, playback, refusal } = this.#deps;
    const settings = resolvePath(config(), item.path)?.settings;
    if (!settings) {
      throw new PerchError('notFound', `path '${item.path}' is not configured any more`, { why: 'path' });
    }
    const { recordPath, recordDeleteAfterMs: deleteAfterMs } = settings;
    const target = {
      ...{ path: item.path, recordPath, deleteAfterMs, isLinked: false, camera: undefined },
      minFreeBytes: (diskBytes: number) => freeSpaceBytes(config().recordMinFree, diskBytes),
      nowMs: () => clock.wallMs(),
      recordedUs: recordedUsOf(playback, item.path, () => clock.monoMs()),
      only: (name: string) => groupOf(name) === item.group,
    };
    const guarded = {
      signal: pace.signal,
      wait: async () => {
        const away = refusal(recordPath);
        if (away !== undefined) {
          throw new PerchError('exhausted', away, { why: 'away' });
        }
        await pace.wait();
      },
    };
    let before: ImportReport | undefined;
    let savedMs = clock.monoMs();
    const onProgress = (now: ImportReport): void => {
      if (before) {
        for (const left of now.left.slice(before.left.length)) {
          report.leftOut(left);
        }
        report.done(now.doneBytes - before.doneBytes);
        this.#memory = { item: i, last: now.last };
        if (clock.monoMs() - savedMs >= SAVE_MS) {
          savedMs = clock.monoMs();
          void report.keep(this.#memory).catch(() => {});
        }
      }
      before = now;
    };
    const former = { ...NOTHING_YET, last };
    await importFolder(this.#from, target, guarded, onProgress, former);
    pace.signal.throwIfAborted();
  }

  /** Of what is left. */
  async #measure(first: number): Promise<[files: number, bytes: number]> {
    const wanted = new Set(this.#items.slice(first).map(({ group }) => group));
    let [files, bytes] = [0, 0];
    for (const name of await namesBelow(this.#from)) {
      if (wanted.has(groupOf(name))) {
        files += 1;
        bytes += (await stat(join(this.#from, name)).catch(() => undefined))?.size ?? 0;
      }
    }
    return [files, bytes];
  }
}

const NOTHING_YET = {
  ...{ files: 0, bytes: 0, doneFiles: 0, doneBytes: 0, taken: 0, takenBytes: 0, present: 0 },
  left: [],
};
