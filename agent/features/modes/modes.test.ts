import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { MemoryDatabase } from '../../../test/support/base/memory-carrier.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { createLogger } from '../../base/log.ts';
import type { TimetableEntry } from './keys.ts';
import { changesAround, Modes } from './modes.ts';

const HOUR_MS = 3_600_000;
const EVERY_DAY = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
/** The fake clock begins at 2026-01-01T00:00:00Z. */
const WORK: readonly TimetableEntry[] = [
  { days: [...EVERY_DAY], from: '08:00', mode: 'away' },
  { days: [...EVERY_DAY], from: '18:00', mode: 'home' },
];

const IN_UTC = good('timetableZone: UTC');

/** A box that is switched off and on; its data folder stays. */
function device() {
  const folder = temporaryFolder();
  const box = {
    dataDir: folder.path,
    clock: new FakeClock(),
    timetable: WORK,
    isTrusted: true,
    applied: [] as string[],
    published: [] as unknown[],
    lines: [] as string[],
    modes: undefined as unknown as Modes,
    async start() {
      box.modes = new Modes({
        ...box,
        log: createLogger('info', (line) => box.lines.push(line)),
        events: { emit: (type, fields) => void box.published.push([type, fields]) },
        settings: () => Object.assign({ ...IN_UTC }, { timetable: box.timetable }),
        recordings: {
          get isClockTrusted() {
            return box.isTrusted;
          },
        },
        applyPaths: async () => {
          box.applied.push(box.modes.current);
        },
      });
      await box.modes.begin();
      box.modes.configure();
      return box.modes;
    },
    stop: () => box.modes.close(),
  };
  onTestFinished(async () => {
    await box.modes.close();
    folder[Symbol.dispose]();
  });
  return box;
}

test('the timetable changes the mode within a second, and cameras follow once', async () => {
  const box = device();
  const modes = await box.start();
  expect(modes.status).toEqual({
    ...{ mode: 'home', since: '2025-12-31T18:00:00.000Z', by: 'timetable', hold: false },
    next: { mode: 'away', time: '2026-01-01T08:00:00.000Z' },
    ...{ timeZone: 'UTC', used: true, timeKnown: true, lost: false },
  });
  await box.clock.advance(8 * HOUR_MS - 1);
  expect(modes.current).toBe('home');
  await box.clock.advance(1_000);
  expect([modes.current, box.applied]).toEqual(['away', ['away']]);
  await box.clock.advance(2 * HOUR_MS);
  expect(box.applied).toEqual(['away']);
  expect(box.published).toEqual([['box', { state: 'mode', mode: 'away', by: 'timetable' }]]);
});

test('a mode that a person sets lasts until the next change of the timetable', async () => {
  const box = device();
  const modes = await box.start();
  await box.clock.advance(9 * HOUR_MS);
  expect(await modes.set({ mode: 'night' })).toMatchObject({
    ...{ mode: 'night', by: 'user', since: '2026-01-01T09:00:00.000Z' },
    next: { mode: 'home', time: '2026-01-01T18:00:00.000Z' },
  });
  await box.clock.advance(9 * HOUR_MS - 1_000);
  expect(modes.current).toBe('night');
  await box.clock.advance(1_000);
  expect(modes.current).toBe('home');
});

test('a held mode outlasts the timetable, which takes over when it is released', async () => {
  const box = device();
  const modes = await box.start();
  expect(await modes.set({ mode: 'night', hold: true })).toMatchObject({ hold: true, next: null });
  await box.clock.advance(10 * HOUR_MS);
  expect(modes.current).toBe('night');
  expect(await modes.set({ hold: false })).toMatchObject({ mode: 'away', by: 'timetable', hold: false });
  expect(box.applied.at(-1)).toBe('away');
});

test('the mode survives a restart, and missed changes of the timetable are applied', async () => {
  const box = device();
  await (await box.start()).set({ mode: 'night' });
  await box.stop();
  expect((await box.start()).current).toBe('night');
  await box.stop();
  await box.clock.advance(9 * HOUR_MS);
  expect((await box.start()).current).toBe('away');
});

test('the mode is on the disk before the answer: a power cut keeps it', async () => {
  const box = device();
  await (await box.start()).set({ mode: 'night', hold: true });
  expect(JSON.parse(readFileSync(join(box.dataDir, 'mode.json'), 'utf8'))).toEqual({
    ...{ mode: 'night', atMs: Date.UTC(2026, 0, 1), by: 'user', hold: true },
  });
});

test('after a start with an unknown time the last mode stays until the time is known', async () => {
  const box = device();
  await (await box.start()).set({ mode: 'night' });
  await box.stop();
  box.isTrusted = false;
  box.clock.stepWall(20 * HOUR_MS);
  const modes = await box.start();
  await box.clock.advance(2_000);
  expect(modes.status).toMatchObject({ mode: 'night', next: null, timeKnown: false });
  box.isTrusted = true;
  await box.clock.advance(1_000);
  expect(modes.status).toMatchObject({ mode: 'home', by: 'timetable', timeKnown: true });
});

test('a mode that a person sets before the time is known counts from that moment', async () => {
  const box = device();
  box.isTrusted = false;
  box.clock.stepWall(-30 * 24 * HOUR_MS);
  const modes = await box.start();
  await modes.set({ mode: 'night' });
  await box.clock.advance(60_000);
  box.clock.stepWall(30 * 24 * HOUR_MS);
  box.isTrusted = true;
  await box.clock.advance(1_000);
  expect(modes.status).toMatchObject({ mode: 'night', by: 'user', since: '2026-01-01T00:00:00.000Z' });
  await box.clock.advance(8 * HOUR_MS);
  expect(modes.current).toBe('away');
});

test('a mode set while the clock was years ahead does not outlast the timetable', async () => {
  const box = device();
  box.clock.stepWall(365 * 24 * HOUR_MS);
  const modes = await box.start();
  await modes.set({ mode: 'night' });
  box.clock.stepWall(-365 * 24 * HOUR_MS);
  await box.clock.advance(9 * HOUR_MS);
  expect(modes.current).toBe('away');
});

test('a changed timetable counts at once', async () => {
  const box = device();
  box.timetable = [];
  const modes = await box.start();
  await box.clock.advance(9 * HOUR_MS);
  expect(modes.status).toMatchObject({ mode: 'home', since: null, next: null });
  box.timetable = WORK;
  modes.configure();
  expect(modes.current).toBe('away');
});

test('without a timetable a mode stays', async () => {
  const box = device();
  box.timetable = [];
  const modes = await box.start();
  await modes.set({ mode: 'away' });
  await box.clock.advance(48 * HOUR_MS);
  expect(modes.current).toBe('away');
});

test('a damaged file counts as none, and is a problem until a person sets the mode', async () => {
  const box = device();
  writeFileSync(join(box.dataDir, 'mode.json'), '{"mode": "party"}');
  const modes = await box.start();
  expect(modes.status).toMatchObject({ mode: 'home', lost: true });
  expect(box.lines.join()).toContain('the mode is lost');
  await box.clock.advance(9 * HOUR_MS);
  const text = 'the mode is lost: mode.json could not be read; set the mode again';
  expect(modes.problems()).toEqual([{ why: 'damaged', text, since: null }]);
  expect(await modes.set({ mode: 'away' })).toMatchObject({ lost: false });
  expect(modes.problems()).toEqual([]);
});

test('a mode that cannot be saved applies, and the request fails', async () => {
  const box = device();
  const modes = await box.start();
  writeFileSync(join(box.dataDir, 'blocked'), '');
  Object.assign(box, { dataDir: join(box.dataDir, 'blocked') });
  const blocked = await box.start();
  await modes.close();
  await expect(blocked.set({ mode: 'away' })).rejects.toMatchObject({ code: 'unavailable' });
  expect([blocked.current, box.applied.at(-1)]).toEqual(['away', 'away']);
});

/** Servers with one database. */
async function servers(count: number) {
  const database = new MemoryDatabase();
  return Promise.all(
    Array.from({ length: count }, async () => {
      const box = device();
      const carrier = database.server(box.dataDir);
      return { box, carrier, modes: await box.start() };
    }),
  );
}

test('a mode that is set at one server holds at the others at once, and where a server starts later', async () => {
  const [one, other] = await servers(2);
  await one?.modes.set({ mode: 'away', hold: true });
  await vi.waitFor(() => expect(other?.modes.status).toMatchObject({ mode: 'away', by: 'user', hold: true }));
  expect(other?.box.applied).toEqual(['away']);
  expect(other?.box.published).toEqual([['box', { state: 'mode', mode: 'away', by: 'user' }]]);
  await other?.modes.set({ hold: false });
  await vi.waitFor(() => expect(one?.modes.status.hold).toBe(false));
  await other?.box.stop();
  await one?.modes.set({ mode: 'night' });
  expect((await other?.box.start())?.current).toBe('night');
});

test('the mode that a server finds at its start is no change, also where another server sets one meanwhile', async () => {
  const database = new MemoryDatabase();
  const [one, starting] = [device(), device()];
  database.server(one.dataDir);
  const carrier = database.server(starting.dataDir);
  await (await one.start()).set({ mode: 'away' });
  // What follows a change needs it.
  await import('typebox/compile');
  const load = carrier.load.bind(carrier);
  vi.spyOn(carrier, 'load').mockImplementationOnce(async (name) => {
    const found = await load(name);
    await one.modes.set({ mode: 'night' });
    await new Promise(setImmediate);
    return found;
  });
  await starting.start();
  expect([starting.modes.current, starting.published]).toEqual(['away', []]);
  carrier.tell('mode.json');
  await vi.waitFor(() => expect(starting.modes.current).toBe('night'));
  expect(starting.published).toHaveLength(1);
});

test('the timetable changes the mode of all servers once', async () => {
  const all = await servers(3);
  for (const { box } of all) {
    await box.clock.advance(8 * HOUR_MS + 1_000);
  }
  for (const { box, modes } of all) {
    await vi.waitFor(() => expect([modes.current, box.applied]).toEqual(['away', ['away']]));
  }
});

test('a mode that is set while the database is away holds on that server, and on all when it is back', async () => {
  const [one, other] = await servers(2);
  one?.carrier.goAway();
  await expect(one?.modes.set({ mode: 'away' })).rejects.toThrow('the database is away');
  expect([one?.modes.current, other?.modes.current]).toEqual(['away', 'home']);
  one?.carrier.comeBack();
  await vi.waitFor(() => expect([one?.modes.current, other?.modes.current]).toEqual(['away', 'away']));
});

test('of modes that two servers have set while one of them had no database the later one counts', async () => {
  const [one, other] = await servers(2);
  one?.carrier.goAway();
  await one?.modes.set({ mode: 'away' }).catch(() => {});
  await other?.box.clock.advance(1_000);
  await other?.modes.set({ mode: 'night' });
  one?.carrier.comeBack();
  await vi.waitFor(() => expect([one?.modes.current, other?.modes.current]).toEqual(['night', 'night']));
});

const ZONE = 'Europe/Berlin';
const WORKING_DAYS: readonly TimetableEntry[] = [
  { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:00', mode: 'away' },
  { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '17:30', mode: 'home' },
  { days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '22:30', mode: 'night' },
];

const around = (now: string, entries = WORKING_DAYS, zone = ZONE) => {
  const { last, next } = changesAround(entries, zone, Date.parse(now));
  const text = (change: typeof last) => change && `${change.mode} ${new Date(change.atMs).toISOString()}`;
  return [text(last), text(next)];
};

test('the mode of a working day begins and ends at local time', () => {
  // A Monday in winter: an hour ahead of UTC.
  expect(around('2026-11-23T07:00:00Z')).toEqual(['away 2026-11-23T07:00:00.000Z', 'home 2026-11-23T16:30:00.000Z']);
  expect(around('2026-11-23T06:59:59.999Z')).toEqual([
    'night 2026-11-22T21:30:00.000Z',
    'away 2026-11-23T07:00:00.000Z',
  ]);
});

test('the weekend continues the last mode of Friday', () => {
  expect(around('2026-11-28T12:00:00Z')).toEqual(['night 2026-11-27T21:30:00.000Z', 'night 2026-11-28T21:30:00.000Z']);
});

test('times follow the change to summer time and back', () => {
  // 2026-03-29 and 2026-10-25 are the Sundays of the changes.
  expect(around('2026-03-29T12:00:00Z')[1]).toBe('night 2026-03-29T20:30:00.000Z');
  expect(around('2026-10-25T12:00:00Z')[1]).toBe('night 2026-10-25T21:30:00.000Z');
});

test('a time skipped in spring applies at the equivalent moment, and one repeated in autumn applies once', () => {
  const early: TimetableEntry[] = [{ days: ['sun'], from: '02:30', mode: 'home' }];
  expect(around('2026-03-28T12:00:00Z', early)[1]).toBe('home 2026-03-29T01:30:00.000Z');
  expect(around('2026-10-25T00:00:00Z', early)[1]).toBe('home 2026-10-25T00:30:00.000Z');
  expect(around('2026-10-25T00:45:00Z', early)).toEqual([
    'home 2026-10-25T00:30:00.000Z',
    'home 2026-11-01T01:30:00.000Z',
  ]);
});

test('a single entry per week is found a week back and a week ahead', () => {
  const weekly: TimetableEntry[] = [{ days: ['mon'], from: '08:00', mode: 'away' }];
  expect(around('2026-11-23T06:59:00Z', weekly)).toEqual([
    'away 2026-11-16T07:00:00.000Z',
    'away 2026-11-23T07:00:00.000Z',
  ]);
});

test('the later of two entries at the same time counts', () => {
  const twice: TimetableEntry[] = [
    { days: ['mon'], from: '08:00', mode: 'away' },
    { days: ['mon'], from: '08:00', mode: 'home' },
  ];
  expect(around('2026-11-23T07:00:00Z', twice)[0]).toBe('home 2026-11-23T07:00:00.000Z');
  expect(around('2026-11-23T06:00:00Z', twice)[1]).toBe('home 2026-11-23T07:00:00.000Z');
});

test('no entries, no changes', () => {
  expect(around('2026-11-23T07:00:00Z', [])).toEqual([undefined, undefined]);
});
