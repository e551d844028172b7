import { statSync } from 'node:fs';
import { join } from 'node:path';
import { MachineClock } from '../../system/boot-clock.ts';
import { type Clock, endsWithin } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { SUB_SUFFIX } from '../cameras/adoption/plan.ts';
import { isSubStream } from '../cameras/path-entries.ts';
import { CameraSnapshots } from '../cameras/snapshots.ts';
import { type Config, resolvePath } from '../config/load/load.ts';
import type { PathSettings } from '../config/schema/path.ts';
import type { ReviewClient } from '../http/api/recordings/reviews.ts';
import { serverOf } from '../http/auth/signed-requests.ts';
import type { EventPage } from '../playback/event-list.ts';
import type { SegmentRow } from '../playback/index/segment-row.ts';
import { Playback } from '../playback/playback.ts';
import {
  type EventListRequest,
  eventListQuery,
  type ReviewRequest,
  reviewQuery,
  type TimelineRequest,
} from '../playback/read/query.ts';
import { requireRfc3339 } from '../playback/read/rfc3339.ts';
import type { ReviewScope } from '../playback/review-list.ts';
import type { JoinedTimeline } from '../playback/stores/contract.ts';
import { Stores } from '../playback/stores/stores.ts';
import type { CameraEvent } from '../record/events/event.ts';
import { SeenMarks } from '../record/events/seen-marks.ts';
import type { Segment } from '../record/file/segment-log.ts';
import type { WatchedPath } from '../record/gaps/gap-reason.ts';
import { recoverRecordings } from '../record/recovery/recovery.ts';
import { SegmentAges } from '../record/retention/segment-ages.ts';
import { SnapshotTaker } from '../record/snapshots/snapshot-taker.ts';
import { FlushPoint, HANGING_MS } from '../record/write/flush.ts';
import { CameraEvents } from './events.ts';
import { RecordingGaps } from './gaps.ts';
import { recordPathsOf } from './record-path-templates.ts';
import { RecorderWatchdog, type WatchdogPath } from './recorder-watchdog.ts';
import { Recorders } from './recorders.ts';
import { RetentionAndSpace } from './retention-and-space.ts';

/** Interval of index writes while nothing is recorded. */
const COMMIT_MS = 30_000;

type RecordingDisk = ReturnType<RetentionAndSpace['list']>[number] & {
  /** Undefined if nothing was written there yet. */
  readonly times: ReturnType<FlushPoint['times']>;
};

/** Recovers truncated files, deletes expired ones, and provides playback. */
export class Recordings {
  readonly playback: Playback;
  readonly stores: Stores;
  readonly events: CameraEvents;
  readonly #seen: SeenMarks;
  readonly #config: () => Config;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #flush: FlushPoint;
  readonly #machineClock: MachineClock;
  readonly space: RetentionAndSpace;
  readonly #gaps: RecordingGaps;
  readonly #snapshots: SnapshotTaker;
  readonly #watchdog: RecorderWatchdog;
  readonly recorders: Recorders;
  readonly #stopCommits: () => void;
  readonly #settled: () => Promise<void>;
  #upkeep: Promise<unknown> = Promise.resolve();
  /** Recordings that are being copied to another disk. */
  readonly #kept = new Set<string>();
  readonly #signed = new Set<(segment: Segment) => void>();

  /** @param settled resolves when recorders follow the configuration of the time of the call */
  constructor(
    config: () => Config,
    dataDir: string,
    clock: Clock,
    log: Logger,
    settled: () => Promise<void> = async () => {},
    machineClock = new MachineClock({ clock, memoryFile: join(dataDir, 'clock.json') }),
  ) {
    this.#config = config;
    this.#settled = settled;
    this.#clock = clock;
    this.#log = log;
    this.#machineClock = machineClock;
    machineClock.onStep((deltaMs) => log.info({ deltaMs: Math.round(deltaMs) }, 'the clock was set'));
    machineClock.onTrusted(() => log.info('the clock is correct, deletion of recordings resumes'));
    this.#flush = new FlushPoint(clock, config().recordSyncIntervalMs);
    this.playback = this.#openPlayback(join(dataDir, 'segments.db'));
    this.stores = new Stores({
      playback: this.playback,
      clock,
      titleOf: (path) => this.titleOf(path),
      isRecorded: (path) => this.#settingsOf(path)?.record !== 'no',
      isServer: (request) => serverOf(request) !== undefined,
    });
    // Index changes are written together with recordings, and rarely without them.
    this.#flush.join(() => this.playback.commit());
    this.#stopCommits = clock.every(COMMIT_MS, () => this.playback.commit());
    const shared = {
      config,
      dataDir,
      clock,
      log,
      flush: this.#flush,
      index: this.playback.events,
      settled,
      keptMs: (path: string) => this.space.keptMs(path),
      isClockTrusted: () => this.#machineClock.isTrusted,
      isDateDoubted: () => this.#machineClock.doubt !== undefined,
    };
    this.events = new CameraEvents(shared);
    this.playback.addJournal(this.events);
    this.#seen = new SeenMarks(join(dataDir, 'seen-events.json'), log);
    const stills = new CameraSnapshots(config);
    this.#snapshots = new SnapshotTaker({
      events: this.events.hub,
      clock,
      logger: log,
      sourceOf: (path) => stills.sourceOf(path),
    });
    this.space = this.#openSpace(dataDir);
    this.recorders = new Recorders({
      clock,
      log,
      flush: this.#flush,
      bootClock: machineClock,
      space: this.space,
      events: this.events.hub,
    });
    // While anything is recorded the index is written all the time, and the clock's memory every few minutes.
    const aliveMs = Math.max(this.playback.lastWrittenMs, writtenMs(join(dataDir, 'clock.json')));
    this.#gaps = new RecordingGaps({
      ...shared,
      lastAliveMs: () => aliveMs || undefined,
      disks: () => this.space.list(),
    });
    this.playback.addJournal(this.#gaps.journal);
    const files = () => this.recorders.files();
    this.#watchdog = new RecorderWatchdog({ clock, log, files, isHeldUp: () => this.isHeldUp });
    machineClock.onStep((deltaMs) => this.#gaps.journal.clockSet(deltaMs));
  }

  #openPlayback(file: string): Playback {
    return new Playback({
      file,
      paths: {
        recordPathOf: (name) => {
          const settings = this.#settingsOf(name);
          return settings && { recordPath: settings.recordPath, format: settings.recordFormat };
        },
        recordPaths: () => this.#recordPaths(),
        hasRecorded: (path, template) => this.space.hasRecorded(path, template),
      },
      logger: this.#log,
      clock: this.#clock,
      isBeingWritten: (file) => this.#flush.isOpen(file),
    });
  }

  #openSpace(dataDir: string): RetentionAndSpace {
    return new RetentionAndSpace(
      {
        config: this.#config,
        dataDir,
        clock: this.#clock,
        log: this.#log,
        playback: this.playback,
        events: this.events.hub,
        isOpen: (file) => this.#flush.isOpen(file) || this.#kept.has(file),
        isHanging: (device) => this.#flush.isHanging(device),
        flushTimes: (device) => this.#flush.times(device)?.flushes,
        isClockTrusted: () => this.#machineClock.isInOrder,
        dateDoubt: () => this.#machineClock.doubt,
        recordPaths: () => this.#recordPaths(),
        stopRecording: (folder, error) => this.recorders.stopBelow(folder, error),
      },
      (followed) => new SegmentAges(this.#snapshots.following(followed), this.#clock),
    );
  }

  get deadRecorders(): readonly string[] {
    return this.#watchdog.dead;
  }

  async configure(): Promise<void> {
    this.#flush.setInterval(this.#config().recordSyncIntervalMs);
    await this.space.configure();
  }

  get isClockTrusted(): boolean {
    return this.#machineClock.isTrusted;
  }

  /**
   * Starts background work until `signal` aborts. @param paths all that could be recorded
   * @param indexed called when the index has all recordings
   */
  begin(
    signal: AbortSignal,
    paths: () => readonly (WatchedPath & WatchdogPath)[],
    indexed: () => Promise<void> = async () => {},
  ): void {
    this.#machineClock.begin();
    this.events.begin(signal);
    this.#gaps.begin(signal, paths);
    this.#watchdog.begin(signal, paths);
    const logFailure = (error: unknown): void => this.#log.error({ err: error }, 'upkeep of recordings failed');
    this.#upkeep = Promise.all([
      this.#keepUp(signal, indexed).catch(logFailure),
      this.space.keep(signal).catch(logFailure),
    ]);
  }

  async #keepUp(signal: AbortSignal, indexed: () => Promise<void>): Promise<void> {
    await this.playback.checkNewest(signal);
    await recoverRecordings(this.#recordPaths(), {
      isOpen: (file) => this.#flush.isOpen(file),
      isFinished: (file) => this.playback.isFinished(file),
      onRecovered: (segment) => this.space.segmentLog.finished(segment),
      signal,
      clock: this.#clock,
      logger: this.#log,
    });
    await this.space.fillIndex(signal);
    await indexed();
    // After recovery: it changes the ages of files.
    await this.space.keepAges(signal);
  }

  /** Resolves when recorders follow the configuration of the time of the call. */
  settled(): Promise<void> {
    return this.#settled();
  }

  isOpen(file: string): boolean {
    return this.#flush.isOpen(file);
  }

  /** How long a recorder waits for a disk now. */
  get busyMs(): number {
    return this.#flush.waitedMs;
  }

  /** Keeps a recording from being deleted. @returns a function that ends this */
  keep(file: string): () => void {
    this.#kept.add(file);
    return () => this.#kept.delete(file);
  }

  /** Reports each recording whose signatures are next to it, since now or since an earlier start. */
  onSigned(listener: (segment: Segment) => void): void {
    this.#signed.add(listener);
  }

  signed(segment: Segment): void {
    for (const listener of this.#signed) {
      listener(segment);
    }
  }

  get isHeldUp(): boolean {
    return this.#flush.isHeldUp;
  }

  /** The recording disks and the durations of their writes. */
  disks(): readonly RecordingDisk[] {
    return this.space.list().map((disk) => {
      const device = this.space.deviceOf(disk.folder);
      return { ...disk, times: device === undefined ? undefined : this.#flush.times(device) };
    });
  }

  names(): Promise<readonly string[]> {
    return this.playback.names();
  }

  /** Paths with recordings that play, and those whose recordings lie elsewhere. */
  playedNames(): Promise<readonly string[]> {
    return this.stores.names();
  }

  /** @param isInList for a list of all cameras, which sends no requests to other boxes */
  async segments(path: string, isInList = false): Promise<readonly { readonly start: string }[] | undefined> {
    return (isInList ? this.stores.disk : await this.stores.of(path)).segments(path);
  }

  async deleteSegment(path: string, start: string): Promise<void> {
    let range = { startUs: 0, endUs: 0 };
    const retainReason = ({ file, startUs, durationUs }: SegmentRow): string | undefined => {
      range = { startUs, endUs: startUs + durationUs };
      return this.#flush.isOpen(file)
        ? 'is still being written'
        : this.#kept.has(file)
          ? 'is being copied to another disk: try again in a moment'
          : this.space.keptBecause(path, startUs, durationUs);
    };
    await this.playback.deleteSegment(path, start, retainReason);
    await this.space.rangeDeletions.tell(path, range);
  }

  /** Waits for the recorder of a removed camera: its last file is deleted, too. */
  async deletePath(path: string): Promise<object> {
    await endsWithin(this.#clock, HANGING_MS, this.#settled());
    return this.space.deletePath(path);
  }

  /** @param isOnlyHere for a paired server */
  async timeline(request: TimelineRequest, isOnlyHere = false): Promise<JoinedTimeline> {
    return (isOnlyHere ? this.stores.disk : await this.stores.of(request.path)).timeline(request);
  }

  /** @param person whose marks are applied */
  async listEvents(
    request: EventListRequest,
    maySee: (path: string) => boolean,
    person: string | undefined,
  ): Promise<EventPage> {
    const seen = person === undefined ? undefined : await this.#seen.of(person);
    const page = await this.playback.listEvents(eventListQuery(request), maySee, seen);
    // Another box finds the picture nearest to an event when it is asked for it.
    const withPicture = (item: EventPage['items'][number]) =>
      this.stores.isShared(item.path) ? { ...item, picture: item.picture ?? item.start } : item;
    return { ...page, items: page.items.map(withPicture) };
  }

  async listReviews(request: ReviewRequest, client: ReviewClient): ReturnType<Playback['listReviews']> {
    return this.playback.listReviews(reviewQuery(request), await this.#reviewScope(client));
  }

  async review(id: string, client: ReviewClient): ReturnType<Playback['review']> {
    return this.playback.review(id, await this.#reviewScope(client));
  }

  async markReview(id: string, client: ReviewClient & { readonly person: string }): Promise<void> {
    await this.#seen.mark(client.person, await this.playback.reviewEvents(id, await this.#reviewScope(client)));
  }

  async #reviewScope({ person, ...client }: ReviewClient): Promise<ReviewScope> {
    const config = this.#config();
    return {
      ...client,
      mainOf: (path) => (isSubStream(path, config) ? path.slice(0, -SUB_SUFFIX.length) : undefined),
      isElsewhere: (path) => this.stores.isShared(path),
      seen: person === undefined ? undefined : await this.#seen.of(person),
    };
  }

  eventDigest({ from, to }: { readonly from: string; readonly to: string }, maySee: (path: string) => boolean): object {
    return this.playback.eventDigest(requireRfc3339('from', from), requireRfc3339('to', to), maySee);
  }

  async markEvents(
    person: string,
    events: readonly { readonly path: string; readonly id: string; readonly start: string }[],
  ): Promise<void> {
    const startMs = (text: string) => Math.floor(requireRfc3339('start', text).us / 1000);
    await this.#seen.mark(
      person,
      events.map(({ path, id, start }) => ({ path, id, startMs: startMs(start) })),
    );
  }

  /** @returns the former time */
  async markEventsUpTo(person: string, upTo: string): Promise<string> {
    const beforeMs = await this.#seen.markUpTo(person, Math.floor(requireRfc3339('upTo', upTo).us / 1000));
    return new Date(beforeMs).toISOString();
  }

  /** Adds an outage of a camera of another box, as that box has reported it. */
  addOutage(outage: CameraEvent): void {
    this.#gaps.journal.addReported(outage);
  }

  index(): object {
    return { ...this.playback.indexProgress, unreadable: this.playback.unreadable() };
  }

  async close(): Promise<void> {
    this.#stopCommits();
    await endsWithin(this.#clock, HANGING_MS, this.#upkeep);
    await this.#snapshots.close();
    await this.events.close();
    await this.#seen.close();
    await this.#gaps.close();
    await this.space.close();
    await this.#flush.close();
    await this.#machineClock.close();
    await this.playback.close();
  }

  titleOf(name: string): string | undefined {
    return this.#settingsOf(name)?.camera?.name;
  }

  #settingsOf(name: string): PathSettings | undefined {
    return resolvePath(this.#config(), name)?.settings;
  }

  #recordPaths(): string[] {
    return recordPathsOf(this.#config());
  }
}

/** Time of a file's last change, in Unix ms; 0: the file is missing. */
const writtenMs = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
