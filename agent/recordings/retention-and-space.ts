import { join } from 'node:path';
import type { DateDoubt } from '../../system/clock-plausibility.ts';
import { explain, PerchError } from '../base/errors.ts';
import { DAY_MS } from '../base/time/units.ts';
import type { Context } from '../config/load/context.ts';
import type { PathSettings } from '../config/schema/path.ts';
import { freeSpaceBytes } from '../config/values/free-space.ts';
import type { Problem } from '../config/yaml/problem.ts';
import type { DiskLookup } from '../http/api/recordings/disks.ts';
import type { SegmentRow } from '../playback/index/segment-row.ts';
import type { Playback } from '../playback/playback.ts';
import type { EventHub } from '../record/events/event-hub.ts';
import { RecordPathPattern } from '../record/file/record-path.ts';
import { diskFs, type SegmentFs } from '../record/file/segment-fs.ts';
import type { SegmentLog } from '../record/file/segment-log.ts';
import type { HasRecorded } from '../record/file/template-overlap.ts';
import type { DiskGuard } from '../record/recorder.ts';
import { deletePath, inBatches } from '../record/retention/delete-path.ts';
import { DeletionTrace } from '../record/retention/deletion-trace.ts';
import { type DeletionHold, Deletions } from '../record/retention/deletions.ts';
import { ProtectedRanges } from '../record/retention/protected-ranges.ts';
import { RememberedRetention } from '../record/retention/remembered-retention.ts';
import { keepRetention } from '../record/retention/retention.ts';
import type { SegmentAges } from '../record/retention/segment-ages.ts';
import { companionsOf } from '../record/snapshots/companion-files.ts';
import { machineDisks } from '../record/space/disk-probe.ts';
import { type DiskStatus, Disks } from '../record/space/disks.ts';
import type { FlushTimes } from '../record/space/flush-age.ts';
import { keepPathLimits, type OldestRecordings } from '../record/space/free-space.ts';
import { KnownDisks } from '../record/space/known-disks.ts';
import type { StoredCopy } from '../record/store/recording-copies.ts';
import { ProtectedClips } from './protected-clips.ts';
import { RangeDeletions } from './range-deletions.ts';

/** Only recordings from at least this long before the doubtful date can confirm it: later ones may be dated by the same clock. */
const VOUCHER_BEFORE_MS = 60_000;
/** Interval of checks of path limits, and of retries of an unreadable list of protected recordings. */
const UPKEEP_MS = 30_000;
const ALWAYS = { startUs: Number.MIN_SAFE_INTEGER, endUs: Number.MAX_SAFE_INTEGER };

interface RetentionAndSpaceDeps extends Pick<Context, 'config' | 'dataDir' | 'clock' | 'log'> {
  readonly playback: Playback;
  readonly events: EventHub;
  readonly isOpen: (file: string) => boolean;
  /** A write or flush takes long. @param device `st_dev` */
  readonly isHanging: (device: number) => boolean;
  readonly flushTimes: (device: number) => FlushTimes | undefined;
  /** New recordings get later names than earlier ones. */
  readonly isClockTrusted: () => boolean;
  readonly dateDoubt?: () => DateDoubt | undefined;
  readonly recordPaths: () => readonly string[];
  readonly stopRecording: (folder: string, error: string) => void;
}

/** Retention by age, by space and by protection, and the state of the disks. */
export class RetentionAndSpace implements DiskLookup, DiskGuard {
  readonly protectedRanges: ProtectedRanges;
  readonly protection: ProtectedClips;
  readonly rangeDeletions: RangeDeletions;
  readonly #deps: RetentionAndSpaceDeps;
  readonly #deletions: Deletions;
  readonly #memory: KnownDisks;
  readonly #limits: RememberedRetention;
  readonly #disks: Disks;
  readonly #index: OldestRecordings;
  readonly #dateCheck: DateCheck;
  readonly segmentLog: SegmentAges;
  /** For recordings of an earlier time: their age is that of their pictures. */
  readonly fetchedLog: SegmentLog;
  #madeRoom: (path: string, endUs: number) => void = () => {};
  #isRead = false;
  /** Generation of the index when it was last complete; undefined: it never was. */
  #filledGeneration: number | undefined;
  #upkeepMs = Number.NEGATIVE_INFINITY;

  /** @param agesOf wraps the log that receives recordings */
  constructor(deps: RetentionAndSpaceDeps, agesOf: (log: SegmentLog) => SegmentAges) {
    const { clock, log, playback, dataDir, config } = deps;
    this.#deps = deps;
    this.#dateCheck = new DateCheck(deps.dateDoubt, (beforeUs) => playback.space.lastEndUs(beforeUs));
    const index = playback.segmentLog;
    this.fetchedLog = {
      opened: (segment) => {
        this.#disks.opened(segment.file);
        index.opened(segment);
      },
      finished: (segment) => index.finished(segment),
      removed: (file) => index.removed(file),
    };
    this.segmentLog = agesOf(this.fetchedLog);
    this.protectedRanges = new ProtectedRanges(join(dataDir, 'protected.json'), (all) =>
      playback.events.setProtected(all),
    );
    playback.addJournal({ replay: (index) => index.setProtected(this.protectedRanges.all) });
    this.protection = new ProtectedClips({ config, playback, clock, ranges: this.protectedRanges });
    const copies = () => playback.copies.store;
    this.#deletions = new Deletions({
      clock,
      log: this.segmentLog,
      isOpen: deps.isOpen,
      protection: this.protectedRanges,
      isClockTrusted: deps.isClockTrusted,
      dateDoubt: () => this.#dateDoubt(),
      isAwaited: ({ path, startsUs, file }) =>
        copies()?.isAwaited({
          ...{ path, file, nameUs: playback.nameUsOf(file) ?? startsUs.at(-1) ?? 0 },
          newestStartUs: Math.max(...startsUs),
        }) ?? false,
      trace: new DeletionTrace({ clock, logger: log, tell: (text) => this.#report('deleted', text) }),
      companions: companionsOf,
      madeRoom: (path, endUs) => this.#madeRoom(path, endUs),
      freed: (file, diskBytes) => this.#disks.freed(file, diskBytes),
      deletedByHand: (path, nameUs, file) => copies()?.deletedByHand(path, nameUs, file),
      logger: log,
    });
    this.rangeDeletions = new RangeDeletions({
      clock,
      log,
      playback,
      deletions: this.#deletions,
      protectedRanges: this.protectedRanges,
      file: join(dataDir, 'deleted.json'),
      tops: () => this.#folders(),
      ageMs: (file) => this.segmentLog.ageMs(file),
    });
    this.#index = this.#indexOf(playback);
    this.#memory = new KnownDisks(join(dataDir, 'disks.json'), (text) => log.warn(text));
    const probe = machineDisks(dataDir);
    this.#limits = new RememberedRetention({
      file: join(dataDir, 'kept-for.json'),
      config,
      recordPaths: deps.recordPaths,
      wallMs: () => clock.wallMs(),
      isClockTrusted: deps.isClockTrusted,
      isSameDisk: async (recordPath) => {
        const known = this.#memory.find(folderOf(recordPath));
        return known !== undefined && (await probe.read(folderOf(recordPath))).mark === known.id;
      },
      log,
    });
    this.#disks = new Disks({
      clock,
      probe,
      memory: this.#memory,
      rules: {
        folders: () => this.#folders(),
        minFreeBytes: (totalBytes) => freeSpaceBytes(config().recordMinFree, totalBytes),
        needsDisk: () => config().recordNeedsDisk,
        ageLimitMs: (folder) => this.#ageLimitMs(folder),
      },
      index: this.#index,
      deletions: this.#deletions,
      stopRecording: (folder) => deps.stopRecording(folder, this.#disks.refusal(join(folder, 'any')) ?? ''),
      onEvent: ({ state, text, folders }) => this.#report('disk', `${state}: ${folders.join(', ')}: ${text}`),
      isHanging: deps.isHanging,
      flushTimes: deps.flushTimes,
      logger: log,
    });
  }

  /** Called after a configuration change: checks the disks before anything is recorded. */
  async configure(): Promise<void> {
    if (!this.#isRead) {
      this.#isRead = true;
      await this.protectedRanges.load();
      await this.rangeDeletions.load();
      await this.#memory.load();
      await this.#limits.load();
    }
    this.#limits.configured();
    await this.#disks.check();
  }

  get hasRecorded(): HasRecorded {
    return this.#limits.hasRecorded;
  }

  recorded(path: string): void {
    this.#limits.recorded(path);
  }

  /** Syncs the index with all files. Before that nothing is deleted for space. */
  async fillIndex(signal: AbortSignal): Promise<void> {
    const { playback } = this.#deps;
    await playback.rebuild(signal);
    if (!signal.aborted) {
      this.#filledGeneration = playback.indexGeneration;
      this.#upkeepMs = Number.NEGATIVE_INFINITY;
    }
  }

  keep(signal: AbortSignal): Promise<void> {
    return this.#disks.keep((end) => this.#upkeep(end), signal);
  }

  keepAges(signal: AbortSignal): Promise<void> {
    const { clock, log, playback } = this.#deps;
    const facts = {
      ageMs: (file: string) => this.segmentLog.ageMs(file),
      labelUs: (file: string) => playback.startUsOf(file),
      isDated: (file: string) => playback.isDated(file),
    };
    return keepRetention(this.#limits, { clock, deletions: this.#deletions, logger: log, ...facts }, signal);
  }

  /** Of the remembered retention; undefined: there is none. */
  get fault(): Problem | undefined {
    return this.#limits.fault;
  }

  /** @param listener called for each recording that is deleted to make room, with its end in Unix microseconds */
  onMadeRoom(listener: (path: string, endUs: number) => void): void {
    this.#madeRoom = listener;
  }

  /** Retention of a path; undefined: forever. */
  keptMs(path: string): number | undefined {
    return this.#limits.keptMs(path);
  }

  /** Settings of a path; undefined: it is not configured, or a removed camera had its name. */
  settingsFor(path: string): PathSettings | undefined {
    return this.#limits.settingsFor(path);
  }

  /** Retention of a path that is no longer configured; 0: forever; undefined: unknown. */
  lastChosenMs(path: string): number | undefined {
    return this.#limits.lastChosenMs(path);
  }

  close(): Promise<void> {
    return this.#limits.close();
  }

  refusal(file: string): string | undefined {
    return this.#disks.refusal(file);
  }

  failed(file: string, code: string): void {
    this.#disks.failed(file, code);
  }

  /** The file system for recordings: it creates none on the wrong disk. */
  get fs(): SegmentFs {
    return this.#disks.guarded(diskFs);
  }

  keptBecause(path: string, startUs: number, durationUs: number): string | undefined {
    const { fault } = this.protectedRanges;
    if (fault !== undefined) {
      return `cannot be deleted: ${fault}`;
    }
    const endUs = startUs + durationUs;
    if (!this.protectedRanges.isProtected(path, startUs, endUs)) {
      return undefined;
    }
    const range = this.protectedRanges.all.find(
      (one) => one.path === path && one.startUs < endUs && one.endUs > startUs,
    );
    return range ? `is protected: DELETE /v3/recordings/protect/${range.id} ends that` : 'is protected';
  }

  /** Deletes the selected recordings of a path, except protected and growing ones. @throws PerchError notFound */
  async deletePath(path: string, isMeant?: (file: string) => boolean): Promise<object> {
    const { playback } = this.#deps;
    const known = await playback.segments(path);
    if (!known) {
      throw new PerchError('notFound', `path '${path.slice(0, 240)}' is not configured and has no recordings`);
    }
    playback.requireAvailable(path);
    playback.copies.requireListed();
    if (!isMeant) {
      await this.rangeDeletions.tell(path, { startUs: 0, endUs: Math.round(this.#deps.clock.wallMs() * 1_000) });
    }
    const { files, diskBytes, kept, keptFiles } = await deletePath({
      deletions: this.#deletions,
      isMeant,
      rows: (limit, after) => playback.space.allOf(path, limit, after as SegmentRow | undefined),
      keptBecause: ({ startUs, durationUs }) => this.keptBecause(path, startUs, durationUs),
      tops: this.#folders(),
    });
    const copies = await playback.copies.deleteFrom(path, ALWAYS, {
      isKept: (row) =>
        isMeant?.(row.file) === false || this.keptBecause(path, row.startUs, row.durationUs) !== undefined,
    });
    const unread = isMeant ? 0 : await this.#deleteUnread(path);
    const items = kept.map(({ startUs, because }) => ({ start: playback.localTime(startUs), reason: because }));
    return { deleted: files + copies.deleted + unread, bytes: diskBytes, kept: keptFiles + copies.kept, items };
  }

  /** Deletes copies that are known by name only. Their times are not known: a protected range keeps them all. */
  async #deleteUnread(path: string): Promise<number> {
    const { copies } = this.#deps.playback;
    const { stored } = copies.store ?? {};
    if (!stored || this.keptBecause(path, ALWAYS.startUs, Number.POSITIVE_INFINITY) !== undefined) {
      return 0;
    }
    let count = 0;
    for (const copy of inBatches<StoredCopy>((limit, after) =>
      stored.after(path, after?.nameUs ?? ALWAYS.startUs, limit),
    )) {
      if (copy.facts === undefined) {
        await copies.delete(copy);
        count += 1;
      }
    }
    return count;
  }

  list(): (DiskStatus & { readonly deletionsHeld: string | null; readonly deletionsHeldWhy: DeletionHold | null })[] {
    const deletionsHeld = this.#deletions.ageHold ?? null;
    const deletionsHeldWhy = this.#deletions.ageHoldWord ?? null;
    return this.#disks.list().map((disk) => ({ ...disk, deletionsHeld, deletionsHeldWhy }));
  }

  /** Whether the index knows every recording. */
  get isIndexWhole(): boolean {
    return this.#index.isWhole;
  }

  /** Whether the ages of recordings are meaningful. */
  get isDateTrusted(): boolean {
    return this.#deps.isClockTrusted() && this.#dateDoubt() === undefined;
  }

  deviceOf(folder: string): number | undefined {
    return this.#disks.deviceOf(folder);
  }

  accept(folder: string): Promise<boolean> {
    return this.#disks.accept(folder);
  }

  /** Only a complete index knows the oldest recordings. */
  #indexOf(playback: Playback): OldestRecordings {
    const isWhole = () =>
      this.#filledGeneration === playback.indexGeneration && playback.indexProgress.state === 'ready';
    return {
      get isWhole() {
        return isWhole();
      },
      oldestOwn: (folder, limit, after) => playback.space.oldestOwn(folder, limit, after as SegmentRow | undefined),
      oldestOwnOf: (path, limit, after) => playback.space.oldestOwnOf(path, limit, after as SegmentRow | undefined),
      bytesOf: (path) => playback.space.bytesOf(path),
    };
  }

  async #upkeep(signal: AbortSignal): Promise<void> {
    const { clock, playback } = this.#deps;
    if (clock.monoMs() - this.#upkeepMs < UPKEEP_MS) {
      return;
    }
    this.#upkeepMs = clock.monoMs();
    if (this.protectedRanges.fault !== undefined) {
      await this.protectedRanges.load();
    }
    if (this.#filledGeneration !== undefined && this.#filledGeneration !== playback.indexGeneration) {
      await this.fillIndex(signal);
    }
    await this.rangeDeletions.run(this.#index.isWhole, signal);
    const { pathDefaults, paths } = this.#deps.config();
    const hasLimits = [pathDefaults, ...[...paths.values()].map((entry) => entry.settings)].some(
      (settings) => settings && settings.recordMaxSizeBytes > 0,
    );
    if (hasLimits && this.#index.isWhole) {
      const limits = (await playback.names()).flatMap((name): [string, number][] => {
        const maxBytes = this.#limits.settingsFor(name)?.recordMaxSizeBytes ?? 0;
        return maxBytes > 0 ? [[name, maxBytes]] : [];
      });
      const folders = this.#folders();
      await keepPathLimits(limits, this.#index, folders, this.#deletions, signal);
    }
  }

  #report(type: 'disk' | 'deleted', text: string): void {
    this.#deps.events
      .add({ path: '', type, source: 'perch', text: text.slice(0, 500) })
      .catch((error: unknown) =>
        this.#deps.log.warn({ cause: explain(error), type }, 'cannot create an event about recordings'),
      );
  }

  #dateDoubt(): string | undefined {
    return this.#dateCheck.doubt(this.#filledGeneration !== undefined);
  }

  #folders(): string[] {
    return [...new Set(this.#deps.recordPaths().map(folderOf))];
  }

  /** The longest retention of recordings in a folder, if all of them have one. */
  #ageLimitMs(folder: string): number | undefined {
    const here = [...this.#deps.config().paths.values()].flatMap(({ settings }) =>
      settings && settings.record !== 'no' && folderOf(settings.recordPath) === folder
        ? [settings.recordDeleteAfterMs]
        : [],
    );
    return here.length === 0 || here.includes(0) ? undefined : Math.max(...here);
  }
}

/** The deepest folder that all recordings of a template share. */
const folderOf = (recordPath: string): string => new RecordPathPattern(recordPath, undefined).folder;

/**
 * Whether recordings may expire by the date. A date without a confirmed earlier one is confirmed by the newest recording
 * before it, if that is recent.
 */
class DateCheck {
  readonly #doubt: (() => DateDoubt | undefined) | undefined;
  readonly #lastEndUs: (beforeUs: number) => number | undefined;
  /** How far before the doubtful date the newest recording ends: queried once. */
  #vouched: { readonly sinceMs: number; readonly gapMs: number } | undefined;

  /** @param lastEndUs end of the newest recording before a time, Unix microseconds */
  constructor(doubt: (() => DateDoubt | undefined) | undefined, lastEndUs: (beforeUs: number) => number | undefined) {
    this.#doubt = doubt;
    this.#lastEndUs = lastEndUs;
  }

  /** Why recordings must not expire by the date, or undefined if they may. @param isIndexFilled whether the newest recording is known */
  doubt(isIndexFilled: boolean): string | undefined {
    const doubt = this.#doubt?.();
    if (doubt?.kind !== 'new') {
      return doubt && doubtText(doubt.jumpMs, doubt.kind, 'the last confirmed one');
    }
    if (!isIndexFilled) {
      return undefined;
    }
    const { sinceMs } = doubt;
    if (this.#vouched?.sinceMs !== sinceMs) {
      const lastUs = this.#lastEndUs((sinceMs - VOUCHER_BEFORE_MS) * 1000);
      this.#vouched = { sinceMs, gapMs: lastUs === undefined ? 0 : sinceMs - lastUs / 1000 };
    }
    const { gapMs } = this.#vouched;
    // A box that was off for longer may have a wrong date.
    return gapMs > 7 * DAY_MS ? doubtText(gapMs, 'ahead', 'the newest recording') : undefined;
  }
}

const doubtText = (jumpMs: number, kind: 'ahead' | 'behind', of: string): string =>
  `the date is ${Math.round(jumpMs / DAY_MS)} days ${kind === 'ahead' ? 'after' : 'before'} ${of} and nothing confirms it: ` +
  'set the clock from the network (NTP), or if it is right create the file /run/perch-clock-set; ' +
  'otherwise it is accepted once Perch has run for 24 h';
