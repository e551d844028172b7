import { unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import { isDamaged } from '../base/files/sqlite.ts';
import type { Logger } from '../base/log.ts';
import { logOnce } from '../base/log-once.ts';
import { pathNameFault } from '../config/values/path-name.ts';
import type { Track } from '../media/sample/track.ts';
import { Pictures } from '../picture/pictures.ts';
import type { SeenMark } from '../record/events/seen-marks.ts';
import type { SegmentLog } from '../record/file/segment-log.ts';
import { removeCompanions } from '../record/snapshots/companion-files.ts';
import { type Coverage, coverageOf } from './coverage.ts';
import { type EventPage, eventDigest, eventPage } from './event-list.ts';
import { buildDownload, type Download, type DownloadQuery, estimatedBytes } from './get/download.ts';
import { DownloadCache, queryKey } from './get/download-cache.ts';
import { type MediaRange, type MediaUnit, mediaUnits, newestTracks } from './get/media-units.ts';
import { Catalog, type RecordPaths } from './index/catalog.ts';
import type { CopyListing } from './index/copy-listing.ts';
import type { EventTable } from './index/event-table.ts';
import { type IndexProgress, IndexRebuild, type Journal, type UnreadableFile } from './index/index-rebuild.ts';
import { KnownTemplates } from './index/known-templates.ts';
import { MovedFiles } from './index/moved-files.ts';
import { SegmentIndex, type Timespan } from './index/segment-index.ts';
import { type SegmentRow, type SegmentState, STATE } from './index/segment-row.ts';
import type { SpaceTable } from './index/space-table.ts';
import { listEntries, timespansOf } from './list.ts';
import { type Measure, measure, type RecordedRange } from './measure.ts';
import type { EventListQuery, ReviewQuery, TimelineQuery } from './read/query.ts';
import { formatLocalTime, parseRfc3339, type ZonedTime } from './read/rfc3339.ts';
import { TableCache } from './read/table-cache.ts';
import { type ReviewScope, reviewCard, reviewEvents, reviewPage } from './review-list.ts';
import { type Timeline, timelineOf } from './timeline.ts';
import { type Frame, findFrame, findKey } from './vod/frame.ts';
import { type PictureQuery, pictureOf, type RecordedPicture } from './vod/picture.ts';
import { RecordedPeriods } from './vod/recorded-period.ts';
import { RecordedStreams } from './vod/recorded-streams.ts';
import { type RecordedSamples, recordedVideo, type VideoRange } from './vod/recorded-video.ts';
import { CatalogLookup, requireAvailable } from './vod/recording-lookup.ts';
import { type FoundSnapshot, findSnapshot } from './vod/snapshot.ts';

const MAIN_PREFIX = 'playback/';

interface PlaybackOptions {
  /** The index cache, which may be deleted at any time. */
  readonly file: string;
  readonly paths: RecordPaths;
  readonly logger: Logger;
  /** IANA name for the times in file names, or undefined for the box's zone. */
  readonly zone?: string;
  readonly clock?: Pick<Clock, 'monoMs' | 'wallMs'>;
  /** Files of this process are not checked for damage by a power cut. */
  readonly isBeingWritten?: (file: string) => boolean;
}

type RetainReason = (row: SegmentRow) => string | undefined;

export class Playback {
  readonly #paths: RecordPaths;
  readonly #timeZone: string | undefined;
  readonly #logger: Logger;
  readonly #index: SegmentIndex;
  readonly #catalog: Catalog;
  readonly #rebuild: IndexRebuild;
  #keeping: Promise<void> | undefined;
  readonly copies: CopyListing;
  /** Sample tables of recordings being played. */
  readonly tables: TableCache;
  readonly streams: RecordedStreams;
  readonly #lookup: CatalogLookup;
  readonly #downloads = new DownloadCache();
  /** Decodes recorded and live pictures. */
  readonly pictures = new Pictures();
  readonly moves = new MovedFiles((from, to, mtimeMs) => this.#index.rename(from, to, mtimeMs));

  constructor(options: PlaybackOptions) {
    const { file, paths, logger, zone, clock = systemClock, isBeingWritten = () => false } = options;
    this.tables = new TableCache(isBeingWritten, undefined, (file) => this.copies.open(file), this.moves);
    this.#paths = paths;
    this.#timeZone = zone;
    this.#logger = logger;
    const logFault = (where: string, what: string, damaged = 'is damaged') =>
      logOnce((cause, error) => {
        const isLost = isDamaged(error) || error instanceof SyntaxError;
        logger.warn({ file: where, cause }, `${what} ${isLost ? damaged : 'cannot be saved, check its disk'}`);
      });
    this.#index = new SegmentIndex(file, logFault(file, 'the index of recordings'));
    this.#index.recheckGrowing();
    const list = join(dirname(file), 'record-paths.json');
    const loss = 'is damaged: recordings of a former recordPath are missing until a path has it again';
    const onFault = logFault(list, 'the list of former record paths', loss);
    const templates = new KnownTemplates(file === ':memory:' ? undefined : list, onFault);
    const { found } = this.#index;
    if (found !== 'good' && !(found === 'missing' && templates.isEmpty)) {
      logger.warn({ file }, `the index of recordings is ${found} and is rebuilt from the files`);
    }
    this.#catalog = new Catalog({
      index: this.#index,
      paths,
      templates,
      logger,
      zone,
      isBeingWritten,
      moves: this.moves,
      monoMs: () => clock.monoMs(),
      // Downloads name the files that they are read from.
      onMoved: () => this.#downloads.clear(),
    });
    this.copies = this.#catalog.copies;
    this.#lookup = new CatalogLookup(this.#catalog, (path) => this.#requireKnown(path));
    const periods = new RecordedPeriods(this.#lookup, this.tables, logger);
    this.streams = new RecordedStreams(periods, this.tables, () => clock.wallMs());
    this.#rebuild = new IndexRebuild(this.#catalog, logger, () => clock.monoMs());
  }

  get segmentLog(): SegmentLog {
    return this.#catalog;
  }

  get events(): EventTable {
    return this.#index.events;
  }

  get space(): SpaceTable {
    return this.#index.space;
  }

  /** Unix milliseconds of the index's last write before it was opened; 0: never. */
  get lastWrittenMs(): number {
    return this.#index.writtenMs;
  }

  /** Adds a journal that is read when the index has lost its entries. Called before `rebuild`. */
  addJournal(journal: Journal): void {
    this.#rebuild.addJournal(journal);
  }

  /** Writes changes to disk; called in flush rounds. */
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
      this.#logger.error({ err: error }, 'failed to update the index of recordings');
    }
  }

  checkNewest(signal: AbortSignal): Promise<void> {
    return this.#rebuild.checkNewest(signal);
  }

  rebuild(signal: AbortSignal): Promise<void> {
    return this.#rebuild.run(signal);
  }

  /** Counts resets of the index: after one it is incomplete until `rebuild` has run. */
  get indexGeneration(): number {
    return this.#index.generation;
  }

  startUsOf(file: string): number | undefined {
    return this.#index.find(file)?.startUs;
  }

  /** The start is trusted even if the clock was not when the file was named. */
  isDated(file: string): boolean {
    return this.#index.isDated(file);
  }

  get indexProgress(): IndexProgress {
    return this.#rebuild.progress;
  }

  unreadable(): { readonly count: number; readonly files: readonly UnreadableFile[] } {
    return this.#rebuild.unreadable();
  }

  /** Why a recording is unreadable now: its disk is missing. Undefined if it is readable as far as known. */
  offlineReason(file: string): PerchError | undefined {
    return this.#catalog.offlineReason(file);
  }

  /** Undefined if the index lacks it. */
  stateOf(file: string): SegmentState | undefined {
    return this.#index.find(file)?.state;
  }

  /** Start of a recording by its name, Unix microseconds, or undefined if the index lacks it. */
  nameUsOf(file: string): number | undefined {
    return this.#index.find(file)?.nameUs;
  }

  isFinished(file: string): boolean {
    return this.stateOf(file) === STATE.finished;
  }

  async list(path: string, start: ZonedTime | undefined, end: ZonedTime | undefined, baseUrl: string) {
    return listEntries(await this.spans(path, start, end), { path, start, baseUrl, zone: this.#timeZone });
  }

  /** Recorded ranges without a gap, oldest first. */
  async spans(path: string, start?: ZonedTime, end?: ZonedTime): Promise<readonly Timespan[]> {
    await this.#requireKnown(path);
    return timespansOf(this.#catalog, path, start, end);
  }

  async timeline(query: TimelineQuery): Promise<Timeline> {
    await this.#requireKnown(query.path);
    return timelineOf(this.#catalog, query, this.#timeZone);
  }

  /** @throws PerchError for an unknown path, or if all recordings of the range are on a missing disk */
  async *video(path: string, range: VideoRange): AsyncGenerator<RecordedSamples, void> {
    yield* recordedVideo(await this.#lookup.between(path, range.fromUs, range.toUs), this.tables, range);
  }

  /** All tracks of a range, across files and gaps. @throws PerchError like `video` */
  async *media(range: MediaRange): AsyncGenerator<MediaUnit, void> {
    await this.#requireKnown(range.path);
    yield* mediaUnits(this.#catalog, this.tables, range);
  }

  /** Tracks of the newest recording of a path; none: it has no recording. */
  async newestTracks(path: string): Promise<readonly Track[]> {
    await this.#requireKnown(path);
    return newestTracks(this.#catalog, this.tables, path);
  }

  listEvents(query: EventListQuery, maySee: (path: string) => boolean, seen?: SeenMark): Promise<EventPage> {
    return eventPage(this.#catalog, query, maySee, this.#timeZone, seen);
  }

  listReviews(query: ReviewQuery, scope: ReviewScope): ReturnType<typeof reviewPage> {
    return reviewPage(this.#catalog, query, scope, this.#timeZone);
  }

  review(id: string, scope: ReviewScope): ReturnType<typeof reviewCard> {
    return reviewCard(this.#catalog, id, scope, this.#timeZone);
  }

  reviewEvents(id: string, scope: ReviewScope): ReturnType<typeof reviewEvents> {
    return reviewEvents(this.#catalog, id, scope);
  }

  eventDigest(from: ZonedTime, to: ZonedTime, maySee: (path: string) => boolean): ReturnType<typeof eventDigest> {
    return eventDigest(this.#catalog, { from, to }, maySee);
  }

  /**
   * @param etag the download of which the client has a part: reused while cached, even if the recording has grown;
   * otherwise the download is built from the files
   * @param done aborts the build when the request ends
   */
  async get(query: DownloadQuery, etag?: string, done?: AbortSignal): Promise<Download> {
    await this.#requireKnown(query.path);
    const key = queryKey(query);
    const kept = this.#downloads.cached(key);
    if (kept && etag === kept.etag) {
      return this.#downloads.share(key, kept, done);
    }
    const build = (): Promise<Download> => buildDownload(this.#catalog, this.tables, query, done);
    return this.#downloads.make(key, estimatedBytes(query), build, done);
  }

  /** The tag of the download that a player most likely started; undefined if none is cached. */
  cachedEtag(query: DownloadQuery): string | undefined {
    return this.#downloads.cached(queryKey(query))?.etag;
  }

  /** Hides these ranges from the next request on. */
  hide(ranges: readonly RecordedRange[]): void {
    this.#index.hidden.set(ranges);
    this.#downloads.clear();
  }

  /** A disk with recordings is missing, as far as known. */
  get hasOffline(): boolean {
    return this.#catalog.hasOffline;
  }

  /** How much is recorded in a range, also of a removed camera. @param scans default: looks for new and deleted files */
  measure(range: RecordedRange, scans = true): Promise<Measure> {
    return measure(this.#catalog, range, scans);
  }

  async coverage(path: string, fromUs: number, toUs: number): Promise<Coverage> {
    await this.#requireKnown(path);
    return coverageOf(this.#catalog, path, fromUs, toUs);
  }

  snapshot(path: string, timeUs: number): Promise<FoundSnapshot> {
    return findSnapshot(this.#lookup, path, timeUs);
  }

  frame(path: string, timeUs: number): Promise<Frame> {
    return findFrame(this.#lookup, this.tables, path, timeUs);
  }

  /** The picture of a time. It is decoded by its `make`. @throws PerchError 'notFound' without a recording */
  async picture(path: string, timeUs: number, query: PictureQuery): Promise<RecordedPicture> {
    const found = await findKey(this.#lookup, this.tables, path, timeUs);
    return pictureOf(found, timeUs, query, this.pictures, () => this.snapshot(path, timeUs));
  }

  /** Paths with files, readable or not. */
  async names(): Promise<readonly string[]> {
    await this.#catalog.scan();
    return this.#index.paths();
  }

  /** Paths with recordings that play, as far as files have been read. */
  async playedNames(): Promise<readonly string[]> {
    await this.#catalog.scan();
    return this.#index.playedPaths();
  }

  /** The files that play; undefined for a path that is not configured and has no recordings. */
  async segments(path: string): Promise<readonly { readonly start: string }[] | undefined> {
    if (!(await this.#isKnown(path))) {
      return undefined;
    }
    await this.#catalog.refresh(path, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    return this.#index.startsOf(path).map((us) => ({ start: this.localTime(us) }));
  }

  /** @throws PerchError if all recordings of the path are on a missing disk. Called after `segments` */
  requireAvailable(path: string): void {
    requireAvailable(this.#catalog, path, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  }

  /**
   * @param start as returned by `segments`
   * @param retainReason checked before anything is deleted
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
    // Its copy is deleted first, so that nothing is deleted while copies are away.
    await this.copies.delete(row);
    if (row.state === STATE.copied) {
      return;
    }
    await unlink(row.file).catch((cause: unknown) => {
      throw new PerchError('unavailable', 'cannot delete the recording', { file: row.file }, cause);
    });
    this.copies.store?.deletedByHand(path, row.nameUs, row.file);
    await removeCompanions(row.file);
    this.#catalog.removed(row.file);
    // The recording may have been copied meanwhile.
    await this.copies.delete(row);
  }

  async close(): Promise<void> {
    const areCopiesListed = this.copies.close();
    this.#downloads.clear();
    this.tables.clear();
    await this.pictures.close();
    await areCopiesListed;
    await this.#keeping;
    await this.#catalog.settle();
    this.#index.close();
  }

  /** Whether the path is configured, or has recordings of a removed camera. */
  async #isKnown(path: string): Promise<boolean> {
    // A pattern may match any name, and a name such as `../..` would leave the recordings' folder.
    if (pathNameFault(path)) {
      return false;
    }
    if (this.#paths.recordPathOf(path) !== undefined) {
      return true;
    }
    await this.#catalog.scan(path);
    return this.#index.space.bytesOf(path).files > 0;
  }

  async #requireKnown(path: string): Promise<void> {
    if (!(await this.#isKnown(path))) {
      // The playback port has no prefix.
      const bare = path.startsWith(MAIN_PREFIX) ? path.slice(MAIN_PREFIX.length) : undefined;
      const isNear = bare !== undefined && (await this.#isKnown(bare));
      const hint = isNear ? `: leave out '${MAIN_PREFIX}' on this port` : '';
      throw new PerchError('badInput', `path '${path}' is not configured${hint}`, { path });
    }
  }

  /** The time as in recording names: RFC 3339 with the zone's offset. */
  localTime(us: number): string {
    return formatLocalTime(us, this.#timeZone);
  }
}
