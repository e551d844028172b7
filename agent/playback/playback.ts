import { unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import { explain, PerchError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { pathNameFault } from '../config/values/path-name.ts';
import type { SegmentLog } from '../record/file/segment-log.ts';
import { zoneOffsetMs } from '../record/file/time-zone.ts';
import { removeStills } from '../record/stills/still-files.ts';
import { type EventPage, eventPage } from './event-list.ts';
import { buildDownload, type Download, estimatedBytes } from './get/download.ts';
import { DownloadCache } from './get/download-cache.ts';
import { Catalog, type RecordPaths } from './index/catalog.ts';
import type { EventIndex, Journal, ProtectedIndex, SpaceIndex } from './index/contracts.ts';
import { type IndexProgress, IndexRebuild, type UnreadableFile } from './index/index-rebuild.ts';
import { KnownTemplates } from './index/known-templates.ts';
import { SegmentIndex } from './index/segment-index.ts';
import { type SegmentRow, STATE } from './index/segment-row.ts';
import { type ListEntry, listTimespans } from './list.ts';
import type { EventListQuery, GetFormat, TimelineQuery } from './read/query.ts';
import { formatRfc3339, parseRfc3339, type ZonedTime } from './read/rfc3339.ts';
import { TableCache } from './read/table-cache.ts';
import { type Timeline, timelineOf } from './timeline.ts';
import { type Frame, findFrame } from './vod/frame.ts';
import { LayoutCache } from './vod/layout-cache.ts';
import { RecordedPeriods } from './vod/recorded-period.ts';
import { RecordedStreams } from './vod/recorded-streams.ts';
import { CatalogLookup, requireAvailable } from './vod/recording-lookup.ts';
import { type FoundSnapshot, findSnapshot } from './vod/snapshot.ts';

export type { RecordPaths } from './index/catalog.ts';

/** Of all that playback answers on the main port. */
const MAIN_PREFIX = 'playback/';
/** Behind the sentence that MediaMTX's clients know. */
const TS_ADVICE = 'set recordFormat: fmp4 to play what is recorded from then on; the .ts files play in VLC or ffmpeg';

export interface PlaybackOptions {
  /** Of the index: a cache that may be deleted at any time. */
  readonly file: string;
  readonly paths: RecordPaths;
  readonly logger: Logger;
  /** IANA name for the times in file names; undefined: the machine's own. */
  readonly zone?: string;
  readonly clock?: Pick<Clock, 'monoMs' | 'wallMs'>;
  /** By this process: such files are not checked for what a power cut leaves. */
  readonly isBeingWritten?: (file: string) => boolean;
}

/** Why a recording must stay; undefined: it may be deleted. */
export type RetainReason = (row: SegmentRow) => string | undefined;

export interface GetQuery {
  readonly path: string;
  readonly startUs: number;
  readonly durationUs: number;
  readonly format: GetFormat;
  /** So many times as fast, with key frames alone; undefined: everything as it was. */
  readonly speed?: number | undefined;
  /** Gaps are left out, so that what follows them is in it too; else it ends at the first. */
  readonly skipsGaps?: boolean | undefined;
}

/** The recordings as they can be listed, played and deleted. */
export class Playback {
  readonly #paths: RecordPaths;
  readonly #zone: string | undefined;
  readonly #logger: Logger;
  readonly #index: SegmentIndex;
  readonly #catalog: Catalog;
  readonly #rebuild: IndexRebuild;
  #keeping: Promise<void> | undefined;
  /** Of the recordings that are being played. */
  readonly tables: TableCache;
  /** HLS made of the recordings. */
  readonly streams: RecordedStreams;
  readonly #lookup: CatalogLookup;
  readonly #downloads = new DownloadCache();

  constructor(options: PlaybackOptions) {
    const { file, paths, logger, zone, clock = systemClock, isBeingWritten = () => false } = options;
    this.tables = new TableCache(isBeingWritten);
    this.#paths = paths;
    this.#zone = zone;
    this.#logger = logger;
    const onFault = logOnce((cause) => logger.warn({ file, cause }, 'the index of recordings cannot be used as it is'));
    this.#index = new SegmentIndex(file, onFault);
    this.#index.recheckGrowing();
    const templates = new KnownTemplates(
      file === ':memory:' ? undefined : join(dirname(file), 'record-paths.json'),
      onFault,
    );
    const { found } = this.#index;
    if (found !== 'good' && !(found === 'missing' && templates.isEmpty)) {
      logger.warn({ file }, `the index of recordings is ${found}: it is built again from the files`);
    }
    this.#catalog = new Catalog({
      index: this.#index,
      paths,
      templates,
      logger,
      zone,
      isBeingWritten,
      monoMs: () => clock.monoMs(),
    });
    this.#lookup = new CatalogLookup(this.#catalog, (path) => this.#require(path));
    const periods = new RecordedPeriods(this.#lookup, new LayoutCache(this.tables), logger);
    this.streams = new RecordedStreams(periods, this.tables, () => clock.wallMs());
    this.#rebuild = new IndexRebuild(this.#catalog, logger, () => clock.monoMs());
  }

  /** To be told of every recording that is begun, finished or deleted. */
  get segmentLog(): SegmentLog {
    return this.#catalog;
  }

  /** To be told what the journals of events and protected ranges are told. */
  get events(): EventIndex & ProtectedIndex {
    return this.#index.events;
  }

  /** What those ask who make room. */
  get space(): SpaceIndex {
    return this.#index.space;
  }

  /** When the index was written last, before it was opened: Unix milliseconds; 0: never. */
  get lastWrittenMs(): number {
    return this.#index.writtenMs;
  }

  /** Is read when the index has lost what it was told. To be called before `rebuild`. */
  addJournal(journal: Journal): void {
    this.#rebuild.addJournal(journal);
  }

  /** What the index was told since the last time goes to the disk: to be called in the flush rounds. */
  commit(): void {
    this.#index.commit();
    this.#keeping ??= this.#scanChangedFolders().finally(() => {
      this.#keeping = undefined;
    });
  }

  async #scanChangedFolders(): Promise<void> {
    try {
      await this.#catalog.scanChanged();
      await this.#rebuild.runAgain();
    } catch (error) {
      this.#logger.error({ err: error }, 'the index of recordings is not kept in step');
    }
  }

  /** Looks whether the newest files are what the index takes them for. To be called before files that were cut off are looked for. */
  checkNewest(signal: AbortSignal): Promise<void> {
    return this.#rebuild.checkNewest(signal);
  }

  /** Brings the index in step with all files, in the background of everything else. */
  rebuild(signal: AbortSignal): Promise<void> {
    return this.#rebuild.run(signal);
  }

  /** Counts how often the index had to begin again: then it does not know all files before `rebuild` has run. */
  get indexGeneration(): number {
    return this.#index.generation;
  }

  /** The true start of a file, Unix microseconds, as far as the index knows it. */
  startUsOf(file: string): number | undefined {
    return this.#index.find(file)?.startUs;
  }

  /** The start is known to be right, even when the file was named by a clock that nobody believed yet. */
  isDated(file: string): boolean {
    return this.#index.isDated(file);
  }

  get indexProgress(): IndexProgress {
    return this.#rebuild.progress;
  }

  /** The files that are left out, and why. */
  unreadable(): { readonly count: number; readonly files: readonly UnreadableFile[] } {
    return this.#rebuild.unreadable();
  }

  /** Why a recording cannot be read now: its disk is not there. Undefined: as far as is known it is. */
  offlineReason(file: string): PerchError | undefined {
    return this.#catalog.offlineReason(file);
  }

  /** The index knows the file to be whole. */
  isFinished(file: string): boolean {
    const state = this.#index.find(file)?.state;
    return state === STATE.finished || state === STATE.stored;
  }

  async list(
    path: string,
    start: ZonedTime | undefined,
    end: ZonedTime | undefined,
    baseUrl: string,
  ): Promise<ListEntry[]> {
    await this.#require(path);
    return listTimespans(this.#catalog, { path, start, end, baseUrl, zone: this.#zone });
  }

  /** What there is of a path between two times, as coarse as it is asked for. */
  async timeline(query: TimelineQuery): Promise<Timeline> {
    await this.#require(query.path);
    return timelineOf(this.#catalog, query, this.#zone);
  }

  /** What was seen by all cameras of which whoever asks is told, newest first. */
  listEvents(query: EventListQuery, maySee: (path: string) => boolean): Promise<EventPage> {
    return eventPage(this.#catalog, query, maySee, this.#zone);
  }

  /**
   * @param etag the answer that the client has a part of: it is given again as long as it is kept, even when the recording has
   * grown since; otherwise the answer is made from the files as they are
   * @param done aborts when the request is over: an answer that nobody waits for is not made, and none is sent any more
   */
  async get(query: GetQuery, etag?: string, done?: AbortSignal): Promise<Download> {
    await this.#require(query.path);
    const key = keyOf(query);
    const kept = this.#downloads.cached(key);
    if (kept && etag === kept.etag) {
      return this.#downloads.share(key, kept, done);
    }
    const build = (): Promise<Download> => buildDownload(this.#catalog, this.tables, query, done);
    return this.#downloads.make(key, estimatedBytes(query), build, done);
  }

  /** The tag of the answer that a player has most likely begun to read; undefined when none is kept. */
  cachedEtag(query: GetQuery): string | undefined {
    return this.#downloads.cached(keyOf(query))?.etag;
  }

  /** The camera's own picture that was taken nearest to a time. */
  snapshot(path: string, timeUs: number): Promise<FoundSnapshot> {
    return findSnapshot(this.#lookup, path, timeUs);
  }

  /** The key frame of the group of pictures that a time lies in. */
  frame(path: string, timeUs: number): Promise<Frame> {
    return findFrame(this.#lookup, this.tables, path, timeUs);
  }

  /** Names of the paths that have recordings, configured or not. */
  async names(): Promise<readonly string[]> {
    await this.#catalog.scan();
    return this.#index.paths();
  }

  /** Undefined when the path is not configured and has no recordings. */
  async segments(path: string): Promise<readonly { readonly start: string }[] | undefined> {
    if (!(await this.#isKnown(path))) {
      return undefined;
    }
    await this.#catalog.refresh(path, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    return this.#index.startsOf(path).map((us) => ({ start: this.localTime(us) }));
  }

  /** @throws PerchError when every recording of the path lies on a disk that is not there. To be called behind `segments`. */
  requireAvailable(path: string): void {
    requireAvailable(this.#catalog, path, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  }

  /**
   * @param start exactly as `segments` has given it
   * @param whyKept asked before anything is deleted
   */
  async deleteSegment(path: string, start: string, retainReason: RetainReason): Promise<void> {
    const startUs = parseRfc3339(start)?.us;
    await this.#requireKnown(path);
    if (startUs !== undefined) {
      await this.#catalog.refresh(path, startUs, startUs);
    }
    const row = startUs === undefined ? undefined : this.#index.findStart(path, startUs);
    if (!row) {
      throw new PerchError('notFound', `no recording of path '${path}' starts at '${start.slice(0, 64)}'`, { path });
    }
    const reason = retainReason(row);
    if (reason !== undefined) {
      throw new PerchError('badInput', `the recording that starts at '${start}' ${reason}`, { path });
    }
    await unlink(row.file).catch((cause: unknown) => {
      throw new PerchError('unavailable', 'cannot delete the recording', { file: row.file }, cause);
    });
    await removeStills(row.file);
    this.#catalog.removed(row.file);
  }

  async close(): Promise<void> {
    this.#downloads.clear();
    this.tables.clear();
    await this.#keeping;
    await this.#catalog.settle();
    this.#index.close();
  }

  /** Configured, or recorded when it was: what a camera has left can be played when it is gone. */
  async #isKnown(path: string): Promise<boolean> {
    // The configuration may stand for any name, and a name such as `../..` would lead out of the recordings' folder.
    if (pathNameFault(path)) {
      return false;
    }
    if (this.#paths.recordPathOf(path) !== undefined) {
      return true;
    }
    await this.#catalog.scan(path);
    return this.#index.hasRecordings(path);
  }

  async #requireKnown(path: string): Promise<void> {
    if (!(await this.#isKnown(path))) {
      // On the port for playback there is no prefix.
      const bare = path.startsWith(MAIN_PREFIX) ? path.slice(MAIN_PREFIX.length) : undefined;
      const isNear = bare !== undefined && (await this.#isKnown(bare));
      const hint = isNear ? `: leave out '${MAIN_PREFIX}' on this port` : '';
      throw new PerchError('badInput', `path '${path}' is not configured${hint}`, { path });
    }
  }

  /** Of what is to be played. */
  async #require(path: string): Promise<void> {
    await this.#requireKnown(path);
    if (this.#paths.recordPathOf(path)?.format === 'mpegts' && !this.#index.hasPlayable(path)) {
      throw new PerchError('badInput', `MPEG-TS format is not supported yet: ${TS_ADVICE}`, { path });
    }
  }

  /** As the recordings are named: RFC 3339 with the zone's offset. */
  localTime(us: number): string {
    return formatRfc3339({ us, offsetMs: zoneOffsetMs(Math.floor(us / 1000), this.#zone) });
  }
}

const keyOf = (query: GetQuery): string =>
  JSON.stringify([query.path, query.startUs, query.durationUs, query.format, query.speed, query.skipsGaps]);

/** A fault that stays, as of a full disk, is told when it begins. */
function logOnce(log: (cause: string) => void): (error: unknown) => void {
  let told: string | undefined;
  return (error) => {
    const cause = explain(error);
    if (cause !== told) {
      told = cause;
      log(cause);
    }
  };
}
