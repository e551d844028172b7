import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random } from '../../../test/support/base/random.ts';
import { silentLogger } from '../../base/log.ts';
import { Guests } from './guests.ts';
import { SecretKey } from './secret-key.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;
let folder = '';
let clock = new FakeClock();
const open = async () => Guests.open(folder, await SecretKey.open(folder, silentLogger), clock, silentLogger);
const door = (lifeMs: number) => ({
  cameras: ['door'],
  live: true,
  recordings: false,
  untilMs: clock.wallMs() + lifeMs,
  note: 'the parcel',
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-guests-'));
  clock = new FakeClock();
});
afterEach(() => rm(folder, { recursive: true, maxRetries: 10 }));

test('a link grants its cameras and nothing else, also after a restart', async () => {
  const { item, token } = await (await open()).add(door(DAY_MS));
  const person = (await open()).find(token);
  expect([person?.role, person?.name]).toEqual(['guest', `guest:${item.id}`]);
  expect(['read', 'playback', 'publish', 'api', 'admin'].filter((action) => person?.may(action, 'door'))).toEqual([
    'read',
  ]);
  expect(person?.may('read', 'yard')).toBe(false);
});

test('no file contains a valid link', async () => {
  const { token } = await (await open()).add(door(DAY_MS));
  const signature = token.split('.')[1] ?? '';
  for (const file of ['guests.json', 'secret.json']) {
    expect(await readFile(join(folder, file), 'utf8')).not.toContain(signature);
  }
});

test('a link expires at its time, and stays in the list', async () => {
  const guests = await open();
  const { item, token } = await guests.add(door(DAY_MS));
  await clock.advance(DAY_MS - 1);
  expect(guests.find(token)?.name).toBe(`guest:${item.id}`);
  expect(guests.person(`guest:${item.id}`)).toBeDefined();
  await clock.advance(1);
  expect(guests.find(token)).toBeUndefined();
  expect(guests.person(`guest:${item.id}`)).toBeUndefined();
  expect(guests.list()).toMatchObject([{ id: item.id, isOver: true }]);
});

test('a revoked link grants nothing, also after a restart', async () => {
  const guests = await open();
  const { item, token } = await guests.add(door(DAY_MS));
  expect(await guests.remove(item.id)).toBe(true);
  expect(await guests.remove(item.id)).toBe(false);
  expect(guests.find(token)).toBeUndefined();
  expect((await open()).find(token)).toBeUndefined();
});

test('a clock that falls back to 1970 at each start does not extend a link', async () => {
  const { token } = await (await open()).add(door(DAY_MS));
  clock.stepWall(-56 * YEAR_MS);
  for (let i = 0; i < 3; i += 1) {
    const guests = await open();
    expect(guests.find(token)).toBeDefined();
    await clock.advance(7 * HOUR_MS);
    // The use is what saves how long it was open.
    expect(guests.find(token)).toBeDefined();
    const { guests: stored } = await expectSaved(7 * HOUR_MS * (i + 1));
    expect(stored).toHaveLength(1);
  }
  const guests = await open();
  await clock.advance(3 * HOUR_MS);
  expect(guests.find(token)).toBeUndefined();
});

/** Written behind the answer. */
async function expectSaved(openMs: number): Promise<{ guests: { open: number }[] }> {
  const read = async () =>
    JSON.parse(await readFile(join(folder, 'guests.json'), 'utf8')) as { guests: { open: number }[] };
  await expect.poll(async () => (await read()).guests[0]?.open).toBeGreaterThanOrEqual(openMs);
  return read();
}

test('a clock that is ahead for a while invalidates no link', async () => {
  const guests = await open();
  const { token } = await guests.add(door(DAY_MS));
  clock.stepWall(YEAR_MS);
  expect(guests.find(token)).toBeUndefined();
  clock.stepWall(-YEAR_MS);
  expect(guests.find(token)).toBeDefined();
});

test.for([
  [-1, 'until is in the past'],
  [0, 'until is in the past'],
  [Number.NaN, 'until is in the past'],
  [367 * DAY_MS, 'until is more than 366 days away'],
] as const)('a link for %s ms is rejected, with the time of the clock', async ([lifeMs, message]) => {
  await expect((await open()).add(door(lifeMs))).rejects.toThrow(`${message}: the clock of this box says 20`);
});

test('no field of a link can be edited in the file', async () => {
  const { token } = await (await open()).add(door(DAY_MS));
  const file = join(folder, 'guests.json');
  const text = await readFile(file, 'utf8');
  for (const [from, to] of [
    ['"door"', '"yard"'],
    ['"recordings": false', '"recordings": true'],
    [/"until": (\d)/, '"until": 9'],
  ] as const) {
    const changed = text.replace(from, to);
    expect(changed).not.toBe(text);
    await writeFile(file, changed);
    expect((await open()).find(token)).toBeUndefined();
  }
});

test('two hundred links are kept; an expired one makes room, a valid one does not', async () => {
  const guests = await open();
  const first = await guests.add(door(HOUR_MS));
  await Promise.all(Array.from({ length: 199 }, () => guests.add(door(DAY_MS))));
  await expect(guests.add(door(DAY_MS))).rejects.toThrow('there are 200 links to guests, which is the limit');
  await clock.advance(HOUR_MS);
  await guests.add(door(DAY_MS));
  expect(guests.list().map(({ id }) => id)).not.toContain(first.item.id);
});

test('no modified token grants anything, and none throws', async () => {
  const guests = await open();
  const { token } = await guests.add(door(DAY_MS));
  const next = random(7);
  const below = (limit: number) => Math.floor(next() * limit);
  for (let i = 0; i < 2_000; i += 1) {
    const at = below(token.length);
    const changed = `${token.slice(0, at)}${String.fromCodePoint(below(0x250))}${token.slice(at + below(2))}`;
    expect(changed !== token && guests.find(changed)).toBeFalsy();
  }
});

test('a damaged file requires new links', async () => {
  await writeFile(join(folder, 'guests.json'), '{"guests":[{"id":"x"}]}');
  expect((await open()).list()).toEqual([]);
});
