import { statSync } from 'node:fs';
import { join } from 'node:path';
import { MachineClock } from '../../../system/boot-clock.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { CameraEvents } from './events.ts';
import { CameraSnapshots } from './snapshots.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { DEMO_PATH } from '../demo/demo.ts';
import { DemoRecordings } from './demo-recordings.ts';
import type { SegmentHooks } from '../../paths/path-hooks.ts';
import type { PathRecorder } from '../../paths/path-status.ts';
import { Playback } from '../../playback/playback.ts';
import { type EventListRequest, type TimelineRequest, eventListQuery, timelineQuery } from '../../playback/read/query.ts';
import type { Timeline } from '../../playback/timeline.ts';
import type { ClipOptions } from '../../record/clips/clips.ts';
import { FlushPoint, HANGING_MS } from '../../record/write/flush.ts';
import type { WatchedPath } from '../../record/gaps/gap-reason.ts';
import { Recorder } from '../../record/recorder.ts';
import { recoverRecordings } from '../../record/recovery/recovery.ts';
import { SegmentAges } from '../../record/retention/segment-ages.ts';
import type { FinishedSegment, SegmentLog } from '../../record/file/segment-log.ts';
import { SnapshotTaker } from '../../record/snapshots/snapshot-taker.ts';
import { recordPathsOf } from './record-path-templates.ts';
import { RecorderWatchdog, type WatchdogPath } from './recorder-watchdog.ts';
import { RecordingGaps } from './gaps.ts';
import { RetentionAndSpace } from './retention-and-space.ts';

/** Without recordings the index is written this often, when something has changed. */
const COMMIT_MS = 30_000;

/** What a recorder has left out since it was made. */
interface RecordingLosses {
  readonly path: string;
  /** For which the disk was too slow. */
  readonly parts: number;
  /** That came too late, or whose timestamps had jumped. */
  readonly samples: { readonly late: number; readonly jumped: number };
  /** By the disk. */
  readonly refusedFiles: number;
}

type RecordingDisk = ReturnType<RetentionAndSpace['list']>[number] & {
  /** Undefined: nothing has been written there yet. */
  readonly times: ReturnType<FlushPoint['times']>;
};

/** Called synchronously; must not throw. */
type SegmentListener = (segment: FinishedSegment) => void;

/** Everything about recordings: makes recorders, finishes what was cut off, deletes by age, and plays back. */
export class Recordings {
  readonly playback: Playback;
  readonly events: CameraEvents;
  readonly #config: () => Config;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #flush: FlushPoint;
  readonly #machineClock: MachineClock;
  readonly space: RetentionAndSpace;
  readonly #gaps: RecordingGaps;
  readonly #stills: SnapshotTaker;
  readonly #pulse: RecorderWatchdog;
  readonly demo: DemoRecordings;
  readonly #recorders = new Map<Recorder, { readonly path: string; readonly recordPath: string }>();
  readonly #finished = new Set<SegmentListener>();
  readonly #stopCommits: () => void;
  readonly #settled: () => Promise<void>;
  #upkeep: Promise<unknown> = Promise.resolve();

  /** @param settled resolves when recorders do what the configuration said at the call */
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
    machineClock.onTrusted(() => log.info('the clock is right now: recordings are deleted by age and for space again'));
    this.#flush = new FlushPoint(clock, config().recordSyncIntervalMs);
    this.playback = new Playback({
      file: join(dataDir, 'segments.db'),
      paths: {
        recordPathOf: (name) => {
          const settings = this.#settingsOf(name);
          return settings && { recordPath: settings.recordPath, format: settings.recordFormat };
        },
        recordPaths: () => this.#recordPaths(),
      },
      logger: log,
      clock,
      isBeingWritten: (file) => this.#flush.isOpen(file),
    });
    // What the index has been told goes to the disk when the recordings do; without recordings there is little of it.
    this.#flush.join(() => this.playback.commit());
    this.#stopCommits = clock.every(COMMIT_MS, () => this.playback.commit());
    this.events = new CameraEvents({
      ...{ config, dataDir, clock, log, flush: this.#flush, index: this.playback.events },
      keptMs: (path) => this.space.keptMs(path),
      isClockTrusted: () => this.#machineClock.isTrusted,
      isDateDoubted: () => this.#machineClock.doubt !== undefined,
    });
    this.playback.addJournal(this.events.journal);
    const stills = new CameraSnapshots(config);
    this.#stills = new SnapshotTaker({
      ...{ events: this.events.hub, clock, logger: log },
      sourceOf: (path) => stills.sourceOf(path),
    });
    this.space = new RetentionAndSpace(
      {
        ...{ config, dataDir, clock, log, playback: this.playback, events: this.events.hub },
        isOpen: (file) => this.#flush.isOpen(file),
        isHanging: (device) => this.#flush.isHanging(device),
        isClockTrusted: () => this.#machineClock.isInOrder,
        dateDoubt: () => this.#machineClock.doubt,
        recordPaths: () => this.#recordPaths(),
        stopRecording: (folder, error) => this.#stopBelow(folder, error),
      },
      (told) => new SegmentAges(this.#stills.following(told), clock),
    );
    this.demo = new DemoRecordings({
      ...{ file: join(dataDir, 'demo-recordings.json'), log },
      remove: (isMeant) => this.space.deletePath(DEMO_PATH, isMeant),
      isOpen: (file) => this.#flush.isOpen(file),
    });
    // As long as something is recorded the index is written all the time, and what is known of the clock every few minutes.
    const aliveMs = Math.max(this.playback.lastWrittenMs, writtenMs(join(dataDir, 'clock.json')));
    this.#gaps = new RecordingGaps({
      ...{ config, dataDir, clock, log, flush: this.#flush, index: this.playback.events },
      keptMs: (path) => this.space.keptMs(path),
      isClockTrusted: () => this.#machineClock.isTrusted,
      isDateDoubted: () => this.#machineClock.doubt !== undefined,
      lastAliveMs: () => aliveMs || undefined,
      disks: () => this.space.list(),
    });
    this.playback.addJournal(this.#gaps.journal);
    const files = () => this.#files();
    this.#pulse = new RecorderWatchdog({ clock, log, files, isHeldUp: () => this.isHeldUp });
    machineClock.onStep((deltaMs) => this.#gaps.journal.clockSet(deltaMs));
  }

  /** Paths whose recorder is dead though camera and disk are well. */
  get deadRecorders(): readonly string[] {
    return this.#pulse.dead;
  }

  /** The configuration has changed. */
  async configure(): Promise<void> {
    this.#flush.setInterval(this.#config().recordSyncIntervalMs);
    await this.space.configure();
  }

  /** It is known what time it is. */
  get isClockTrusted(): boolean {
    return this.#machineClock.isTrusted;
  }

  /** Starts what goes on in the background until `signal` aborts. @param paths all that could be recorded */
  begin(signal: AbortSignal, paths: () => readonly (WatchedPath & WatchdogPath)[]): void {
    this.#machineClock.begin();
    this.events.begin(signal);
    this.#gaps.begin(signal, paths);
    this.#pulse.begin(signal, paths);
    const told = (error: unknown): void => this.#log.error({ err: error }, 'recordings are not looked after');
    this.#upkeep = Promise.all([this.#keepUp(signal).catch(told), this.space.keep(signal).catch(told)]);
  }

  async #keepUp(signal: AbortSignal): Promise<void> {
    const logger = this.#log;
    const isOpen = (file: string) => this.#flush.isOpen(file);
    const isFinished = (file: string) => this.playback.isFinished(file);
    await this.playback.checkNewest(signal);
    await recoverRecordings(this.#recordPaths(), {
      isOpen,
      isFinished,
      onRecovered: (segment) => this.space.segmentLog.finished(segment),
      signal,
      clock: this.#clock,
      logger,
    });
    await this.space.fillIndex(signal);
    // What was cut off is finished before anything is judged by its age.
    await this.space.keepAges(signal);
  }

  /** Tells of each file that is whole, on the disk and indexed. @returns what ends it */
  onFinished(listener: SegmentListener): () => void {
    this.#finished.add(listener);
    return () => this.#finished.delete(listener);
  }

  /** @param isDemo what it records goes with the demo camera */
  recorder(
    name: string,
    settings: PathSettings,
    hooks?: SegmentHooks,
    isDemo: boolean = false,
  ): PathRecorder | undefined {
    if (settings.record === 'no') {
      return undefined;
    }
    const recorder = new Recorder(
      {
        path: name,
        recordPath: settings.recordPath,
        format: settings.recordFormat,
        partDurationMs: settings.recordPartDurationMs,
        maxPartBytes: settings.recordMaxPartSizeBytes,
        segmentDurationMs: settings.recordSegmentDurationMs,
        clips: this.#clipsOf(settings),
      },
      {
        flush: this.#flush,
        log: following(this.space.segmentLog, this.#finished, isDemo ? this.demo.noting(hooks) : hooks),
        clock: this.#clock,
        bootClock: this.#machineClock,
        disks: this.space,
        fs: this.space.fs,
        logger: this.#log.child({ path: name }),
      },
    );
    this.#recorders.set(recorder, { path: name, recordPath: settings.recordPath });
    return {
      start: (stream) => {
        this.space.recorded(name);
        recorder.start(stream);
      },
      stop: () => {
        this.#recorders.delete(recorder);
        return recorder.stop();
      },
      get status() {
        return statusOf(recorder);
      },
    };
  }

  /** What a path that records around events has to know. */
  #clipsOf({
    record,
    recordPreRollMs: preRollMs,
    recordPostRollMs: postRollMs,
  }: PathSettings): ClipOptions | undefined {
    return record === 'motion' ? { events: this.events.hub, preRollMs, postRollMs } : undefined;
  }

  /** Their disk takes no more. */
  #stopBelow(folder: string, error: string): void {
    for (const [recorder, { recordPath }] of this.#recorders) {
      if (recordPath.startsWith(folder === '/' ? folder : `${folder}/`)) {
        recorder.interrupt(error);
      }
    }
  }

  /** What is being written now. */
  #files(): { readonly path: string; readonly file: string; readonly partMs: number }[] {
    return [...this.#recorders].flatMap(([{ state }, { path }]) =>
      state.kind === 'recording'
        ? [{ path, file: state.file, partMs: this.#settingsOf(path)?.recordPartDurationMs ?? 0 }]
        : [],
    );
  }

  /** A recording waits for a disk that hangs. */
  get isHeldUp(): boolean {
    return this.#flush.isHeldUp;
  }

  /** What each recorder has left out so far, by the name of its path. */
  losses(): readonly RecordingLosses[] {
    return [...this.#recorders].map(([{ dropped, refusedFiles }, { path }]) => ({
      path,
      parts: dropped['slow disk'],
      samples: { late: dropped['late sample'], jumped: dropped['jumped timestamp'] },
      refusedFiles,
    }));
  }

  /** The disks that recordings go to, and how long they take for what is written. */
  disks(): readonly RecordingDisk[] {
    return this.space.list().map((disk) => {
      const device = this.space.deviceOf(disk.folder);
      return { ...disk, times: device === undefined ? undefined : this.#flush.times(device) };
    });
  }

  names(): Promise<readonly string[]> {
    return this.playback.names();
  }

  segments(path: string): Promise<readonly { readonly start: string }[] | undefined> {
    return this.playback.segments(path);
  }

  async deleteSegment(path: string, start: string): Promise<void> {
    await this.playback.deleteSegment(path, start, ({ file, startUs, durationUs }) => {
      if (this.#flush.isOpen(file)) {
        return 'is still being written';
      }
      return this.space.keptBecause(path, startUs, durationUs);
    });
  }

  /** The last file of a camera that was just taken out goes with the others: it may be written only when its recorder ends. */
  async deletePath(path: string): Promise<object> {
    await this.#unlessHanging(this.#settled());
    return this.space.deletePath(path);
  }

  timeline(request: TimelineRequest): Promise<Timeline> {
    return this.playback.timeline(timelineQuery(request));
  }

  listEvents(request: EventListRequest, maySee: (path: string) => boolean): Promise<object> {
    return this.playback.listEvents(eventListQuery(request), maySee);
  }

  /** How far the index is, and what it has left out. */
  index(): object {
    return { ...this.playback.indexProgress, unreadable: this.playback.unreadable() };
  }

  /** Finishes all open files without waiting for cameras and for all else that `close` ends. */
  async finishFiles(): Promise<void> {
    await Promise.all([...this.#recorders.keys()].map((recorder) => recorder.stop()));
  }

  async close(): Promise<void> {
    this.#stopCommits();
    await this.#unlessHanging(this.#upkeep);
    await this.demo.close();
    await this.#stills.close();
    await this.events.close();
    await this.#gaps.close();
    await this.space.close();
    await this.#flush.close();
    await this.#machineClock.close();
    await this.playback.close();
  }

  /** A disk that hangs in the middle of it is not waited for. */
  async #unlessHanging(work: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    await Promise.race([work, this.#clock.sleep(HANGING_MS, over.signal)]);
    over.abort();
  }

  /** What people call the camera of a path. */
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

/** A log that also tells others of what is recorded now; what an earlier run has left is not theirs. */
const following = (log: SegmentLog, listeners: Iterable<SegmentListener>, hooks?: SegmentHooks): SegmentLog => ({
  opened: (segment) => {
    log.opened(segment);
    hooks?.segmentCreated(segment.file);
  },
  finished: (segment) => {
    log.finished(segment);
    hooks?.segmentCompleted(segment.file, segment.durationMs);
    for (const listener of listeners) {
      listener(segment);
    }
  },
  removed: (file) => log.removed(file),
});

/** 0: it is not there. */
const writtenMs = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function statusOf({ state }: Recorder): PathRecorder['status'] {
  const isFailed = state.kind === 'failed';
  return {
    active: state.kind === 'recording',
    error: isFailed ? state.error : null,
    why: isFailed ? state.why : null,
    since: isFailed ? new Date(state.sinceMs).toISOString() : null,
  };
}
