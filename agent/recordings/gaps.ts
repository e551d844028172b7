import { join } from 'node:path';
import type { Context } from '../config/load/context.ts';
import { resolvePath } from '../config/load/load.ts';
import { GapJournal, type GapJournalOptions } from '../record/gaps/gap-journal.ts';
import type { PathFacts, WatchedPath } from '../record/gaps/gap-reason.ts';
import type { FlushPoint } from '../record/write/flush.ts';

const POLL_MS = 2_000;
const PRUNE_PAUSE_MS = 6 * 3_600_000;

interface RecordingGapsOptions
  extends Pick<GapJournalOptions, 'index' | 'isClockTrusted' | 'lastAliveMs'>,
    Pick<Context, 'config' | 'dataDir' | 'clock' | 'log'> {
  readonly flush: FlushPoint;
  readonly disks: () => readonly { readonly folder: string; readonly state: string }[];
  /** Retention of the path's recordings, or undefined if it is unlimited. */
  readonly keptMs: (path: string) => number | undefined;
  /** The clock may be years ahead: no entry expires. */
  readonly isDateDoubted: () => boolean;
}

/** Records why paths are not recorded. */
export class RecordingGaps {
  readonly journal: GapJournal;
  readonly #options: RecordingGapsOptions;
  #stops: readonly (() => void)[] = [];

  constructor(options: RecordingGapsOptions) {
    const { dataDir, log, flush } = options;
    const folder = join(dataDir, 'gaps');
    this.#options = options;
    this.journal = new GapJournal({
      ...options,
      folder,
      logger: log,
      factsOf: (path) => this.#factsOf(path),
      inTurn: (device, work) => flush.disk(device).flush(work),
    });
    flush.add(folder, this.journal.files);
  }

  begin(signal: AbortSignal, paths: () => readonly WatchedPath[]): void {
    const { clock, log } = this.#options;
    const logFailure = (error: unknown): void => log.error({ err: error }, 'cannot record the reasons of gaps');
    this.#stops = [
      clock.every(POLL_MS, () => void this.journal.check(paths()).catch(logFailure)),
      clock.every(PRUNE_PAUSE_MS, () => void this.#prune().catch(logFailure)),
    ];
    // Before the paths are closed: their absence is no outage.
    signal.addEventListener('abort', () => this.#end(), { once: true });
  }

  async close(): Promise<void> {
    this.#end();
    await this.journal.close();
  }

  #end(): void {
    for (const stop of this.#stops) {
      stop();
    }
    this.#stops = [];
  }

  async #prune(): Promise<void> {
    const { clock, keptMs, isClockTrusted, isDateDoubted } = this.#options;
    if (isClockTrusted() && !isDateDoubted()) {
      await this.journal.prune(clock.wallMs(), keptMs);
    }
  }

  #factsOf(path: string): PathFacts {
    const settings = resolvePath(this.#options.config(), path)?.settings;
    // A disk may be mounted inside another disk's folder.
    const [disk] = this.#options
      .disks()
      .filter(({ folder }) => settings?.recordPath.startsWith(`${folder}/`))
      .sort((a, b) => b.folder.length - a.folder.length);
    return { isAroundEvents: settings?.record === 'motion', diskState: disk?.state };
  }
}
