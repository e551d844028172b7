import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { Check } from 'typebox/value';
import { expect, test, vi } from 'vitest';
import { MemoryDatabase } from '../../../test/support/base/memory-carrier.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../base/log.ts';
import { SeenMarks } from './seen-marks.ts';

const event = (startMs: number, id = `e${startMs}`) => ({ path: 'door', id, startMs });

test('each person has separate marks, which survive a restart', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'seen-events.json');
  const marks = new SeenMarks(file, silentLogger);
  expect(await marks.markUpTo('owner', 1_000)).toBe(0);
  await marks.mark('owner', [event(3_000)]);
  await marks.mark('anna', [event(2_000)]);
  for (const read of [marks, new SeenMarks(file, silentLogger)]) {
    const [owner, anna] = [await read.of('owner'), await read.of('anna')];
    expect([1_000, 2_000, 3_000].map((ms) => owner.has(event(ms)))).toEqual([true, false, true]);
    expect([1_000, 2_000, 3_000].map((ms) => anna.has(event(ms)))).toEqual([false, true, false]);
    expect((await read.of('bert')).has(event(1_000))).toBe(false);
  }
  expect(await marks.markUpTo('owner', 5_000)).toBe(1_000);
});

test('servers with one database have the marks of each other, and none is lost', async () => {
  const database = new MemoryDatabase();
  const open = (folder: string) => {
    const carrier = database.server(folder);
    return { carrier, marks: new SeenMarks(`${folder}/seen-events.json`, silentLogger) };
  };
  const [one, other] = [open('/marks-1'), open('/marks-2')];
  await Promise.all([one.marks.mark('owner', [event(1)]), other.marks.mark('owner', [event(2)])]);
  await other.marks.mark('anna', [event(3)]);
  for (const { marks } of [one, other]) {
    await vi.waitFor(async () => expect((await marks.of('anna')).count).toBe(1));
    expect((await marks.of('owner')).count).toBe(2);
  }
  one.carrier.goAway();
  await expect(one.marks.mark('owner', [event(4)])).rejects.toThrow('the database is away');
  expect((await one.marks.of('owner')).count).toBe(2);
  const late = open('/marks-3');
  late.carrier.goAway();
  await expect(late.marks.of('owner')).rejects.toThrow('the database is away');
  late.carrier.comeBack();
  expect((await late.marks.of('owner')).count).toBe(2);
});

test('single marks outlive a mark of all events that is undone', async () => {
  using folder = temporaryFolder();
  const marks = new SeenMarks(join(folder.path, 'seen-events.json'), silentLogger);
  await marks.mark('owner', [event(3_000)]);
  const beforeMs = await marks.markUpTo('owner', 9_000);
  await marks.markUpTo('owner', beforeMs);
  const mark = await marks.of('owner');
  expect([mark.has(event(2_000)), mark.has(event(3_000))]).toEqual([false, true]);
});

test('the file is bounded: the oldest of more than 1,000 single marks becomes the time up to which all are seen', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'seen-events.json');
  const marks = new SeenMarks(file, silentLogger);
  await marks.mark(
    'owner',
    Array.from({ length: 1_300 }, (_, i) => event(i)),
  );
  const mark = await marks.of('owner');
  expect([mark.upToMs, mark.count]).toEqual([299, 1_000]);
  expect([mark.has(event(299, 'other')), mark.has(event(300, 'other')), mark.has(event(1_299))]).toEqual([
    true,
    false,
    true,
  ]);
  for (let i = 0; i < 150; i += 1) {
    await marks.markUpTo(`p${i}`, i);
  }
  const { people } = JSON.parse(await readFile(file, 'utf8'));
  expect(people.map(({ name }: { name: string }) => name)).toEqual(Array.from({ length: 100 }, (_, i) => `p${i + 50}`));
});

/** The schema of the release before `older`. */
const FormerFile = Type.Object({
  people: Type.Array(
    Type.Object({
      name: Type.String({ minLength: 1, maxLength: 256 }),
      upTo: Type.Number(),
      events: Type.Array(Type.Tuple([Type.Number(), Type.String({ maxLength: 16 })]), { maxItems: 200 }),
    }),
    { maxItems: 100 },
  ),
});

test('the release before reads the newest 200 of more single marks, and this one all of them', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'seen-events.json');
  const marks = new SeenMarks(file, silentLogger);
  await marks.mark(
    'owner',
    Array.from({ length: 900 }, (_, i) => event(i + 1)),
  );
  await marks.mark('anna', [event(5)]);
  const stored = JSON.parse(await readFile(file, 'utf8'));
  expect(Check(FormerFile, stored)).toBe(true);
  expect(stored.people[0].events.map(([startMs]: [number]) => startMs)).toEqual(
    Array.from({ length: 200 }, (_, i) => i + 701),
  );
  const again = await new SeenMarks(file, silentLogger).of('owner');
  expect([again.count, again.has(event(1)), again.has(event(701)), again.has(event(901))]).toEqual([
    900,
    true,
    true,
    false,
  ]);
});

test('the file of as many people and marks as there may be is read again', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'seen-events.json');
  const startMs = Date.UTC(2030, 0, 1);
  const older = Array.from({ length: 800 }, (_, i) => `${startMs + i} ${'x'.repeat(9)}${i + 100}`).join(' ');
  const events = Array.from({ length: 200 }, (_, i) => [startMs + 1_000 + i, `${'y'.repeat(9)}${i + 100}`]);
  const people = Array.from({ length: 100 }, (_, i) => ({ name: `p${i}`, upTo: 0, events, older }));
  await writeFile(file, JSON.stringify({ people }));
  const marks = new SeenMarks(file, silentLogger);
  await marks.mark('p7', [event(startMs + 9_000)]);
  const again = new SeenMarks(file, silentLogger);
  expect([(await again.of('p7')).count, (await again.of('p99')).count]).toEqual([1_000, 1_000]);
  expect((await stat(file)).size).toBeLessThan(4 << 20);
});

test.for(['not JSON', '{"people":[{"name":""}]}'])('a damaged file is the same as none: %s', async (text) => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'seen-events.json');
  await writeFile(file, text);
  const marks = new SeenMarks(file, silentLogger);
  expect((await marks.of('owner')).has(event(1))).toBe(false);
  await marks.mark('owner', [event(1)]);
  expect((await new SeenMarks(file, silentLogger).of('owner')).has(event(1))).toBe(true);
});
