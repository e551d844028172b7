import { basename, dirname, resolve } from 'node:path';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { parseInit } from '../../media/mp4/read/read.ts';
import { codeOf, isDiskFailing, unlessFileFault } from '../../record/file/disk-fault.ts';
import { findFileMark } from '../../record/file/file-mark.ts';
import { signatureOf } from '../../record/file/recording-file.ts';
import type { FinishedSegment, Segment, SegmentLog } from '../../record/file/segment-log.ts';
import { findStreamMark } from '../../record/file/stream-mark.ts';
import type { HasRecorded } from '../../record/file/template-overlap.ts';
import type { PartChain } from '../../record/file/whole-parts.ts';
import { CopyListing } from './copy-listing.ts';
import { scanFolders, statOf } from './folder-scan.ts';
import type { KnownTemplates } from './known-templates.ts';
import type { MovedFiles } from './moved-files.ts';
import type { SegmentIndex } from './segment-index.ts';
import { type ReadInfo, readSegmentInfo } from './segment-info.ts';
import { type SegmentRow, STATE } from './segment-row.ts';

export interface RecordPaths {
  /** Undefined if no such path is configured. `recordPath` is absolute or relative to the working directory. */
  recordPathOf(name: string): { readonly recordPath: string; readonly format: 'fmp4' | 'mpegts' } | undefined;
  recordPaths(): readonly string[];
  readonly hasRecorded: HasRecorded;
}

interface CatalogOptions {
  readonly index: SegmentIndex;
  readonly paths: RecordPaths;
  readonly templates: KnownTemplates;
  readonly logger: Logger;
  readonly zone: string | undefined;
  readonly moves: MovedFiles;
  readonly monoMs: () => number;
  /** Called when a file is gone and its recording is read from a copy. */
  readonly onMoved?: () => void;
  /** This process is writing the file. */
  readonly isBeingWritten: (file: string) => boolean;
}

/** An older folder mtime is reliable. */
const SETTLED_MS = 3_000;

/** Keeps the index in sync with the folders: checks folder mtimes and growing files before each response. */
export class Catalog implements SegmentLog {
  readonly index: SegmentIndex;
  readonly copies: CopyListing;
  readonly #options: CatalogOptions;
  readonly #chains = new Map<string, PartChain>();
  /** Running scans by path; the empty name stands for all paths. */
  readonly #scanning = new Map<string, Promise<void>>();
  /** Paths whose folders this process has changed, and when. */
  readonly #changed = new Map<string, number>();
  /** The last logged fault of a template and the requested path, or undefined for all. */
  readonly #logged = new Map<string, { readonly cause: string; readonly path: string | undefined }>();
  /** By template: the folder of a missing disk, as of the last scan. */
  readonly #offline = new Map<string, { readonly folder: string; readonly why: PerchError }>();
  /** Updates in progress, shared by concurrent requests. */
  readonly #updating = new Map<string, Promise<void>>();
  readonly #reading = new Set<Promise<void>>();

  constructor(options: CatalogOptions) {
    this.index = options.index;
    this.copies = new CopyListing(options.index, options.logger, options.onMoved);
    this.#options = options;
  }

  opened({ path, file, startUs }: Segment): void {
    this.#changed.set(path, this.#options.monoMs());
    this.index.addNames([{ path, folder: dirname(file), name: basename(file), startUs }]);
  }

  /** The recorder's facts make reading the file unnecessary. */
  finished(segment: FinishedSegment): void {
    const { file } = segment;
    this.#chains.delete(file);
    this.opened(segment);
    this.index.setUnread(file);
    const registering = this.#register(segment)
      .catch((error: unknown) => this.#options.logger.warn({ file, cause: explain(error) }, 'cannot read a recording'))
      .finally(() => this.#reading.delete(registering));
    this.#reading.add(registering);
  }

  removed(file: string): void {
    const path = this.#changed.size < 1_000 ? this.index.find(file)?.path : undefined;
    if (path !== undefined) {
      this.#changed.set(path, this.#options.monoMs());
    }
    // The caller has deleted the file, or has not found it. If its disk is missing it stays in the index, because it would return.
    this.#removeUnlessOffline(file);
  }

  async settle(): Promise<void> {
    await Promise.allSettled([...this.#reading, ...this.#scanning.values()]);
  }

  /** @param scans default: looks for new and deleted files */
  async refresh(path: string, fromUs: number, toUs: number, scans = true): Promise<void> {
    if (scans) {
      await this.scan(path);
    }
    const firstUs = this.index.lastStartUpTo(path, fromUs);
    for (const row of this.index.work(path, firstUs, toUs)) {
      await this.update(row);
    }
  }

  get hasOffline(): boolean {
    return this.#offline.size > 0;
  }

  /** Why a recording is unreadable now: its disk is missing. Undefined if it is readable as far as known. */
  offlineReason(file: string): PerchError | undefined {
    for (const { folder, why } of this.#offline.values()) {
      if (file.startsWith(`${folder}/`)) {
        return why;
      }
    }
    return undefined;
  }

  /**
   * Finds new and deleted files. Skips missing disks, whose files stay in the index.
   * @param path undefined for all paths
   */
  scan(path?: string, signal?: AbortSignal): Promise<void> {
    const key = path ?? '';
    const scanning = this.#scanning.get(key) ?? this.#scan(path, signal).finally(() => this.#scanning.delete(key));
    this.#scanning.set(key, scanning);
    return scanning;
  }

  /** Scans folders changed by this process ahead of requests: one with 25,000 names takes long. */
  async scanChanged(): Promise<void> {
    const nowMs = this.#options.monoMs();
    for (const [path, changedMs] of this.#changed) {
      if (nowMs - changedMs >= SETTLED_MS) {
        this.#changed.delete(path);
        await this.scan(path).catch((error: unknown) => {
          // Folder faults are already logged, and each request reports them.
          if (!(error instanceof PerchError)) {
            this.#options.logger.error({ err: error, path }, 'cannot scan for recordings');
          }
        });
      }
    }
  }

  update(row: SegmentRow): Promise<void> {
    const updating = this.#updating.get(row.file) ?? this.#update(row).finally(() => this.#updating.delete(row.file));
    this.#updating.set(row.file, updating);
    return updating;
  }

  async #update(listed: SegmentRow): Promise<void> {
    // Another request or the rebuild may have read it meanwhile.
    const row = listed.state === STATE.unread ? this.index.find(listed.file) : listed;
    if (!row) {
      return;
    }
    const found = await statOf(row.file).catch(unlessFailing);
    if (found === 'failing') {
      // The known data is the best available.
      return;
    }
    if (!found) {
      this.#removeUnlessOffline(row.file);
    } else if (row.state === STATE.unread || found.size !== row.sizeBytes || found.mtimeMs !== row.mtimeMs) {
      await this.#examine(row);
    }
  }

  /** A file that was not found is gone, or its whole disk is missing. */
  #removeUnlessOffline(file: string): void {
    if (!this.offlineReason(file)) {
      this.#remove(file);
    }
  }

  #remove(file: string): void {
    this.#chains.delete(file);
    this.copies.gone(file);
  }

  async #scan(path: string | undefined, signal: AbortSignal | undefined): Promise<void> {
    const { index, paths, templates, zone, moves } = this.#options;
    const current = path === undefined ? undefined : paths.recordPathOf(path)?.recordPath;
    const isMoving = (file: string): boolean => moves.isMoving(file);
    const onGone = (file: string): void => this.#remove(file);
    const all = templates.with(paths.recordPaths());
    const { hasRecorded } = paths;
    for (const template of all) {
      const options = {
        index,
        template,
        templates: all,
        hasRecorded,
        zone,
        isMoving,
        onGone,
        signal,
        ...(path === undefined ? {} : { path }),
      };
      try {
        this.#logRecovery(template, path, await scanFolders(options));
      } catch (error) {
        signal?.throwIfAborted();
        this.#logFault(template, path, error);
        const isAway = this.#noteOffline(template, error);
        // Former folders may be gone for good: the rest is still a valid result.
        if (!isAway && current !== undefined && resolve(current) === template) {
          throw faultOf(error);
        }
      }
    }
  }

  #noteOffline(template: string, error: unknown): boolean {
    if (!(error instanceof PerchError && error.code === 'unavailable')) {
      return false;
    }
    this.#offline.set(template, { folder: String(error.context['folder']), why: error });
    return true;
  }

  /** Logs a fault once until it changes: folders are scanned before each response. */
  #logFault(template: string, path: string | undefined, error: unknown): void {
    const cause = explain(error);
    if (this.#logged.get(template)?.cause !== cause) {
      this.#logged.set(template, { cause, path });
      this.#options.logger.warn({ recordPath: template, cause }, 'cannot scan for recordings');
    }
  }

  /** A scan for a path without known recordings says nothing about the disk. */
  #logRecovery(template: string, path: string | undefined, isDiskSeen: boolean): void {
    if (isDiskSeen || path === undefined || path === this.#logged.get(template)?.path) {
      this.#logged.delete(template);
      this.#offline.delete(template);
    }
  }

  async #register({ file, header, durationMs }: FinishedSegment): Promise<void> {
    const row = this.index.find(file);
    const init = header && parseInit(header);
    const found = init && (await statOf(file));
    if (!init || !found) {
      await (row && this.#examine(row));
      return;
    }
    this.index.setInfo(file, {
      sizeBytes: found.size,
      mtimeMs: found.mtimeMs,
      isFinished: true,
      durationUs: Math.round(durationMs * 1000),
      mark: findStreamMark(init.userData),
      fileMark: findFileMark(init.userData),
      signature: signatureOf(init.tracks),
    });
  }

  #take(file: string, read: ReadInfo | undefined): void {
    if (!read) {
      this.index.setUnread(file);
      return;
    }
    const { info, chain } = read;
    this.index.setInfo(file, info);
    if (info.isFinished || !chain) {
      this.#chains.delete(file);
    } else {
      this.#chains.set(file, chain);
    }
  }

  async #examine({ file, fault: knownFault }: SegmentRow): Promise<void> {
    try {
      const isBeingWritten = this.#options.isBeingWritten(file);
      const read = await readSegmentInfo(file, { isBeingWritten, known: this.#chains.get(file) });
      this.#take(file, read);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') {
        this.#removeUnlessOffline(file);
        return;
      }
      unlessFileFault(error);
      this.#chains.delete(file);
      // A temporary refusal of the system (too many open files, a flaky disk) is retried with the next request.
      const found = error instanceof PerchError ? await statOf(file) : undefined;
      const fault = explain(error);
      this.index.setBroken(file, found?.size ?? 0, found?.mtimeMs ?? 0, fault);
      if (fault !== knownFault) {
        this.#options.logger.warn({ file, cause: fault }, 'skipped an unreadable recording');
      }
    }
  }
}

function unlessFailing(error: unknown): 'failing' {
  if (!isDiskFailing(codeOf(error))) {
    throw error;
  }
  return 'failing';
}

/** Reports a folder refused by the system in the system's words. */
function faultOf(error: unknown): unknown {
  const isSystem = !(error instanceof PerchError) && codeOf(error) !== '';
  return isSystem ? new PerchError('badInput', 'cannot scan for recordings', {}, error) : error;
}
