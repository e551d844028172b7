import { unlink } from 'node:fs/promises';
import { explain, PerchError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { findRecordings } from '../record/find-recordings.ts';
import { RecordPathPattern } from '../record/record-path.ts';
import type { SegmentLog } from '../record/segment-log.ts';
import { zoneOffsetMs } from '../record/time-zone.ts';
import { Catalog, type RecordPaths } from './catalog.ts';
import { type Answer, buildAnswer } from './get.ts';
import { type ListEntry, listTimespans } from './list.ts';
import type { GetFormat } from './query.ts';
import { formatRfc3339, parseRfc3339, type ZonedTime } from './rfc3339.ts';
import { SeekTable } from './seek-table.ts';
import { SegmentIndex, STATE } from './segment-index.ts';

export type { RecordPaths } from './catalog.ts';

/** Answers are kept as long as a player that seeks may come back, within these limits. */
const MAX_KEPT_ANSWERS = 16;
const MAX_KEPT_BYTES = 64 << 20;

export interface PlaybackOptions {
  /** Of the index: a cache that may be deleted at any time. */
  readonly file: string;
  readonly paths: RecordPaths;
  readonly logger: Logger;
  /** IANA name for the times in file names; undefined: the machine's own. */
  readonly zone?: string;
}

export interface GetQuery {
  readonly path: string;
  readonly startUs: number;
  readonly durationUs: number;
  readonly format: GetFormat;
}

/** The recordings as they can be listed, played and deleted. */
export class Playback {
  readonly #paths: RecordPaths;
  readonly #zone: string | undefined;
  readonly #index: SegmentIndex;
  readonly #catalog: Catalog;
  readonly #seeks = new SeekTable();
  /** The newest last. */
  readonly #answers = new Map<string, Answer>();

  constructor({ file, paths, logger, zone }: PlaybackOptions) {
    this.#paths = paths;
    this.#zone = zone;
    this.#index = new SegmentIndex(file, (error) =>
      logger.warn({ file, cause: explain(error) }, 'the index of recordings cannot be used as it is'),
    );
    this.#catalog = new Catalog(this.#index, paths, logger, zone);
  }

  /** To be told of every recording that is begun, finished or deleted. */
  get segmentLog(): SegmentLog {
    return this.#catalog;
  }

  /** Brings the index in step with all files, in the background of everything else. */
  rebuild(signal: AbortSignal): Promise<void> {
    return this.#catalog.rebuild(signal);
  }

  /** The index knows the file to be whole. */
  isFinished(file: string): boolean {
    return this.#index.find(file)?.state === STATE.finished;
  }

  async list(
    path: string,
    start: ZonedTime | undefined,
    end: ZonedTime | undefined,
    baseUrl: string,
  ): Promise<ListEntry[]> {
    const recordPath = this.#recordPathOf(path);
    return listTimespans(this.#catalog, { path, recordPath, start, end, baseUrl, zone: this.#zone });
  }

  /**
   * @param etag the answer that the client has a part of: it is given again as long as it is kept, even when the recording has
   * grown since; otherwise the answer is made from the files as they are
   */
  async get(query: GetQuery, etag?: string): Promise<Answer> {
    const recordPath = this.#recordPathOf(query.path);
    const key = JSON.stringify([query.path, query.startUs, query.durationUs, query.format, recordPath]);
    const kept = this.#answers.get(key);
    if (kept && etag === kept.etag) {
      this.#keep(key, kept);
      return kept;
    }
    const built = await buildAnswer(this.#catalog, this.#seeks, { ...query, recordPath });
    const answer = kept?.etag === built.etag ? kept : built;
    this.#keep(key, answer);
    return answer;
  }

  /** The tag of the answer that a player has most likely begun to read; undefined when none is kept. */
  keptTag(query: GetQuery): string | undefined {
    const recordPath = this.#recordPathOf(query.path);
    const key = JSON.stringify([query.path, query.startUs, query.durationUs, query.format, recordPath]);
    return this.#answers.get(key)?.etag;
  }

  /** Names of the paths that have recordings. */
  async names(): Promise<readonly string[]> {
    const names = new Set<string>();
    for (const recordPath of this.#paths.recordPaths()) {
      await findRecordings(new RecordPathPattern(recordPath, undefined, this.#zone), {
        onRecording: ({ path }) => {
          names.add(path);
        },
      });
    }
    return [...names].filter((name) => this.#paths.recordPathOf(name)).sort();
  }

  async segments(path: string): Promise<readonly { readonly start: string }[]> {
    await this.#catalog.refresh(path, this.#recordPathOf(path), Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    return this.#index.startsOf(path).map((us) => ({ start: this.#timeText(us) }));
  }

  /** @param start exactly as `segments` has given it */
  async deleteSegment(path: string, start: string, isOpen: (file: string) => boolean): Promise<void> {
    const startUs = parseRfc3339(start)?.us;
    const recordPath = this.#recordPathOf(path);
    if (startUs !== undefined) {
      await this.#catalog.refresh(path, recordPath, startUs, startUs);
    }
    const row = startUs === undefined ? undefined : this.#index.findStart(path, startUs);
    if (!row) {
      throw new PerchError('notFound', `no recording of path '${path}' starts at '${start.slice(0, 64)}'`, { path });
    }
    if (isOpen(row.file)) {
      throw new PerchError('badInput', `the recording that starts at '${start}' is still being written`, { path });
    }
    await unlink(row.file).catch((cause: unknown) => {
      throw new PerchError('unavailable', 'cannot delete the recording', { file: row.file }, cause);
    });
    this.#catalog.removed(row.file);
  }

  async close(): Promise<void> {
    this.#answers.clear();
    await this.#catalog.settle();
    this.#index.close();
  }

  #recordPathOf(path: string): string {
    const found = this.#paths.recordPathOf(path);
    if (!found) {
      throw new PerchError('badInput', `path '${path}' is not configured`, { path });
    }
    if (found.format !== 'fmp4') {
      throw new PerchError('unsupported', 'MPEG-TS format is not supported yet', { path });
    }
    return found.recordPath;
  }

  #timeText(us: number): string {
    return formatRfc3339({ us, offsetMs: zoneOffsetMs(Math.floor(us / 1000), this.#zone) });
  }

  #keep(key: string, answer: Answer): void {
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    let bytes = 0;
    for (const { file } of this.#answers.values()) {
      bytes += file.memoryBytes;
    }
    for (const [oldest, { file }] of this.#answers) {
      if (this.#answers.size <= MAX_KEPT_ANSWERS && bytes <= MAX_KEPT_BYTES) {
        return;
      }
      this.#answers.delete(oldest);
      bytes -= file.memoryBytes;
    }
  }
}
