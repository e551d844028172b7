import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { silentLogger } from '../../../agent/base/log.ts';
import { parseConfig } from '../../../agent/config/load/load.ts';
import { Recordings } from '../../../agent/recordings/recordings.ts';
import { Stream } from '../../../agent/stream/stream.ts';
import { MachineClock } from '../../../system/boot-clock.ts';
import { FakeClock } from '../base/fake-clock.ts';
import { openRecording, type ReadRecording } from '../disks/read-recording.ts';
import { filesBelow } from '../disks/recordings.ts';
import { idrPicture, skipPicture, tinyH264 } from '../media/tiny-h264.ts';
import { KEYS } from './loaded-config.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const YEAR_BEGINS_MS = Date.UTC(2027, 8, 1);
export const KEPT_DAYS = 30;
/** Time from picture to picture: two pictures are a group, three groups a file. */
const PICTURE_MS = 500;

/** A recording at its creation, and its true times. */
interface Made {
  readonly recording: ReadRecording;
  readonly trueMs: number;
  readonly boot: Boot;
}

interface Boot {
  readonly id: string;
  /** The clock's monotonic time at this boot. */
  readonly zeroMs: number;
  /** Its clock was set correctly at some time. */
  wasSynchronized: boolean;
}

/** A board without a real-time clock, a camera, and the true time. */
export class Board {
  readonly clock = new FakeClock();
  readonly folder = mkdtempSync(join(tmpdir(), 'perch-year-'));
  /** The existing recordings, by file. */
  readonly made = new Map<string, Made>();
  #boots = 0;
  #boot: Boot = { id: '', zeroMs: 0, wasSynchronized: false };
  #running: { readonly recordings: Recordings; readonly stop: AbortController } | undefined;
  #picture = 0;

  get trueMs(): number {
    return YEAR_BEGINS_MS + this.clock.monoMs();
  }

  get recordings(): Recordings {
    if (!this.#running) {
      throw new Error('Perch does not run');
    }
    return this.#running.recordings;
  }

  /** The machine is started. @param wallMs what its clock begins with */
  async boot(wallMs: number): Promise<void> {
    await this.end();
    this.#boots += 1;
    const id = String(this.#boots).padStart(32, '0');
    this.#boot = { id, zeroMs: this.clock.monoMs(), wasSynchronized: false };
    this.#place('proc/sys/kernel/random/boot_id', id);
    this.#place('proc/device-tree/model', 'a board without a clock of its own');
    this.setWall(wallMs);
    await this.begin();
  }

  /** Perch is started. */
  async begin(): Promise<void> {
    const config = parseConfig(
      `paths:\n  cam: { record: yes, recordSegmentDuration: 3s, recordDeleteAfter: ${KEPT_DAYS}d }\n`,
      'perch.yml',
      {},
      { recordPath: join(this.folder, 'recordings/%path/%Y-%m-%d_%H-%M-%S-%f'), cwd: this.folder, keys: KEYS },
    ).config;
    if (!config) {
      throw new Error('the configuration is wrong');
    }
    const { clock, folder } = this;
    const { zeroMs } = this.#boot;
    const machine = new MachineClock({
      clock,
      root: folder,
      memoryFile: join(folder, 'clock.json'),
      monoUs: () => (clock.monoMs() - zeroMs + 20_000) * 1000,
      isSynchronized: async () => false,
    });
    const recordings = new Recordings(() => config, folder, clock, silentLogger, undefined, machine);
    const stop = new AbortController();
    this.#running = { recordings, stop };
    await recordings.configure();
    recordings.begin(stop.signal, () => []);
  }

  /** Perch is ended. */
  async end(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.stop.abort();
    await running?.recordings.close();
  }

  /** Perch's stored state is lost: only the recordings are left. */
  forget(): void {
    for (const name of ['clock.json', 'segments.db', 'segments.db-wal', 'segments.db-shm']) {
      rmSync(join(this.folder, name), { force: true });
    }
  }

  /** A clock with a battery says what the wall clock says. */
  showBattery(unixMs: number): void {
    this.#place('sys/class/rtc/rtc0/since_epoch', String(unixMs / 1000));
  }

  /** The network has set the clock, and says so. */
  tellSynchronized(): void {
    this.#place('run/perch-clock-set', '');
    const nowS = this.clock.wallMs() / 1000;
    utimesSync(join(this.folder, 'run/perch-clock-set'), nowS, nowS);
  }

  setWall(unixMs: number): void {
    this.clock.stepWall(unixMs - this.clock.wallMs());
  }

  /** The network sets the clock. */
  synchronize(): void {
    this.setWall(this.trueMs);
    this.#boot.wasSynchronized = true;
  }

  /** Runs until a time without a recording; then expired recordings are deleted. */
  async waitUntil(trueMs: number): Promise<void> {
    this.clock.skip(trueMs - this.trueMs);
    await expect.poll(() => this.work().then(() => this.#overdue()), { interval: 1 }).toEqual([]);
    const there = new Set(this.files());
    for (const [file, { trueMs: madeMs }] of this.made) {
      if (!there.has(file)) {
        expect(this.trueMs - madeMs, `${file} was deleted`).toBeGreaterThanOrEqual(KEPT_DAYS * DAY_MS);
        this.made.delete(file);
      }
    }
  }

  /** Files that should be gone: whose age is known, and which is beyond the limit, also by the names that a wrong clock gave. */
  #overdue(): string[] {
    return this.files().filter((file) => {
      const made = this.made.get(file);
      const ageMs = made ? this.trueMs - Math.max(made.trueMs, made.recording.mark.wallUs / 1000) : 0;
      return made?.boot.wasSynchronized && ageMs > KEPT_DAYS * DAY_MS;
    });
  }

  /** Lets background work and its disk accesses proceed. */
  async work(rounds = 10): Promise<void> {
    for (let i = 0; i < rounds; i += 1) {
      await this.#advance(100);
      await diskAtRest();
    }
  }

  /** The camera sends pictures for this long. @param meanwhile what happens before the picture of a number */
  async record(pictures: number, meanwhile: Readonly<Record<number, () => void>> = {}): Promise<void> {
    const stream = new Stream([tinyH264]);
    const { settings } = { settings: this.#settings() };
    const recorder = this.recordings.recorders.recorder('cam', settings);
    recorder?.start(stream);
    for (let i = 0; i < pictures; i += 1) {
      meanwhile[i]?.();
      // The stream's own time is the true time: it identifies each file later.
      const pts = (this.trueMs - YEAR_BEGINS_MS) * 90;
      const isKey = i % 2 === 0;
      this.#picture += isKey ? 1 : 0;
      const data = isKey ? idrPicture(16 + (this.#picture % 200), this.#picture % 2) : skipPicture(1);
      stream.write(0, { pts, dts: pts, wall: this.clock.wallMs(), key: isKey, data });
      await this.#advance(PICTURE_MS);
      await diskAtRest();
    }
    stream.close();
    await recorder?.stop();
    let found = 0;
    for (const file of this.files()) {
      if (!this.made.has(file)) {
        const recording = await openRecording(file);
        found += recording.pictures;
        this.made.set(file, {
          recording,
          trueMs: YEAR_BEGINS_MS + recording.mark.dtsUs / 1000,
          boot: this.#boot,
        });
      }
    }
    expect(found, 'every picture is in a file of its own').toBe(pictures);
  }

  files(): string[] {
    const top = join(this.folder, 'recordings');
    return existsSync(top) ? filesBelow(top).filter((file) => file.endsWith('.mp4')) : [];
  }

  /** The expected times of a recording: the true ones where they can be known. */
  labelOf({ recording, trueMs, boot }: Made): number {
    const isKnown = !recording.fileMark?.isClockTrusted && boot.wasSynchronized;
    return isKnown ? trueMs : recording.mark.wallUs / 1000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #settings() {
    const { config } = parseConfig(
      `paths:\n  cam: { record: yes, recordSegmentDuration: 3s }\n`,
      'perch.yml',
      {},
      { recordPath: join(this.folder, 'recordings/%path/%Y-%m-%d_%H-%M-%S-%f'), cwd: this.folder, keys: KEYS },
    );
    const settings = config?.paths.get('cam')?.settings;
    if (!settings) {
      throw new Error('the configuration is wrong');
    }
    return settings;
  }

  /** Gives the real disk time between the steps. Otherwise it would seem to hang, because the days of the fake clock pass so fast. */
  async #advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.#running?.recordings.configure();
  }

  #place(path: string, text: string): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

/**
 * No disk access is pending, and its waiters have run. The disk is a real one: by a clock that runs ahead of
 * it, it would be taken to hang.
 */
async function diskAtRest(): Promise<void> {
  for (let quietTurns = 0; quietTurns < 2; quietTurns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'))) {
      quietTurns = -1;
    }
  }
}
