import { randomUUID } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import type { Logger } from '../../base/log.ts';
import type { AddressProbe } from './by-address.ts';
import { type Failure, failureOf } from './failure.ts';
import type { OnProgress } from './progress.ts';

const MAX_RUNNING = 4;
/** Time for all stream addresses of all makers at one a second. */
const DEADLINE_MS = 5 * 60_000;

/** A probe of an address or of a range. */
export interface ProbeJob {
  readonly id: string;
  readonly target: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly what: string;
  readonly done: number;
  readonly total: number;
  /** Whether the camera is connected and needs longer than usual. */
  readonly isSlow: boolean;
  /** Result for one address; those of a range are in the list of found cameras. */
  readonly at: AddressProbe | undefined;
  readonly failure: Failure | undefined;
}

export type ProbeWork = (signal: AbortSignal, onProgress: OnProgress) => Promise<AddressProbe | undefined>;

interface Running {
  job: ProbeJob;
  readonly stop: AbortController;
}

/** Runs probes in the background. The oldest finished ones are forgotten. */
export class ProbeJobs {
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #onChange: (job: ProbeJob) => void;
  readonly #all = new Map<string, Running>();

  constructor(log: Logger, signal: AbortSignal, onChange: (job: ProbeJob) => void) {
    this.#log = log;
    this.#signal = signal;
    this.#onChange = onChange;
  }

  /** @throws PerchError exhausted if too many are running */
  start(target: string, work: ProbeWork): ProbeJob {
    const running = [...this.#all.values()].filter(({ job }) => job.state === 'running').length;
    if (running >= MAX_RUNNING) {
      const words = `${running} addresses are being probed, the limit is ${MAX_RUNNING}: wait for one of them`;
      throw new PerchError('exhausted', words, { retryAfterS: 5 });
    }
    const job: ProbeJob = {
      id: randomUUID(),
      target,
      state: 'running',
      what: '',
      done: 0,
      total: 0,
      isSlow: false,
      at: undefined,
      failure: undefined,
    };
    const entry = { job, stop: new AbortController() };
    this.#all.set(job.id, entry);
    this.#forget();
    void this.#run(entry, work);
    return job;
  }

  get(id: string): ProbeJob | undefined {
    return this.#all.get(id)?.job;
  }

  end(id: string): boolean {
    const entry = this.#all.get(id);
    entry?.stop.abort();
    return entry !== undefined;
  }

  async #run(entry: Running, work: ProbeWork): Promise<void> {
    const change = (update: Partial<ProbeJob>): void => {
      entry.job = { ...entry.job, ...update };
      this.#onChange(entry.job);
    };
    const joined = joinSignals([entry.stop.signal, this.#signal], DEADLINE_MS);
    try {
      const at = await work(joined.signal, ({ what, done, total, isSlow = false }) =>
        change({ what, done, total, isSlow }),
      );
      change({ state: 'done', at, done: entry.job.total });
    } catch (error) {
      change({ state: 'failed', failure: failureOf(error, this.#log) });
    } finally {
      joined.release();
    }
  }

  #forget(): void {
    for (const [id, { job }] of this.#all) {
      if (this.#all.size > 32 && job.state !== 'running') {
        this.#all.delete(id);
      }
    }
  }
}
