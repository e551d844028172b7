import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PerchError } from '../../../base/errors.ts';
import { resolvePath } from '../../../config/load/load.ts';
import { freeSpaceBytes } from '../../../config/values/free-space.ts';
import type { Playback } from '../../../playback/playback.ts';
import type { ImportPace } from '../../../recordings/copy/copy-file.ts';
import { recordedUsOf } from '../../../recordings/copy/recorded.ts';
import type { JobReport, TransferJob } from '../../../recordings/copy/transfer-kind.ts';
import type { Host } from '../../contract.ts';
import { type ImportReport, importFolder, inOrder } from './import-folder.ts';
import { groupOf } from './import-groups.ts';
import { namesBelow } from './names-below.ts';

/** Interval of saves: what was done since the last one is found again after a power cut. */
const SAVE_MS = 5_000;

interface ImportItem {
  readonly group: string;
  readonly path: string;
}

interface ImportJobDeps extends Pick<Host, 'clock' | 'config'> {
  readonly playback: Pick<Playback, 'measure' | 'stateOf'>;
  readonly isOpen: (file: string) => boolean;
  /** Why nothing may be written there; undefined: it may. */
  readonly refusal: (file: string) => string | undefined;
  /** IANA name of the time zone; undefined: the machine's zone. */
  readonly zone?: string;
}

interface ImportMemory {
  /** Number of the present item, and the last of its files that is done. */
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

  get memory(): ImportMemory {
    return this.#memory;
  }

  async run(report: JobReport, pace: ImportPace): Promise<void> {
    await this.#run(report, pace).catch((error: unknown) => {
      const isGone = error instanceof PerchError && error.context['why'] === 'folder';
      throw isGone ? new PerchError('unavailable', error.message, { why: 'away' }, error) : error;
    });
  }

  async #run(report: JobReport, pace: ImportPace): Promise<void> {
    const { item: first = 0, last } = this.#memory;
    report.left(...(await this.#measure(first, last)));
    for (const [i, item] of this.#items.entries()) {
      if (i >= first) {
        await this.#take(item, i === first ? last : undefined, i, report, pace);
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
    const { clock } = this.#deps;
    let before: ImportReport | undefined;
    let leftCount = 0;
    let savedMs = clock.monoMs();
    const onProgress = (now: ImportReport): void => {
      for (const left of now.left.slice(leftCount)) {
        report.leftOut(left);
      }
      leftCount = now.left.length;
      if (before) {
        if (now.present > before.present) {
          report.isPresent();
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
    const target = this.#targetOf(item, report);
    await importFolder(this.#from, target, this.#guarded(target.recordPath, pace), onProgress, { last });
    pace.signal.throwIfAborted();
  }

  #targetOf(item: ImportItem, report: JobReport) {
    const { clock, config, playback, isOpen, zone } = this.#deps;
    const settings = resolvePath(config(), item.path)?.settings;
    if (!settings) {
      throw new PerchError('notFound', `path '${item.path}' is not configured any more`, { why: 'path' });
    }
    const { recordPath, recordDeleteAfterMs: deleteAfterMs } = settings;
    let current: string | undefined;
    return {
      path: item.path,
      recordPath,
      deleteAfterMs,
      isLinked: false,
      camera: undefined,
      isOpen,
      ...(zone !== undefined && { zone }),
      minFreeBytes: (diskBytes: number) => freeSpaceBytes(config().recordMinFree, diskBytes),
      nowMs: () => clock.wallMs(),
      recordedUs: recordedUsOf(playback, item.path, () => clock.monoMs()),
      only: (name: string) => groupOf(name) === item.group,
      isOwn: (file: string) => playback.stateOf(file) !== undefined,
      onBytes: (name: string, bytes: number) => {
        if (current !== name) {
          current = name;
          report.begin(name);
        }
        report.bytes(bytes);
      },
    };
  }

  /** Waits as the pace does, and ends when the disk of the recordings is away. */
  #guarded(recordPath: string, pace: ImportPace): ImportPace {
    return {
      signal: pace.signal,
      wait: async () => {
        const away = this.#deps.refusal(recordPath);
        if (away !== undefined) {
          throw new PerchError('exhausted', away, { why: 'away' });
        }
        await pace.wait();
      },
    };
  }

  /** Counts what is left to take. @throws PerchError if a group has no files any more */
  async #measure(first: number, last: string | undefined): Promise<[files: number, bytes: number]> {
    const byGroup = Map.groupBy(await namesBelow(this.#from), groupOf);
    let [files, bytes] = [0, 0];
    for (const [i, { group }] of this.#items.entries()) {
      if (i < first) {
        continue;
      }
      const inTurn = inOrder(byGroup.get(group) ?? [], this.#deps.zone).map(({ name }) => name);
      if (inTurn.length === 0) {
        const text = `${this.#from} has no files of '${group}' any more: is its disk mounted?`;
        throw new PerchError('unavailable', text, { why: 'away' });
      }
      for (const name of inTurn.slice(i === first && last !== undefined ? 1 + inTurn.indexOf(last) : 0)) {
        files += 1;
        bytes += (await stat(join(this.#from, name)).catch(() => undefined))?.size ?? 0;
      }
    }
    return [files, bytes];
  }
}
