import { access, constants, realpath, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OWN_FOLDER } from '../../../system/mounts.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import { withJoinedSignal } from '../../base/joined-signal.ts';
import type { ApiEdits } from '../../config/edit/api-edits.ts';
import { resolvePath } from '../../config/load/load.ts';
import { freeSpaceBytes } from '../../config/values/free-space.ts';
import type { Fetches, Host } from '../../features/contract.ts';
import type {
  FolderList,
  ImportForecast,
  ImportRequest,
  LookRequest,
  MoveRequest,
  TransferControl,
  TransferForecast,
  TransferRequest,
  TransferState,
} from '../../http/api/recordings/transfer-routes.ts';
import { RecordPathPattern } from '../../record/file/record-path.ts';
import { nearestFolder } from '../../record/file/segment-fs.ts';
import type { TransferJob } from '../../recordings/copy/job.ts';
import { StoredTransfer } from '../../recordings/copy/journal.ts';
import { diskFaultOf } from '../../recordings/copy/left-file.ts';
import type { Recordings } from '../../recordings/recordings.ts';
import { DiskPace } from './disk-pace.ts';
import { listFolders, requireOwnFolder } from './folders.ts';
import { foreseeImport, foreseeUses, roomOf } from './import-forecast.ts';
import { lookInto } from './import-groups.ts';
import { ImportJob } from './import-job.ts';
import { MoveJob } from './move-job.ts';
import { NOTHING_DONE, Progress } from './progress.ts';
import { AddedCameras, withPaths } from './transfer-paths.ts';

/** Interval at which a full or missing disk is tried again. */
const RETRY_MS = 15_000;
const NAMES = '%path/%Y-%m-%d_%H-%M-%S-%f';
const BELOW_MOUNT = `${OWN_FOLDER}/${NAMES}`;

export interface TransferDeps extends Pick<Host, 'clock' | 'log' | 'config'> {
  readonly file: string;
  /** File of the cameras that transfers have added. */
  readonly camerasFile: string;
  readonly edits: Pick<ApiEdits, 'patchPathDefaults' | 'addPath'>;
  readonly recordings: Pick<Recordings, 'playback' | 'space' | 'events' | 'isOpen' | 'keep' | 'settled' | 'busyMs'>;
  /** Absent: this product fetches none. */
  readonly fetches?: Fetches | undefined;
}

interface Running {
  readonly stored: StoredTransfer;
  readonly progress: Progress;
  readonly job: TransferJob;
  phase: TransferState['phase'];
  why: string | undefined;
  stop: AbortController;
  ended: Promise<void>;
}

/** One transfer at a time, which continues after a restart. */
export class TransferRunner implements TransferControl {
  readonly #deps: TransferDeps;
  readonly #journal: StoredDocument<typeof StoredTransfer>;
  #running: Running | undefined;
  readonly #added: AddedCameras;
  readonly #closing = new AbortController();
  /** Aborts the running `look`: there is one at a time. */
  #looking = new AbortController();

  constructor(deps: TransferDeps) {
    this.#deps = deps;
    this.#journal = new StoredDocument(deps.file, StoredTransfer, deps.log);
    this.#added = new AddedCameras(deps.camerasFile, deps.config);
  }

  /** Continues a transfer of an earlier run. */
  async begin(): Promise<void> {
    const stored = await this.#journal.open('a transfer of recordings cannot be continued: start it again');
    if (stored) {
      this.#run(stored);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#running?.stop.abort();
    await this.#running?.ended;
  }

  get state(): TransferState {
    const { stored, progress, phase, why } = this.#running ?? {};
    const shown = (progress ?? new Progress(this.#deps.clock)).shown;
    return {
      ...shown,
      kind: stored?.kind ?? null,
      phase: phase ?? 'idle',
      from: this.#fromOf(stored),
      to: stored?.kind === 'move' ? this.#standardFolder() : null,
      why: why ?? null,
      paths: [...new Set(stored?.items?.map(({ path }) => path) ?? [])],
      started: stored ? new Date(stored.startedMs).toISOString() : null,
    };
  }

  async start(request: TransferRequest): Promise<void> {
    if (this.#isOn) {
      throw new PerchError('conflict', 'another transfer is not over: wait for it, or cancel it');
    }
    const source =
      request.kind === 'fetch'
        ? this.#fetches.sourceOf(request)
        : request.from === undefined
          ? {}
          : { from: await requireOwnFolder(request.from) };
    const paths = { ...this.#deps, added: this.#added, source: sourceText(source) };
    const items = request.kind === 'move' ? {} : { items: await withPaths(request.items, paths) };
    if (request.kind === 'move') {
      await this.#recordTo(request.to);
    }
    const stored: StoredTransfer = {
      version: 1,
      kind: request.kind,
      ...source,
      ...items,
      isPaused: false,
      startedMs: this.#deps.clock.wallMs(),
      ...NOTHING_DONE,
      memory: {},
    };
    await this.#journal.save(() => stored);
    this.#run(stored);
  }

  get #fetches(): Fetches {
    const { fetches } = this.#deps;
    if (!fetches) {
      throw new PerchError(
        'unsupported',
        'this Perch shows no cameras of other boxes, whose recordings it could fetch',
      );
    }
    return fetches;
  }

  /** Makes new recordings go to this disk at once. */
  async #recordTo(to: string | undefined): Promise<void> {
    const template = await this.#templateFor(to);
    if (template !== undefined) {
      await this.#deps.edits.patchPathDefaults({ recordPath: template }, { hasAllRights: true });
      await this.#deps.recordings.settled();
    }
  }

  #fromOf(stored: StoredTransfer | undefined): string | null {
    const { box, from = null } = stored ?? {};
    return box === undefined ? from : (this.#deps.fetches?.nameOf(box) ?? box);
  }

  async look(request: LookRequest): Promise<ImportForecast> {
    this.#looking.abort(new PerchError('conflict', 'another folder is looked into now'));
    this.#looking = new AbortController();
    const isOwn = (file: string) => this.#deps.recordings.playback.stateOf(file) !== undefined;
    const nowMs = this.#deps.clock.wallMs();
    return withJoinedSignal([this.#closing.signal, this.#looking.signal], undefined, async ({ signal }) =>
      'box' in request
        ? this.#fetches.look(request.box, signal)
        : lookInto(await requireOwnFolder(request.from), { nowMs, signal, isOwn }),
    );
  }

  async foresee(request: TransferRequest): Promise<TransferForecast> {
    if (request.kind === 'fetch') {
      const source = sourceText(request);
      const items = await Promise.all(
        request.items.map(async ({ group, name = '', ...rest }) => {
          const path = rest.path ?? (await this.#added.pathOf({ source, group, name }));
          return { group, ...(path !== undefined && { path }) };
        }),
      );
      const forecast = this.#forecastDeps;
      const sums = await this.#fetches.sums({ ...request, items }, forecast.settingsOf, forecast.signal);
      return foreseeUses(sums, items, forecast);
    }
    return request.kind === 'move' ? this.#foreseeMove(request) : this.#foreseeImport(request);
  }

  async #foreseeImport({ from, items }: ImportRequest): Promise<TransferForecast> {
    return foreseeImport(await requireOwnFolder(from), items, this.#forecastDeps);
  }

  get #forecastDeps() {
    const { config, clock } = this.#deps;
    return {
      nowMs: clock.wallMs(),
      signal: this.#closing.signal,
      settingsOf: (path: string | undefined) =>
        (path === undefined ? undefined : resolvePath(config(), path)?.settings) ?? {
          recordPath: config().pathDefaults.recordPath,
          recordDeleteAfterMs: 0,
        },
      minFreeBytes: (diskBytes: number) => freeSpaceBytes(config().recordMinFree, diskBytes),
    };
  }

  async #foreseeMove(request: MoveRequest): Promise<TransferForecast> {
    const { config } = this.#deps;
    const { recordPath } = config().pathDefaults;
    const template = (await this.#templateFor(request.to)) ?? recordPath;
    const from = request.from === undefined ? undefined : await requireOwnFolder(request.from);
    const now = (path: string) => this.#templateOf(path);
    const sum = await this.#moveJob(from, {}, (path) => (now(path) === recordPath ? template : now(path))).sum();
    const { at } = await nearestFolder(folderOf(template));
    const { bavail, bsize, blocks } = await statfs(at);
    const keptFreeBytes = freeSpaceBytes(config().recordMinFree, blocks * bsize);
    const room = { freeBytes: bavail * bsize, keptFreeBytes };
    return { ...sum, ...room, old: 0, missingBytes: Math.max(0, -roomOf({ ...room, bytes: sum.bytes })) };
  }

  async pause(): Promise<void> {
    const running = await this.#end('paused');
    await this.#save(running, { isPaused: true, memory: { ...running.job.memory } });
  }

  async resume(): Promise<void> {
    const running = this.#running;
    if (running?.phase !== 'paused') {
      throw new PerchError('conflict', 'no transfer is paused');
    }
    await this.#save(running, { isPaused: false });
    this.#go(running);
  }

  async cancel(): Promise<void> {
    const running = await this.#end('canceled');
    await running.job.discard?.().catch((error: unknown) => {
      this.#deps.log.warn({ cause: explain(error) }, 'a part of a recording stays');
    });
    await this.#journal.remove();
  }

  async #end(phase: 'paused' | 'canceled'): Promise<Running> {
    const running = this.#requireOn(phase);
    running.stop.abort();
    await running.ended;
    Object.assign(running, { phase, why: undefined });
    running.progress.error = undefined;
    return running;
  }

  folders(path: string): Promise<FolderList> {
    return listFolders(path);
  }

  get #isOn(): boolean {
    const { phase } = this.#running ?? {};
    return phase === 'running' || phase === 'waiting' || phase === 'paused';
  }

  #requireOn(wanted: TransferState['phase']): Running {
    const running = this.#isOn ? this.#running : undefined;
    if (!running || running.phase === wanted) {
      throw new PerchError('conflict', `no transfer can be ${wanted}`);
    }
    return running;
  }

  #run(stored: StoredTransfer): void {
    const running: Running = {
      stored: { ...stored },
      progress: new Progress(this.#deps.clock, { ...NOTHING_DONE, ...stored }),
      job: this.#jobOf(stored),
      phase: 'paused',
      why: undefined,
      stop: new AbortController(),
      ended: Promise.resolve(),
    };
    this.#running = running;
    if (!stored.isPaused) {
      this.#go(running);
    }
  }

  #go(running: Running): void {
    running.stop = new AbortController();
    running.phase = 'running';
    running.ended = this.#work(running, running.stop.signal).catch((error: unknown) => {
      Object.assign(running, { phase: 'failed', why: undefined });
      running.progress.error = 'an error in the program: the log has it';
      this.#deps.log.error({ err: error }, 'transfer of recordings failed');
    });
  }

  async #work(running: Running, signal: AbortSignal): Promise<void> {
    const { clock, log, recordings } = this.#deps;
    const { progress, job, stored } = running;
    const pace = new DiskPace({ clock, signal, busyMs: () => recordings.busyMs });
    const report = {
      left: (files: number, bytes: number) => {
        running.phase = 'running';
        running.why = undefined;
        progress.left(files, bytes);
      },
      begin: (name: string) => progress.begin(name),
      bytes: (count: number) => progress.bytes(count),
      done: (sizeBytes: number) => progress.done(sizeBytes),
      isPresent: () => progress.isPresent(),
      forgetLeftOut: () => progress.forgetLeftOut(),
      leftOut: (file: Parameters<Progress['leftOut']>[0]) => progress.leftOut(file),
      keep: (memory: object) => this.#save(running, { memory: { ...memory } }),
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

  #jobOf(stored: StoredTransfer): TransferJob {
    const { kind, from, items = [], memory } = stored;
    const { clock, config, recordings } = this.#deps;
    if (kind === 'move') {
      return this.#moveJob(from, memory, (path) => this.#templateOf(path));
    }
    if (kind === 'fetch') {
      return this.#fetches.job(stored);
    }
    return new ImportJob(from ?? '', items, memory, {
      clock,
      config,
      playback: recordings.playback,
      isOpen: (file) => recordings.isOpen(file),
      refusal: (file) => recordings.space.refusal(file),
    });
  }

  #moveJob(from: string | undefined, memory: object, templateOf: (path: string) => string): MoveJob {
    const { clock, recordings, config } = this.#deps;
    return new MoveJob(from, memory, {
      clock,
      templateOf,
      playback: recordings.playback,
      isIndexWhole: () => recordings.space.isIndexWhole,
      isOpen: (file) => recordings.isOpen(file),
      keep: (file) => recordings.keep(file),
      refusal: (file) => recordings.space.refusal(file),
      minFreeBytes: (diskBytes) => freeSpaceBytes(config().recordMinFree, diskBytes),
    });
  }

  /** The `recordPath` for a disk; undefined: the present one stays. @throws PerchError badInput */
  async #templateFor(to: string | undefined): Promise<string | undefined> {
    if (to === undefined) {
      return undefined;
    }
    const folder = await requireOwnFolder(to);
    const isMount = (await stat(folder)).dev !== (await stat(dirname(folder))).dev || folder === '/';
    const template = join(folder, isMount ? BELOW_MOUNT : NAMES);
    const top = folderOf(template);
    const { at } = await nearestFolder(top);
    await access(at, constants.W_OK | constants.X_OK).catch((cause: unknown) => {
      throw new PerchError(
        'badInput',
        `Perch may not write in ${at}: give the user that it runs as the right`,
        {},
        cause,
      );
    });
    return (await realpath(at)) === at && template !== this.#deps.config().pathDefaults.recordPath
      ? template
      : undefined;
  }

  #templateOf(path: string): string {
    const config = this.#deps.config();
    return (resolvePath(config, path)?.settings ?? config.pathDefaults).recordPath;
  }

  #standardFolder(): string {
    return folderOf(this.#deps.config().pathDefaults.recordPath);
  }
}

const sourceText = ({ box, from }: { readonly box?: string; readonly from?: string }): string =>
  box === undefined ? `folder ${from ?? ''}` : `box ${box}`;

const folderOf = (template: string): string => new RecordPathPattern(template, undefined).folder;

/** The error as a PerchError: errors of the system are faults of the disk. @throws any other exception: it is a bug */
function faultOf(error: unknown): PerchError {
  return error instanceof PerchError ? error : diskFaultOf(error, 'cannot copy recordings');
}
