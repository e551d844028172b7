import { basename, dirname, resolve } from 'node:path';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { parseInit } from '../../media/mp4/read/read.ts';
import { codeOf, isDiskFailing } from '../../record/file/disk-fault.ts';
import { findFileMark } from '../../record/file/file-mark.ts';
import type { FinishedSegment, Segment, SegmentLog } from '../../record/file/segment-log.ts';
import { findStreamMark } from '../../record/file/stream-mark.ts';
import type { PartChain } from '../../record/file/whole-parts.ts';
import { scanFolders, statOf } from './folder-scan.ts';
import type { KnownTemplates } from './known-templates.ts';
import type { SegmentIndex } from './segment-index.ts';
import { type ReadInfo, readSegmentInfo, signatureOf } from './segment-info.ts';
import { type SegmentRow, STATE } from './segment-row.ts';

/** What the configuration says of recordings. */
export interface RecordPaths {
  /** Undefined when no path of this name is configured. `recordPath` is absolute or relative to the working directory. */
  recordPathOf(name: string): { readonly recordPath: string; readonly format: 'fmp4' | 'mpegts' } | undefined;
  /** Every different `recordPath` in use, `pathDefaults` included. */
  recordPaths(): readonly string[];
}

export interface CatalogOptions {
  readonly index: SegmentIndex;
  readonly paths: RecordPaths;
  readonly templates: KnownTemplates;
  readonly logger: Logger;
  readonly zone: string | undefined;
  readonly monoMs: () => number;
  /** By this process. */
  readonly isBeingWritten: (file: string) => boolean;
}

/** After so long a folder's time of change is one that can be relied on. */
const SETTLED_MS = 3_000;
const MAX_CHANGED = 1_000;

/** Keeps the index in step with the folders: a look at the folders' times before each answer, and at files that grow. */
export class Catalog implements SegmentLog {
  readonly index: SegmentIndex;
  readonly #options: CatalogOptions;
  /** How far files that are not finished have been followed. */
  readonly #chains = new Map<string, PartChain>();
  /** By path; the empty name stands for all. */
  readonly #scanning = new Map<string, Promise<void>>();
  /** Paths whose folders were changed by ourselves, and when. */
  readonly #changed = new Map<string, number>();
  /** What is wrong with a template's folders, as it was said last, and which path was asked for: of all when undefined. */
  readonly #told = new Map<string, { readonly cause: string; readonly path: string | undefined }>();
  /** By template: where its disk is not there, as the last look has found it. */
  readonly #offline = new Map<string, { readonly folder: string; readonly why: PerchError }>();
  /** Files that are being looked at: many may ask for the same. */
  readonly #updating = new Map<string, Promise<void>>();
  /** Finished files whose headers are being read. */
  readonly #reading = new Set<Promise<void>>();

  constructor(options: CatalogOptions) {
    this.index = options.index;
    this.#options = options;
  }

  opened({ path, file, startUs }: Segment): void {
    if (!isIndexed(file)) {
      return;
    }
    this.#changed.set(path, this.#options.monoMs());
    this.index.addNames([{ path, folder: dirname(file), name: basename(file), startUs }]);
  }

  /** What the recorder says of a file needs not be read in it. */
  finished(segment: FinishedSegment): void {
    const { file } = segment;
    if (!isIndexed(file)) {
      return;
    }
    this.#chains.delete(file);
    this.opened(segment);
    this.index.setUnread(file);
    const registering = this.#register(segment)
      .catch((error: unknown) => this.#options.logger.warn({ file, cause: explain(error) }, 'cannot read a recording'))
      .finally(() => this.#reading.delete(registering));
    this.#reading.add(registering);
  }

  removed(file: string): void {
    const path = this.#changed.size < MAX_CHANGED ? this.index.find(file)?.path : undefined;
    if (path !== undefined) {
      this.#changed.set(path, this.#options.monoMs());
    }
    // Whoever wanted to delete it has not found it either: with its disk it is there again.
    this.#removeUnlessOffline(file);
  }

  /** Resolves when what was begun on its own account is done: the index may be closed. */
  async settle(): Promise<void> {
    await Promise.allSettled([...this.#reading, ...this.#scanning.values()]);
  }

  /** Makes the index agree with the files of one path that can matter between two times. */
  async refresh(path: string, fromUs: number, toUs: number): Promise<void> {
    await this.scan(path);
    const firstUs = this.index.lastStartUpTo(path, fromUs);
    for (const row of this.index.work(path, firstUs, toUs)) {
      await this.update(row);
    }
  }

  get hasOffline(): boolean {
    return this.#offline.size > 0;
  }

  /** Why a recording that is known cannot be read now: its disk is not there. Undefined: as far as is known it is. */
  offlineReason(file: string): PerchError | undefined {
    for (const { folder, why } of this.#offline.values()) {
      if (file.startsWith(`${folder}/`)) {
        return why;
      }
    }
    return undefined;
  }

  /**
   * Looks for files that came or went. What lies on a disk that is not there is passed over, and stays known.
   * @param path undefined: of all paths
   */
  scan(path?: string, signal?: AbortSignal): Promise<void> {
    const key = path ?? '';
    const scanning = this.#scanning.get(key) ?? this.#scan(path, signal).finally(() => this.#scanning.delete(key));
    this.#scanning.set(key, scanning);
    return scanning;
  }

  /**
   * Looks at folders in which we have begun or deleted a file ourselves, before anybody asks: reading one with 25,000 names takes
   * longer than all the rest of an answer. To be called every few seconds.
   */
  async scanChanged(): Promise<void> {
    const nowMs = this.#options.monoMs();
    for (const [path, changedMs] of this.#changed) {
      if (nowMs - changedMs >= SETTLED_MS) {
        this.#changed.delete(path);
        await this.scan(path).catch((error: unknown) => {
          // What is wrong with a folder has been told; whoever asks is told it again.
          if (!(error instanceof PerchError)) {
            this.#options.logger.error({ err: error, path }, 'cannot look for recordings');
          }
        });
      }
    }
  }

  /** Reads what may have changed since it was read. */
  update(row: SegmentRow): Promise<void> {
    const updating = this.#updating.get(row.file) ?? this.#update(row).finally(() => this.#updating.delete(row.file));
    this.#updating.set(row.file, updating);
    return updating;
  }

  async #update(listed: SegmentRow): Promise<void> {
    // On the way through a long list another question, or the rebuild, may have read it.
    const row = listed.state === STATE.unread ? this.index.find(listed.file) : listed;
    if (!row) {
      return;
    }
    const found = await statOf(row.file).catch(unlessFailing);
    if (found === 'failing') {
      // What is known of it is the best there is.
      return;
    }
    if (!found) {
      this.#removeUnlessOffline(row.file);
    } else if (row.state === STATE.unread || found.size !== row.sizeBytes || found.mtimeMs !== row.mtimeMs) {
      await this.#examine(row);
    }
  }

  /** A file that was not found is gone, or its whole disk is away. */
  #removeUnlessOffline(file: string): void {
    if (!this.offlineReason(file)) {
      this.#remove(file);
    }
  }

  #remove(file: string): void {
    this.#chains.delete(file);
    this.index.remove(file);
  }

  async #scan(path: string | undefined, signal: AbortSignal | undefined): Promise<void> {
    const { index, paths, templates, zone } = this.#options;
    const current = path === undefined ? undefined : paths.recordPathOf(path)?.recordPath;
    const onGone = (file: string): void => this.#remove(file);
    for (const template of templates.with(paths.recordPaths())) {
      const options = { index, template, zone, onGone, signal, ...(path === undefined ? {} : { path }) };
      try {
        this.#logRecovery(template, path, await scanFolders(options));
      } catch (error) {
        signal?.throwIfAborted();
        this.#logFault(template, path, error);
        const isAway = this.#noteOffline(template, error);
        // Where recordings were kept earlier may be gone for good: what is known of the others is an answer.
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

  /** Once until it changes: a folder is looked at before each answer. */
  #logFault(template: string, path: string | undefined, error: unknown): void {
    const cause = explain(error);
    if (this.#told.get(template)?.cause !== cause) {
      this.#told.set(template, { cause, path });
      this.#options.logger.warn({ recordPath: template, cause }, 'cannot look for recordings');
    }
  }

  /** A look for a path of which nothing is known there finds no fault, and says nothing of the disk. */
  #logRecovery(template: string, path: string | undefined, isDiskSeen: boolean): void {
    if (isDiskSeen || path === undefined || path === this.#told.get(template)?.path) {
      this.#told.delete(template);
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
      if (!(error instanceof PerchError) && codeOf(error) === '') {
        throw error;
      }
      this.#chains.delete(file);
      // What only the system refused (too many open files, a disk that comes and goes) is looked at again at the next question.
      const found = error instanceof PerchError ? await statOf(file) : undefined;
      const fault = explain(error);
      this.index.setBroken(file, found?.size ?? 0, found?.mtimeMs ?? 0, fault);
      if (fault !== knownFault) {
        this.#options.logger.warn({ file, cause: fault }, 'left out a recording that cannot be read');
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

/** MPEG-TS is recorded, but not played back. */
const isIndexed = (file: string): boolean => file.endsWith('.mp4');

/** A folder that the system refuses is a state of the machine, in its own words. */
function faultOf(error: unknown): unknown {
  const isSystem = !(error instanceof PerchError) && codeOf(error) !== '';
  return isSystem ? new PerchError('badInput', 'cannot look for recordings', {}, error) : error;
}
