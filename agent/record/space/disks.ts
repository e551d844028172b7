import { type Clock, endsWithin } from '../../base/clock.ts';
import { explain } from '../../base/errors.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import type { Logger } from '../../base/log.ts';
import { unlessFileFault } from '../file/disk-fault.ts';
import type { SegmentFs } from '../file/segment-fs.ts';
import { DiskDevice } from './disk-device.ts';
import type { DiskProbe, DiskReading } from './disk-probe.ts';
import {
  type DiskState,
  type DiskStateName,
  missingFolderState,
  OK,
  rejectsRecording,
  spaceState,
  stopsRecording,
} from './disk-state.ts';
import type { FlushTimes } from './flush-age.ts';
import type { Deleting, OldestRecordings } from './free-space.ts';
import { identityOf, type KnownDisks } from './known-disks.ts';
import { WatchedFolder } from './watched-folder.ts';

/** Often enough for cards that fill in an hour. */
const POLL_MS = 5_000;

interface DiskRules {
  folders(): readonly string[];
  /** Bytes to keep free on a disk of this size; 0: none. */
  minFreeBytes(totalBytes: number): number;
  needsDisk(): boolean;
  /** The longest retention if every recording below the folder has one. */
  ageLimitMs(folder: string): number | undefined;
}

export interface DiskEvent {
  readonly state: DiskStateName;
  readonly text: string;
  readonly folders: readonly string[];
  /** Unix milliseconds. */
  readonly atMs: number;
}

interface DiskDeps {
  readonly clock: Clock;
  readonly probe: DiskProbe;
  readonly memory: KnownDisks;
  readonly rules: DiskRules;
  readonly index: OldestRecordings;
  readonly deletions: Deleting;
  /** Finishes recordings below the folder: nothing more may be written there. */
  readonly stopRecording: (folder: string) => void;
  readonly onEvent?: (event: DiskEvent) => void;
  /** Whether a write or flush takes too long. @param device `st_dev` */
  readonly isHanging?: (device: number) => boolean;
  /** Number and total duration of a disk's flushes since the start. @param device `st_dev` */
  readonly flushTimes?: (device: number) => FlushTimes | undefined;
  readonly logger: Logger;
}

export interface DiskStatus {
  readonly folder: string;
  /** The last known value for a missing disk. */
  readonly totalBytes: number;
  /** null: the disk is missing. */
  readonly freeBytes: number | null;
  readonly state: DiskStateName;
  readonly error: string | null;
  /** RFC 3339. */
  readonly since: string;
  /** Below it the oldest recordings are deleted. 0: never. */
  readonly minFreeBytes: number;
  readonly writtenBytesPerDay: number | null;
  readonly fullInDays: number | null;
  readonly keepsDays: number | null;
}

/**
 * Watches the recording disks, deletes the oldest recordings before they fill up, and reports problems. Rejects
 * recordings to unusable disks, so that nothing lands on the wrong one.
 */
export class Disks {
  readonly #deps: DiskDeps;
  readonly #folders = new Map<string, WatchedFolder>();
  readonly #devices = new Map<number, DiskDevice>();
  #wake: AbortController | undefined;
  /** A run of `afterRound` that may last longer than a round. */
  #afterRound: Promise<void> | undefined;
  #checking: Promise<void> = Promise.resolve();

  constructor(deps: DiskDeps) {
    this.#deps = deps;
  }

  check(): Promise<void> {
    this.#checking = this.#checking.catch(() => {}).then(() => this.#checkNow());
    return this.#checking;
  }

  /** Checks and frees space until `signal` aborts. `afterRound` enforces other limits. */
  async keep(afterRound: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.check();
      const freeing = [...this.#devices].map(([number, device]) => this.#freeSpace(number, device, signal));
      // A hanging disk does not block the others.
      await endsWithin(this.#deps.clock, POLL_MS, Promise.all(freeing));
      this.#afterRound ??= afterRound(signal).finally(() => {
        this.#afterRound = undefined;
      });
      await endsWithin(this.#deps.clock, POLL_MS, this.#afterRound);
      if (!signal.aborted) {
        await this.#pause(signal);
      }
    }
  }

  /** Why a file may not be recorded, or undefined if it may. */
  refusal(file: string): string | undefined {
    const found = this.#folderOf(file);
    if (!found?.last && !found?.fault) {
      return 'the disk has not been checked yet';
    }
    return rejectsRecording(found.state) ? `cannot record to ${found.folder}: ${found.state.text ?? ''}` : undefined;
  }

  /** Creates folders only on the checked disk: it may be removed between two checks. */
  guarded(fs: SegmentFs): SegmentFs {
    return {
      ...fs,
      makeFolder: async (folder) => {
        const found = this.#folderOf(`${folder}/`);
        if (found?.last && (await this.#deps.probe.deviceOf(found.folder)) !== found.last.device) {
          throw Object.assign(new Error(`${found.folder} is on another disk than before`), { code: 'ENOENT' });
        }
        return fs.makeFolder(folder);
      },
    };
  }

  opened(file: string): void {
    this.#folderOf(file)?.opened();
  }

  failed(file: string, code: string): void {
    this.#folderOf(file)?.failed(code);
    this.#wake?.abort();
  }

  freed(file: string, diskBytes: number): void {
    const device = this.#folderOf(file)?.last?.device;
    this.#devices.get(device ?? Number.NaN)?.rate.freed(diskBytes);
  }

  /** Accepts the disk mounted at a recording folder in place of the former one. @returns false if it is not a recording folder */
  async accept(folder: string): Promise<boolean> {
    if (!this.#folders.has(folder)) {
      return false;
    }
    await this.#deps.memory.forget(folder);
    await this.check();
    return true;
  }

  /** `st_dev` of a folder's disk; undefined before the first answer, or if the disk is missing. */
  deviceOf(folder: string): number | undefined {
    const watched = this.#folders.get(folder);
    return watched?.state.name === 'vanished' ? undefined : watched?.last?.device;
  }

  list(): DiskStatus[] {
    return [...this.#folders.values()].map((watched) => {
      const { folder, state, sinceMs, last } = watched;
      const device = this.#devices.get(this.deviceOf(folder) ?? Number.NaN);
      // `last` would describe the file system below the mount point.
      const isAway = state.name === 'vanished';
      const known = isAway ? (this.#deps.memory.find(folder) ?? { totalBytes: 0 }) : last;
      return {
        folder,
        totalBytes: known?.totalBytes ?? 0,
        freeBytes: isAway ? null : (last?.freeBytes ?? 0),
        state: state.name,
        error: state.text ?? null,
        since: new Date(sinceMs).toISOString(),
        minFreeBytes: device?.minFreeBytes ?? 0,
        writtenBytesPerDay: rounded(device?.rate.writtenBytesPerDay),
        fullInDays: rounded(device?.forecast.fullInDays, 10),
        keepsDays: rounded(device?.forecast.keepsDays, 10),
      };
    });
  }

  async #freeSpace(number: number, device: DiskDevice, signal: AbortSignal): Promise<void> {
    const { index, deletions, isHanging, probe } = this.#deps;
    const isHere = async (folder: string) => (await probe.deviceOf(folder).catch(unlessFileFault)) === number;
    if (!isHanging?.(number) && (await device.freeSpace(index, deletions, isHere, signal))) {
      await this.check();
    }
  }

  async #checkNow(): Promise<void> {
    const { clock, probe, rules } = this.#deps;
    const folders = new Set(rules.folders());
    for (const folder of this.#folders.keys()) {
      if (!folders.has(folder)) {
        this.#folders.delete(folder);
      }
    }
    for (const folder of folders) {
      if (!this.#folders.has(folder)) {
        this.#folders.set(folder, new WatchedFolder(folder, clock));
      }
    }
    const all = [...this.#folders.values()];
    await Promise.all(all.map((watched) => watched.ask(probe)));
    const states = new Map<WatchedFolder, DiskState>();
    for (const watched of all) {
      states.set(watched, await this.#ownState(watched));
    }
    this.#judgeDevices(all, states);
    this.#report(states);
  }

  /** States of the folder rather than of the space on its disk. */
  async #ownState(watched: WatchedFolder): Promise<DiskState> {
    const { folder, fault, last } = watched;
    if (fault || !last) {
      return { name: fault?.isHanging === false ? 'failing' : 'hanging', text: fault?.text };
    }
    const { memory, logger, rules, isHanging } = this.#deps;
    if (isHanging?.(last.device)) {
      return {
        name: 'hanging',
        text: 'the disk answers, but writes do not finish: check it, its cable or its network',
      };
    }
    const identity = identityOf(last, memory.find(folder));
    if (identity === 'vanished') {
      const text = 'its disk is not mounted: mount it, or accept the mounted one with POST /v3/disks/accept';
      return { name: 'vanished', text };
    }
    if (!last.isOwnDisk && rules.needsDisk()) {
      return { name: 'vanished', text: 'no disk is mounted there: mount one, or choose another place for recordings' };
    }
    if (last.isReadOnly) {
      return { name: 'readOnly', text: 'the disk is mounted read-only: mount it writable or check it for errors' };
    }
    if (last.cannotMake !== undefined) {
      return missingFolderState(last.cannotMake, last.isOwnDisk);
    }
    if (identity === 'replaced') {
      logger.warn({ folder }, 'another disk is mounted here: recording continues on it');
      watched.wantsMark = true;
    }
    await this.#remember(watched, last);
    return watched.isFailing ? { name: 'failing', text: 'the disk rejected a write: check it and its cable' } : OK;
  }

  /** Marks a disk once it has a recording. */
  async #remember(watched: WatchedFolder, reading: DiskReading): Promise<void> {
    if (!watched.wantsMark) {
      return;
    }
    watched.wantsMark = false;
    const { folder } = watched;
    const id = await this.#deps.memory.remember(folder, reading);
    if (reading.mark !== id) {
      // Not awaited: a disk may answer queries and hang on writes.
      void this.#deps.probe.writeMark(folder, id).catch((error: unknown) => {
        unlessFileFault(error);
        this.#deps.logger.debug({ folder, cause: explain(error) }, 'cannot mark a disk');
      });
    }
  }

  /** Folders on one disk share its space. */
  #judgeDevices(all: readonly WatchedFolder[], states: Map<WatchedFolder, DiskState>): void {
    const present = all.filter((watched) => watched.last && !watched.fault && states.get(watched)?.name !== 'vanished');
    const groups = Map.groupBy(present, (watched) => watched.last?.device ?? Number.NaN);
    for (const number of this.#devices.keys()) {
      if (!groups.has(number)) {
        this.#devices.delete(number);
      }
    }
    for (const [number, group] of groups) {
      const device = this.#devices.get(number) ?? this.#newDevice(group);
      this.#devices.set(number, device);
      this.#noteFlushes(number, device, group);
      this.#judgeSpace(device, group, states);
    }
  }

  #newDevice(group: readonly WatchedFolder[]): DiskDevice {
    const { clock, logger, memory } = this.#deps;
    const known = group.map(({ folder, last }) => ({ mark: last?.mark, disk: memory.find(folder) }));
    const own = known.find(({ mark, disk }) => disk?.flushDays && disk.id === mark);
    return new DiskDevice(clock, logger, own?.disk?.flushDays);
  }

  /** Saves flush times once a day. */
  #noteFlushes(number: number, { flushAge }: DiskDevice, group: readonly WatchedFolder[]): void {
    const { clock, memory, flushTimes } = this.#deps;
    const times = flushTimes?.(number);
    if (times && flushAge.add(clock.monoMs(), times)) {
      for (const { folder } of group) {
        void memory.keepFlushDays(folder, flushAge.days);
      }
    }
  }

  #judgeSpace(device: DiskDevice, group: readonly WatchedFolder[], states: Map<WatchedFolder, DiskState>): void {
    const { rules, index } = this.#deps;
    const { totalBytes = 0, freeBytes = 0 } = group[0]?.last ?? {};
    const limits = group.map(({ folder }) => rules.ageLimitMs(folder));
    const minFreeBytes = rules.minFreeBytes(totalBytes);
    device.update({
      folders: group.map(({ folder }) => folder),
      totalBytes,
      freeBytes,
      minFreeBytes,
      ageLimitMs: limits.includes(undefined) ? undefined : Math.max(...limits.map((limit) => limit ?? 0)),
      index,
    });
    const { fullInDays } = device.forecast;
    const wasRefused = group.some((watched) => watched.wasFull);
    const { slowdown } = device.flushAge;
    const { stopBytes, stuck } = device;
    const facts = { totalBytes, freeBytes, minFreeBytes, stopBytes, fullInDays, stuck, wasRefused, slowdown };
    for (const watched of group) {
      if (states.get(watched)?.name === 'ok') {
        states.set(watched, spaceState(facts, watched.state.name));
      }
    }
  }

  /** One log line and event for all folders with the same new state. */
  #report(states: ReadonlyMap<WatchedFolder, DiskState>): void {
    const { clock, logger, stopRecording, onEvent } = this.#deps;
    const changed = [...states].filter(([{ state }, next]) => state.name !== next.name);
    for (const [watched, next] of states) {
      watched.state = next;
    }
    for (const [name, group] of Map.groupBy(changed, ([, next]) => next.name)) {
      const folders = group.map(([{ folder }]) => folder);
      const text = group[0]?.[1].text ?? 'the disk is usable again';
      const atMs = clock.wallMs();
      logger[name === 'ok' ? 'info' : name === 'filling' || name === 'slowing' ? 'warn' : 'error'](
        { folders, disk: name },
        text,
      );
      onEvent?.({ state: name, text, folders, atMs });
      for (const [watched, next] of group) {
        watched.sinceMs = atMs;
        if (stopsRecording(next)) {
          stopRecording(watched.folder);
        }
      }
    }
  }

  /** Waits until the next round or a failed write. */
  async #pause(signal: AbortSignal): Promise<void> {
    const wake = new AbortController();
    this.#wake = wake;
    const either = joinSignals([signal, wake.signal]);
    await this.#deps.clock.sleep(POLL_MS, either.signal);
    either.release();
  }

  #folderOf(file: string): WatchedFolder | undefined {
    let best: WatchedFolder | undefined;
    for (const watched of this.#folders.values()) {
      if (watched.holds(file) && watched.folder.length >= (best?.folder.length ?? 0)) {
        best = watched;
      }
    }
    return best;
  }
}

function rounded(value: number | undefined, steps = 1): number | null {
  return value === undefined ? null : Math.round(value * steps) / steps;
}
