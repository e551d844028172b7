import { Check } from 'typebox/value';
import { explain, PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import { SerialQueue } from '../../../base/serial-queue.ts';
import { freeSpaceBytes } from '../../../config/values/free-space.ts';
import { Copier } from '../../../recordings/copy/copier.ts';
import { diskFaultOf } from '../../../recordings/copy/left-file.ts';
import {
  type ImportForecast,
  type JobReport,
  StoredTransfer,
  type TransferForecast,
  type TransferJob,
  type TransferSource,
  type TransferState,
} from '../../../recordings/copy/transfer-kind.ts';
import type { Host } from '../../contract.ts';
import { DiskPace } from './disk-pace.ts';
import { NOTHING_DONE, Progress } from './progress.ts';
import { recorderText } from './recorder-address.ts';
import type { TransferRequest } from './requests.ts';
import { AddedCameras, withPaths } from './transfer-paths.ts';

/** Interval at which a full or missing disk is tried again. */
const RETRY_MS = 15_000;

interface Running {
  readonly stored: StoredTransfer;
  readonly progress: Progress;
  readonly source: TransferSource;
  readonly job: TransferJob;
  phase: TransferState['phase'];
  why: string | undefined;
  stop: AbortController;
  /** Undefined: it has not begun. */
  ended: Promise<void> | undefined;
}

type RunnerHost = Pick<Host, 'clock' | 'log' | 'config' | 'edits' | 'recordings' | 'transfers'>;

/** One transfer at a time, which continues after a restart. */
export class TransferRunner {
  readonly #host: RunnerHost;
  readonly #journal: StoredDocument<typeof StoredTransfer>;
  #running: Running | undefined;
  /** Requests to start, pause, resume and cancel take turns: preparing a transfer may take a minute. */
  readonly #turns = new SerialQueue();
  readonly #added: AddedCameras;
  readonly #closing = new AbortController();
  /** Aborts the running `look`: there is one at a time. */
  #looking = new AbortController();

  /** @param file of the transfer that is not over; that of the cameras which transfers have added is next to it */
  constructor(host: RunnerHost, file: string) {
    this.#host = host;
    this.#journal = new StoredDocument(file, StoredTransfer, host.log);
    this.#added = new AddedCameras(file.replace(/\.json$/, '-cameras.json'), host.config);
  }

  /** Prepares a transfer of an earlier run, which `work` continues. */
  async begin(): Promise<void> {
    const stored = await this.#journal.open('a transfer of recordings cannot be continued: start it again');
    if (stored && !this.#running) {
      try {
        this.#running = this.#runningOf(stored, await this.#sourceOf(stored.kind));
      } catch (error) {
        rethrowUnexpected(error);
        this.#host.log.warn({ cause: explain(error) }, 'a transfer of recordings cannot be continued');
      }
    }
  }

  /** Continues the prepared transfer, unless a request has done so. */
  work(): void {
    if (this.#running?.phase === 'running' && !this.#running.ended) {
      this.#go(this.#running);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new PerchError('unavailable', 'Perch stops'));
    this.#running?.stop.abort();
    await this.#turns.run(() => {
      // A request before this one may have begun it again.
      this.#running?.stop.abort();
      return this.#running?.ended;
    });
  }

  get state(): TransferState {
    const { stored, source, progress, job, phase = 'idle', why = null } = this.#running ?? {};
    const places = stored && { from: stored.from ?? null, to: null, ...source?.places?.(stored) };
    return {
      ...(progress ?? new Progress(this.#host.clock)).shown,
      kind: stored?.kind ?? null,
      phase,
      from: places?.from ?? null,
      to: places?.to ?? null,
      why,
      ...(job?.channels && { channels: job.channels }),
      paths: [...new Set(stored?.items?.map(({ path }) => path) ?? [])],
      started: stored ? new Date(stored.startedMs).toISOString() : null,
    };
  }

  start(request: TransferRequest): Promise<void> {
    return this.#turn(() => this.#start(request));
  }

  async #start(request: TransferRequest): Promise<void> {
    if (this.#isOn) {
      throw new PerchError('conflict', 'another transfer is not over: wait for it, or cancel it');
    }
    const { kind } = request;
    const source = await this.#sourceOf(kind);
    const begun = await source.begin(request, this.#closing.signal);
    const deps = { ...this.#host, added: this.#added, source: sourceText(begun) };
    const items = request.items && (await withPaths(request.items, deps));
    const stored: StoredTransfer = {
      version: 1,
      kind,
      ...begun,
      ...(items && { items }),
      isPaused: false,
      startedMs: this.#host.clock.wallMs(),
      ...NOTHING_DONE,
      memory: {},
    };
    await this.#journal.save(() => stored);
    this.#running = this.#runningOf(stored, source);
    this.#go(this.#running);
  }

  /** @throws PerchError if no feature of this Perch offers it */
  #sourceOf(kind: string): Promise<TransferSource> {
    const found = this.#host.transfers().find((one) => one.kind === kind);
    if (!found) {
      throw new PerchError('unsupported', `this Perch has no transfer of the kind ${kind}`);
    }
    return found.load();
  }

  async look(request: object): Promise<ImportForecast> {
    this.#looking.abort(new PerchError('conflict', 'another folder is looked into now'));
    const looking = new AbortController();
    this.#looking = looking;
    const kind = this.#host.transfers().find(({ look }) => look && Check(look, request))?.kind ?? '';
    const source = await this.#sourceOf(kind);
    return withJoinedSignal([this.#closing.signal, looking.signal], undefined, async ({ signal }) => {
      const found = await source.look?.(request, signal);
      return found ?? { groups: [], own: 0, leftOut: { count: 0, items: [] }, isCut: false };
    });
  }

  async forecast(request: TransferRequest): Promise<TransferForecast> {
    const from = sourceText(request);
    const items = await Promise.all(
      (request.items ?? []).map(async ({ group, name = '', ...rest }) => {
        const path = rest.path ?? (await this.#added.pathOf({ source: from, group, name }));
        return { group, ...(path !== undefined && { path }) };
      }),
    );
    const source = await this.#sourceOf(request.kind);
    return source.forecast({ ...request, ...(request.items && { items }) }, this.#closing.signal);
  }

  pause(): Promise<void> {
    return this.#turn(async () => {
      const running = await this.#end('paused');
      await this.#save(running, { isPaused: true, memory: { ...running.job.memory } });
    });
  }

  resume(): Promise<void> {
    return this.#turn(async () => {
      const running = this.#running;
      if (running?.phase !== 'paused') {
        throw new PerchError('conflict', 'no transfer is paused');
      }
      await this.#save(running, { isPaused: false });
      this.#go(running);
    });
  }

  /** Also of a failed one: what is stored of it, such as the login of a recorder, is removed. */
  cancel(): Promise<void> {
    return this.#turn(async () => {
      const running = await this.#end('canceled');
      await running.job.discard().catch((error: unknown) => {
        this.#host.log.warn({ cause: explain(error) }, 'a part of a recording stays');
      });
      await this.#journal.remove();
    });
  }

  #turn(work: () => Promise<void>): Promise<void> {
    return this.#turns.run(() => {
      this.#closing.signal.throwIfAborted();
      return work();
    });
  }

  async #end(phase: 'paused' | 'canceled'): Promise<Running> {
    const running = this.#requireOn(phase);
    running.stop.abort();
    await running.ended;
    Object.assign(running, { phase, why: undefined });
    running.progress.error = undefined;
    return running;
  }

  get #isOn(): boolean {
    const { phase } = this.#running ?? {};
    return phase === 'running' || phase === 'waiting' || phase === 'paused';
  }

  #requireOn(wanted: TransferState['phase']): Running {
    const isLeft = wanted === 'canceled' && this.#running?.phase === 'failed';
    const running = this.#isOn || isLeft ? this.#running : undefined;
    if (!running || running.phase === wanted) {
      throw new PerchError('conflict', `no transfer can be ${wanted}`);
    }
    return running;
  }

  #runningOf(stored: StoredTransfer, source: TransferSource): Running {
    return {
      stored: { ...stored },
      source,
      progress: new Progress(this.#host.clock, { ...NOTHING_DONE, ...stored }),
      job: this.#jobOf(source, stored),
      phase: stored.isPaused ? 'paused' : 'running',
      why: undefined,
      stop: new AbortController(),
      ended: undefined,
    };
  }

  #jobOf(source: TransferSource, stored: StoredTransfer): TransferJob {
    const { clock, config, recordings } = this.#host;
    const list = source.list(stored);
    if ('run' in list) {
      return list;
    }
    return new Copier(list, stored.memory, {
      clock,
      playback: recordings.playback,
      isOpen: (file) => recordings.isOpen(file),
      refusal: (file) => recordings.space.refusal(file),
      minFreeBytes: (diskBytes) => freeSpaceBytes(config().recordMinFree, diskBytes),
    });
  }

  #go(running: Running): void {
    running.stop = new AbortController();
    running.phase = 'running';
    running.ended = this.#work(running, running.stop.signal).catch((error: unknown) => {
      Object.assign(running, { phase: 'failed', why: undefined });
      running.progress.error = 'an error in the program: the log has it';
      this.#host.log.error({ err: error }, 'transfer of recordings failed');
    });
  }

  async #work(running: Running, signal: AbortSignal): Promise<void> {
    const { clock, log, recordings } = this.#host;
    const { progress, job, stored } = running;
    const pace = new DiskPace({ clock, signal, busyMs: () => recordings.busyMs });
    const report: JobReport = {
      left: (files, bytes) => {
        running.phase = 'running';
        running.why = undefined;
        progress.left(files, bytes);
      },
      begin: (name) => progress.begin(name),
      bytes: (count) => progress.bytes(count),
      done: (sizeBytes) => progress.done(sizeBytes),
      isPresent: () => progress.isPresent(),
      forgetLeftOut: () => progress.forgetLeftOut(),
      leftOut: (file) => progress.leftOut(file),
      keep: (memory) => this.#save(running, { memory: { ...memory } }),
    };
    log.info({ kind: stored.kind, from: stored.from }, 'transfer of recordings begins');
    while (!signal.aborted) {
      try {
        await job.run(report, pace);
        running.phase = 'done';
        progress.rest();
        await this.#journal.remove();
        const { files, bytes, leftOut } = progress.shown;
        log.info({ files: files.done, bytes: bytes.done, leftOut: leftOut.count }, 'transfer of recordings is over');
        return;
      } catch (error) {
        progress.rest();
        if (signal.aborted) {
          return;
        }
        const fault = faultOf(error);
        if (progress.error === undefined) {
          log.warn({ cause: explain(fault) }, 'transfer of recordings waits');
        }
        running.phase = 'waiting';
        running.why = String(fault.context['why'] ?? 'other');
        progress.error = explain(fault);
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }

  async #save(running: Running, change: Partial<StoredTransfer>): Promise<void> {
    Object.assign(running.stored, change, running.progress.soFar);
    await this.#journal.save(() => running.stored);
  }
}

/** What cameras that a transfer adds are remembered by. */
const sourceText = ({ box, from, recorder }: Pick<TransferRequest, 'box' | 'from' | 'recorder'>): string =>
  recorder ? `recorder ${recorderText(recorder)}` : box === undefined ? `folder ${from ?? ''}` : `box ${box}`;

/** The error as a PerchError: errors of the system are faults of the disk. @throws any other exception: it is a bug */
function faultOf(error: unknown): PerchError {
  return error instanceof PerchError ? error : diskFaultOf(error, 'cannot copy recordings');
}
