import { afterEach, expect, test } from 'vitest';
import { LENGTH } from '../peers/programs/peers.ts';
import { Board, DAY_MS, HOUR_MS, KEPT_DAYS, YEAR_BEGINS_MS } from '../support/harness/clockless-board.ts';

const YEAR_ENDS_MS = Date.UTC(2028, 8, 1);
/** Labels that are nearer than this are right: a clock is not set for less. */
const RIGHT_MS = 2_100;

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

/** On Lord Howe Island clocks are set by half an hour. */
const ALL_ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC', 'Asia/Kolkata'];
const ZONES = LENGTH === 'short' ? ['Australia/Lord_Howe'] : ALL_ZONES;

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
