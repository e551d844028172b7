import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Recordings } from '../../agent/app/recordings/recordings.ts';
import { silentLogger } from '../../agent/base/log.ts';
import { parseConfig } from '../../agent/config/load/load.ts';
import { Stream } from '../../agent/stream/stream.ts';
import { MachineClock } from '../../system/boot-clock.ts';
import { LENGTH } from '../peers/programs/peers.ts';
import { FakeClock } from '../support/base/fake-clock.ts';
import { openRecording, type ReadRecording } from '../support/disks/read-recording.ts';
import { filesBelow } from '../support/disks/recordings.ts';
import { idrPicture, skipPicture, tinyH264 } from '../support/media/tiny-h264.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_BEGINS_MS = Date.UTC(2027, 8, 1);
const YEAR_ENDS_MS = Date.UTC(2028, 8, 1);
const KEPT_DAYS = 30;
/** From picture to picture: two of them are a group, three groups a file. */
const PICTURE_MS = 500;
/** Labels that are nearer than this are right: a clock is not set for less. */
const RIGHT_MS = 2_100;

/** A recording at its creation, and its true times. */
interface Made {
  readonly recording: ReadRecording;
  readonly trueMs: number;
  readonly boot: Boot;
}

interface Boot {
  readonly id: string;
  /** Of the clock's monotonic time. */
  readonly zeroMs: number;
  /** Its clock was set correctly at some time. */
  wasSynchronized: boolean;
}

/** A board without a real-time clock, a camera, and the true time. */
class Board {
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
      { recordPath: join(this.folder, 'recordings/%path/%Y-%m-%d_%H-%M-%S-%f'), cwd: this.folder },
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
      { recordPath: join(this.folder, 'recordings/%path/%Y-%m-%d_%H-%M-%S-%f'), cwd: this.folder },
    );
    const settings = config?.paths.get('cam')?.settings;
    if (!settings) {
      throw new Error('the configuration is wrong');
    }
    return settings;
  }

  /** The real disk has its time in between: else it would seem to hang, so fast do these days go by. */
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

/** Every file is listed under the right time and plays, and none that had to be kept is missing. */
async function expectAllRight(board: Board, when: string): Promise<void> {
  const kept = [...board.made.values()];
  expect(board.files().sort(), when).toEqual([...board.made.keys()].sort());
  const wanted = kept.map((made) => board.labelOf(made)).sort((a, b) => a - b);
  const { playback } = board.recordings;
  const segments = ((await playback.segments('cam')) ?? []).map(({ start }) => Date.parse(start));
  const shown = [...segments].sort((a, b) => a - b);
  expect(segments, when).toEqual(shown);
  expect(shown, when).toHaveLength(wanted.length);
  for (const [i, label] of wanted.entries()) {
    expect(Math.abs((shown[i] ?? 0) - label), `${when}: ${new Date(label).toISOString()}`).toBeLessThan(RIGHT_MS);
  }
  if (kept.length === 0) {
    return;
  }
  const spans = await playback.list('cam', undefined, undefined, '');
  const listedS = spans.reduce((sum, span) => sum + span.duration, 0);
  const keptS = kept.reduce((sum, { recording }) => sum + recording.durationMs / 1000, 0);
  expect(Math.abs(listedS - keptS), when).toBeLessThan(0.01 * kept.length);
  for (const span of spans) {
    const query = {
      path: 'cam',
      startUs: Date.parse(span.start) * 1000,
      durationUs: 1_000_000,
      format: 'fmp4',
    } as const;
    const { file } = await playback.get(query);
    expect(file.sizeBytes, `${when}: ${span.start} plays`).toBeGreaterThan(1_000);
  }
}

/** Where local time changes in the year, by how much. */
function changesOf(zone: string): { atMs: number; byMs: number }[] {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  const offsetAt = (unixMs: number): number => {
    const [, sign = '+', hours = '0', minutes = '0'] = /GMT([+-])?(\d+)?:?(\d+)?/.exec(format.format(unixMs)) ?? [];
    return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  };
  const changes: { atMs: number; byMs: number }[] = [];
  for (let atMs = YEAR_BEGINS_MS; atMs < YEAR_ENDS_MS; atMs += HOUR_MS / 2) {
    const byMs = offsetAt(atMs) - offsetAt(atMs - HOUR_MS / 2);
    if (byMs !== 0) {
      changes.push({ atMs, byMs });
    }
  }
  return changes;
}

const ZONE = process.env['TZ'];
afterEach(() => {
  if (ZONE === undefined) {
    delete process.env['TZ'];
  } else {
    process.env['TZ'] = ZONE;
  }
});

const ALL_ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC', 'Asia/Kolkata'];
const ZONES = LENGTH === 'short' ? ['Europe/Berlin', 'Australia/Lord_Howe'] : ALL_ZONES;

const YEARS_AHEAD_MS = 3 * 365 * DAY_MS;

test.for([
  ['of whose dates nothing is remembered', 'new'],
  ['that was started again', 'again'],
  ['that runs', 'running'],
] as const)('a clock that is years ahead deletes nothing of a Perch %s', async ([, kind]) => {
  await using board = new Board();
  await board.boot(0);
  await board.record(8, { 2: () => board.synchronize() });
  await board.waitUntil(board.trueMs + 2 * DAY_MS);
  await board.record(8);
  const before = board.files();
  const aheadMs = () => board.trueMs + YEARS_AHEAD_MS;
  await board.end();
  if (kind === 'running') {
    await board.begin();
    await board.work(300);
    board.setWall(aheadMs());
  } else {
    if (kind === 'new') {
      board.forget();
    }
    board.setWall(aheadMs());
    await board.boot(aheadMs());
    // A battery-backed clock confirms it, wrongly.
    board.showBattery(aheadMs());
  }
  await board.work(300);
  await board.record(8);
  for (let hour = 0; hour < 12; hour += 1) {
    board.clock.skip(HOUR_MS);
    await board.work();
  }
  expect(board.files()).toEqual(expect.arrayContaining(before));
  expect(board.recordings.space.list()).toEqual([
    expect.objectContaining({ deletionsHeld: expect.stringContaining('nothing confirms it') }),
  ]);
  // Perch is started again in the meantime: what the wrong clock has named by then does not vouch for it.
  await board.end();
  await board.begin();
  await board.work(300);
  expect(board.files()).toEqual(expect.arrayContaining(before));
  board.synchronize();
  await board.work(100);
  expect(board.files()).toEqual(expect.arrayContaining(before));
});

test('a machine that was off for two months deletes expired recordings once the network sets the time', async () => {
  await using board = new Board();
  await board.boot(0);
  await board.record(8, { 2: () => board.synchronize() });
  await board.waitUntil(board.trueMs + 2 * DAY_MS);
  await board.end();
  board.clock.skip(60 * DAY_MS);
  await board.boot(board.trueMs);
  board.showBattery(board.trueMs);
  await board.work(100);
  expect(board.files()).not.toEqual([]);
  board.tellSynchronized();
  await board.work(100);
  await expect.poll(() => board.work().then(() => board.files()), { interval: 1 }).toEqual([]);
});

type Event = readonly [name: string, atMs: number, run: (board: Board) => Promise<void>];

/** Around a change of local time: just before, across it, and at the times that show the same digits twice. */
const aroundChange = ({ atMs, byMs }: { atMs: number; byMs: number }): Event[] => {
  const hours = Math.abs(byMs);
  return [-hours / 2, -4_000, hours / 2].map((fromMs) => [
    `local time moves by ${byMs / 60_000} min, ${fromMs / 1000} s from it`,
    atMs + fromMs,
    (board) => board.record(20),
  ]);
};

const EVENTS: readonly Event[] = [
  ['a day like any other', Date.UTC(2027, 8, 3, 10), (board) => board.record(20)],
  [
    'no clock at boot: 1970 until the network tells the time, while the camera is recorded',
    Date.UTC(2027, 10, 20, 9),
    async (board) => {
      await board.boot(0);
      await board.record(20);
      await board.work();
      await board.record(30, { 15: () => board.synchronize() });
      await board.record(10);
    },
  ],
  [
    'the clock begins where it was at the last shutdown; Perch is started again, and the time comes while it does not run',
    Date.UTC(2027, 11, 10, 7),
    async (board) => {
      await board.boot(board.clock.wallMs() - 5 * DAY_MS);
      await board.record(14);
      await board.end();
      await board.begin();
      await board.record(14);
      await board.end();
      board.synchronize();
      await board.begin();
      await board.record(14);
    },
  ],
  [
    'two starts of the machine with the same wrong time: the second finds the names of the first taken',
    Date.UTC(2027, 11, 20, 7),
    async (board) => {
      await board.boot(0);
      await board.record(14);
      await board.boot(0);
      await board.record(14, { 9: () => board.synchronize() });
    },
  ],
  [
    'the clock is set three hours ahead and back again while the camera is recorded',
    Date.UTC(2028, 0, 15, 12),
    async (board) => {
      await board.record(20, { 7: () => board.setWall(board.trueMs + 3 * HOUR_MS) });
      await board.record(20, { 7: () => board.setWall(board.trueMs - 3 * HOUR_MS) });
      await board.record(20, { 7: () => board.synchronize() });
    },
  ],
  [
    'the clock is set back by what has just been recorded: its times come twice',
    Date.UTC(2028, 0, 16, 12),
    async (board) => {
      await board.record(24, { 12: () => board.setWall(board.trueMs - 6_000) });
      board.synchronize();
    },
  ],
  ['the last second of 28 February in a leap year', Date.UTC(2028, 1, 28, 23, 59, 56), (board) => board.record(20)],
  ['the last second of the leap day', Date.UTC(2028, 1, 29, 23, 59, 56), (board) => board.record(20)],
  [
    'this start of the machine never gets a time',
    Date.UTC(2028, 4, 20, 9),
    async (board) => {
      await board.boot(0);
      await board.record(14);
      await board.work();
    },
  ],
  [
    'the next start of the machine, with the time',
    Date.UTC(2028, 4, 21, 9),
    async (board) => {
      await board.boot(board.trueMs - 20_000);
      board.synchronize();
      await board.record(14, { 3: () => board.setWall(board.trueMs + 1_500), 5: () => board.synchronize() });
    },
  ],
  ['the last day', YEAR_ENDS_MS - HOUR_MS, (board) => board.record(20)],
];

test.for(ZONES)(
  'a year of clock trouble in %s: everything is listed at its true time, and nothing is deleted early',
  async (zone) => {
    process.env['TZ'] = zone;
    await using board = new Board();
    await board.boot(board.trueMs - 2 * DAY_MS);
    await board.record(8, { 4: () => board.synchronize() });
    const events = [...EVENTS, ...changesOf(zone).flatMap(aroundChange)].sort((a, b) => a[1] - b[1]);
    for (const [name, atMs, run] of events) {
      await board.waitUntil(atMs);
      await run(board);
      await board.work();
      await expectAllRight(board, name);
    }
    // Expired recordings are deleted, except those of unknown age.
    await board.waitUntil(YEAR_ENDS_MS + (KEPT_DAYS + 1) * DAY_MS);
    const undated = [...board.made.values()].filter(({ boot }) => !boot.wasSynchronized);
    expect(board.files()).toHaveLength(undated.length);
    await expectAllRight(board, 'at the end');
  },
);
