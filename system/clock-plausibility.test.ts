import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../test/support/base/fake-clock.ts';
import { MachineClock } from './boot-clock.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 20, 12);
const LATER_MS = Date.UTC(2030, 0, 1);
const MARK = 'run/systemd/timesync/synchronized';

let root = '';
let clock: FakeClock;
let boots = 0;
let bootedMs = 0;
let isSynchronized = false;
let one: MachineClock | undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perch-date-'));
  clock = new FakeClock();
  isSynchronized = false;
  boot(NOW_MS);
});
afterEach(async () => {
  await one?.close();
  rmSync(root, { recursive: true });
});

function place(path: string, text = ''): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const setWall = (unixMs: number): void => clock.stepWall(unixMs - clock.wallMs());

/** The box is started, with a battery that agrees with its clock. */
function boot(wallMs: number): void {
  boots += 1;
  bootedMs = clock.monoMs() - 5_000;
  place('proc/sys/kernel/random/boot_id', String(boots).padStart(32, '0'));
  rmSync(join(root, 'run'), { recursive: true, force: true });
  setWall(wallMs);
  place('sys/class/rtc/rtc0/since_epoch', `${wallMs / 1000}\n`);
}

/** Perch is started. */
async function perch(): Promise<MachineClock> {
  await one?.close();
  one = new MachineClock({
    clock,
    root,
    memoryFile: join(root, 'clock.json'),
    monoUs: () => (clock.monoMs() - bootedMs) * 1000,
    isSynchronized: async () => isSynchronized,
  });
  one.begin();
  return one;
}

/** Perch has run for long enough that its clock is beyond doubt. */
async function proven(): Promise<MachineClock> {
  const machine = await perch();
  clock.skip(DAY_MS);
  await clock.advance(2_000);
  return machine;
}

/** A mark is made that the clock was set, by the clock as it is. */
const mark = (atMs = clock.wallMs(), path = MARK): void => utimesSync(place(path), atMs / 1000, atMs / 1000);

const stateOf = (machine: MachineClock) => [machine.doubt?.kind, machine.isTrusted, machine.isInOrder];

test('a date without a remembered one is trusted for names, and fully after a day of running', async () => {
  const machine = await perch();
  expect(stateOf(machine)).toEqual(['new', true, true]);
  clock.skip(DAY_MS - 60_000);
  await clock.advance(2_000);
  expect(machine.doubt?.kind).toBe('new');
  await clock.advance(60_000);
  expect(stateOf(machine)).toEqual([undefined, true, true]);
});

test.for([
  ['after a week off', 6.9 * DAY_MS, undefined, true, true],
  ['a zone behind', -14 * 3_600_000, undefined, true, true],
  ['three years ahead', LATER_MS - NOW_MS, 'ahead', false, true],
  ['a month behind', -30 * DAY_MS, 'behind', false, false],
] as const)('the next start of the machine, %s', async ([, jumpMs, ...state]) => {
  await proven();
  await one?.close();
  boot(clock.wallMs() + jumpMs);
  expect(stateOf(await perch())).toEqual(state);
});

test.for([
  ['the network has set the clock', MARK],
  ['systemd says that it is synchronized', undefined],
  ['the owner has said that it is right', 'run/perch-clock-set'],
] as const)('a machine that was off for two months is trusted as soon as %s', async ([, path]) => {
  await proven();
  await one?.close();
  boot(clock.wallMs() + 60 * DAY_MS);
  const machine = await perch();
  await clock.advance(2_000);
  expect(stateOf(machine)).toEqual(['ahead', false, true]);
  isSynchronized = path === undefined;
  if (path) {
    mark(clock.wallMs(), path);
  }
  await clock.advance(40_000);
  expect(stateOf(machine)).toEqual([undefined, true, true]);
  await clock.advance(1_000);
  expect(stateOf(await perch())).toEqual([undefined, true, true]);
});

test('a jump while Perch runs is in doubt, in the same start of the machine too, until it is undone', async () => {
  const machine = await proven();
  const goodMs = clock.wallMs();
  setWall(LATER_MS);
  expect(stateOf(machine)).toEqual(['ahead', false, true]);
  await clock.advance(2_000);
  expect(stateOf(await perch())).toEqual(['ahead', false, true]);
  setWall(goodMs + 2_000);
  expect(stateOf(one as MachineClock)).toEqual([undefined, true, true]);
});

test('a mark that was made before the jump, or in another start of the machine, confirms nothing', async () => {
  mark();
  const machine = await perch();
  await clock.advance(6_000);
  expect(machine.doubt).toBeUndefined();
  setWall(LATER_MS);
  await clock.advance(60_000);
  expect(machine.doubt?.kind).toBe('ahead');
  await machine.close();
  boot(LATER_MS + DAY_MS);
  mark(LATER_MS - 3 * DAY_MS);
  const next = await perch();
  await clock.advance(60_000);
  expect(next.doubt?.kind).toBe('ahead');
});

test('a time from the network after none at all is beyond doubt, however long the machine was off', async () => {
  await proven();
  await one?.close();
  boot(0);
  const machine = await perch();
  expect(stateOf(machine)).toEqual([undefined, false, false]);
  await clock.advance(5_000);
  setWall(NOW_MS + 90 * DAY_MS);
  expect(stateOf(machine)).toEqual([undefined, true, true]);
});

test('the day of running counts across starts while the date advances', async () => {
  await proven();
  await one?.close();
  for (const [jumpMs, ranMs, doubt] of [
    [LATER_MS - NOW_MS, DAY_MS / 2, 'ahead'],
    [DAY_MS / 2, DAY_MS / 3, 'ahead'],
    [400 * DAY_MS, DAY_MS / 2, 'ahead'],
    [DAY_MS / 2, DAY_MS / 2, undefined],
  ] as const) {
    boot(clock.wallMs() + jumpMs);
    const machine = await perch();
    clock.skip(ranMs);
    await clock.advance(2_000);
    expect(machine.doubt?.kind).toBe(doubt);
    await machine.close();
  }
});

test('the date is stored every ten minutes and no more often', async () => {
  await proven();
  const kept = (): number => JSON.parse(readFileSync(join(root, 'clock.json'), 'utf8')).believed?.wallMs;
  await expect.poll(kept).toBeGreaterThan(NOW_MS);
  const writtenMs = kept();
  while (clock.wallMs() < writtenMs + 560_000) {
    clock.skip(30_000);
    await clock.advance(1_000);
    expect(kept()).toBe(writtenMs);
  }
  clock.skip(40_000);
  await clock.advance(1_000);
  await expect.poll(kept).toBeGreaterThan(writtenMs + 560_000);
});

test.for([
  ['nothing of dates, as an earlier version', undefined],
  ['words', { wallMs: 'then', monoMs: 1, bootId: 'x' }],
  ['no time', { wallMs: 0, monoMs: 1, bootId: 'x' }],
])('a memory with %s counts as none', async ([, believed]) => {
  const bootId = '1'.padStart(32, '0');
  place('clock.json', JSON.stringify({ bootId, offsetMs: clock.wallMs() - 5_000, isSet: true, believed }));
  expect(stateOf(await perch())).toEqual(['new', true, true]);
});
