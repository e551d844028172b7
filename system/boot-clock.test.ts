import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../test/support/base/fake-clock.ts';
import { LOSSES, PowerCuts } from '../test/support/disks/unsynced-loss.ts';
import { MachineClock } from './boot-clock.ts';

const BOOT_ID = '2f44e672-e280-45e7-99c5-0797382ab986';
const NOW_MS = Date.UTC(2026, 6, 1);
const isPc = process.arch === 'x64' || process.platform !== 'linux';

let root = '';
let clock: FakeClock;
let isSynchronized = false;
const made: MachineClock[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perch-clock-'));
  clock = new FakeClock();
  isSynchronized = false;
  place('proc/sys/kernel/random/boot_id', `${BOOT_ID}\n`);
});
afterEach(async () => {
  await Promise.all(made.splice(0).map((one) => one.close()));
  rmSync(root, { recursive: true });
});

function place(path: string, text = ''): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** A board without a visible real-time clock. */
const board = (): void => place('proc/device-tree/model', 'Raspberry Pi 4');
const setWall = (unixMs: number): void => clock.stepWall(unixMs - clock.wallMs());

/** @param bootMs uptime of the box at the fake clock's start */
function machine(bootMs = 5_000): MachineClock {
  const one = new MachineClock({
    clock,
    root,
    memoryFile: join(root, 'clock.json'),
    monoUs: () => (bootMs + clock.monoMs()) * 1000,
    isSynchronized: async () => isSynchronized,
  });
  made.push(one);
  one.begin();
  return one;
}

test('the boot id is the kernel’s, and monotonic time counts from the start of the machine', async () => {
  const one = machine(5_000);
  await clock.advance(1_500);
  expect([one.bootId, one.monoUs()]).toEqual([BOOT_ID.replaceAll('-', ''), 6_500_000]);
});

test('without a boot id of the kernel, each start of Perch has its own', () => {
  rmSync(join(root, 'proc'), { recursive: true });
  const ids = [machine().bootId, machine().bootId];
  expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(ids[0]).not.toBe(ids[1]);
});

test('the real machine has an id and a time that advances', () => {
  const one = new MachineClock({ clock });
  const before = one.monoUs();
  expect(one.bootId).toMatch(/^[0-9a-f]{32}$/);
  expect(before).toBeGreaterThan(0);
  expect(one.monoUs()).toBeGreaterThanOrEqual(before);
});

test.for([
  ['1970', 0],
  ['the year before this version', Date.UTC(2025, 11, 31, 23)],
  ['a dead battery’s far future', Date.UTC(2106, 1, 7)],
] as const)('%s is not believed, whatever else is said', async ([, unixMs]) => {
  setWall(unixMs);
  place('run/systemd/timesync/synchronized');
  isSynchronized = true;
  const one = machine(48 * 3_600_000);
  await clock.advance(60_000);
  expect(one.isTrusted).toBe(false);
});

test.runIf(isPc)("a container that hides the machine's clocks is trusted at once", () => {
  rmSync(join(root, 'proc'), { recursive: true });
  expect(machine(1_000).isTrusted).toBe(true);
});

test('a board without a real-time clock is trusted only after a day', async () => {
  board();
  const one = machine();
  expect(one.isTrusted).toBe(false);
  await clock.advance(3_600_000);
  expect(one.isTrusted).toBe(false);
  await clock.advance(23 * 3_600_000);
  expect(one.isTrusted).toBe(true);
});

test.for([
  ['shows the time', NOW_MS / 1000, true],
  ['shows local time', NOW_MS / 1000 + 10.5 * 3_600, true],
  ['was set off by a dead battery', 946_684_800, false],
  ['shows another day than the wall clock', NOW_MS / 1000 + 9 * 86_400, false],
] as const)('a clock with a battery that %s', ([, seconds, isTrusted]) => {
  setWall(NOW_MS);
  place('sys/class/rtc/rtc0/since_epoch', `${seconds}\n`);
  expect(machine().isTrusted).toBe(isTrusted);
});

test('a clock with a battery that cannot be read counts as none', () => {
  mkdirSync(join(root, 'sys/class/rtc/rtc0'), { recursive: true });
  expect(machine().isTrusted).toBe(false);
});

test.for(['run/systemd/timesync/synchronized', 'var/state/dnsmasqsec', 'run/perch-clock-set'])(
  'trust is gained, and reported once, when %s appears',
  async (mark) => {
    board();
    const one = machine();
    let notified = 0;
    one.onTrusted(() => (notified += 1));
    await clock.advance(10_000);
    expect([one.isTrusted, notified]).toEqual([false, 0]);
    place(mark);
    await clock.advance(10_000);
    await clock.advance(10_000);
    expect([one.isTrusted, notified]).toEqual([true, 1]);
  },
);

test('trust is gained when systemd says that the clock is synchronized', async () => {
  board();
  const one = machine();
  let notified = 0;
  one.onTrusted(() => (notified += 1));
  await clock.advance(40_000);
  isSynchronized = true;
  await clock.advance(40_000);
  expect([one.isTrusted, notified]).toEqual([true, 1]);
});

test('a step is reported with its size, and counts as setting the clock', async () => {
  board();
  setWall(1_000_000);
  const one = machine();
  const steps: number[] = [];
  const stop = one.onStep((deltaMs) => steps.push(Math.round(deltaMs)));
  await clock.advance(5_000);
  const leapMs = NOW_MS - clock.wallMs();
  clock.stepWall(leapMs);
  await clock.advance(1_000);
  expect([one.isTrusted, steps]).toEqual([true, [leapMs]]);
  clock.stepWall(-10_800_000);
  await clock.advance(1_000);
  stop();
  clock.stepWall(10_800_000);
  await clock.advance(1_000);
  expect([one.isTrusted, steps]).toEqual([true, [leapMs, -10_800_000]]);
});

test('a caller at the moment of a clock step learns of it', async () => {
  board();
  setWall(1_000_000);
  const one = machine();
  const steps: number[] = [];
  one.onStep((deltaMs) => steps.push(deltaMs));
  await clock.advance(1_000);
  setWall(NOW_MS);
  expect(one.isTrusted).toBe(true);
  await clock.advance(5_000);
  expect(steps).toHaveLength(1);
});

test('slewing is not a step, nor is a correction by less than a second', async () => {
  const one = machine();
  const steps: number[] = [];
  one.onStep((deltaMs) => steps.push(deltaMs));
  for (let i = 0; i < 100; i += 1) {
    clock.stepWall(25);
    await clock.advance(1_000);
  }
  clock.stepWall(-999);
  await clock.advance(1_000);
  expect(steps).toEqual([]);
});

test('with timesyncd, a step may only restore the last time: its synchronization mark is awaited', async () => {
  board();
  place('run/systemd/timesync/x');
  setWall(1_000_000);
  const one = machine();
  await clock.advance(5_000);
  setWall(NOW_MS);
  await clock.advance(60_000);
  expect(one.isTrusted).toBe(false);
  place('run/systemd/timesync/synchronized');
  await clock.advance(10_000);
  expect(one.isTrusted).toBe(true);
});

test('a clock that is set to an impossible time is not believed until it is set right again', async () => {
  const one = machine();
  place('run/perch-clock-set');
  await clock.advance(10_000);
  const trust: boolean[] = [one.isTrusted];
  for (const unixMs of [86_400_000, NOW_MS]) {
    setWall(unixMs);
    await clock.advance(1_000);
    trust.push(one.isTrusted);
  }
  expect(trust).toEqual([true, false, true]);
});

test('learned values survive a restart of Perch, but not of the machine', async () => {
  board();
  const first = machine();
  place('run/perch-clock-set');
  await clock.advance(10_000);
  expect(first.isTrusted).toBe(true);
  await first.close();
  rmSync(join(root, 'run/perch-clock-set'));
  expect(machine().isTrusted).toBe(true);
  place('proc/sys/kernel/random/boot_id', 'ffffffff-e280-45e7-99c5-0797382ab986');
  expect(machine().isTrusted).toBe(false);
});

test('a step while Perch was not running has set the clock, too', async () => {
  board();
  setWall(1_000_000);
  await machine().close();
  setWall(NOW_MS);
  expect(machine().isTrusted).toBe(true);
});

test('a power cut at any moment of a write leaves the former or the new memory of the clock', async () => {
  setWall(NOW_MS);
  await machine().close();
  using disk = new PowerCuts(root);
  for (const loss of LOSSES) {
    let cuts = 0;
    for (let isCut = true; isCut; cuts += 1) {
      disk.left = cuts;
      setWall(clock.wallMs() + 60_000);
      await machine().close();
      isCut = disk.isCut;
      disk.switchOn(loss);
      const memory = JSON.parse(readFileSync(join(root, 'clock.json'), 'utf8'));
      expect(memory.bootId).toBe(BOOT_ID.replaceAll('-', ''));
    }
    // Twice: a draft, its text, its flush, its name and the flush of the folder.
    expect(cuts).toBeGreaterThanOrEqual(10);
  }
});

test('a torn or foreign file is ignored', async () => {
  board();
  await machine().close();
  const whole = readFileSync(join(root, 'clock.json'), 'utf8');
  for (const text of ['', whole.slice(0, 20), '[]', '{"bootId":1}', 'null']) {
    writeFileSync(join(root, 'clock.json'), text);
    expect(machine().isTrusted).toBe(false);
    await made.pop()?.close();
  }
});
