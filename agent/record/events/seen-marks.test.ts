import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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

test('single marks outlive a mark of all events that is undone', async () => {
  using folder = temporaryFolder();
  const marks = new SeenMarks(join(folder.path, 'seen-events.json'), silentLogger);
  await marks.mark('owner', [event(3_000)]);
  const beforeMs = await marks.markUpTo('owner', 9_000);
  await marks.markUpTo('owner', beforeMs);
  const mark = await marks.of('owner');
  expect([mark.has(event(2_000)), mark.has(event(3_000))]).toEqual([false, true]);
});

test('the file is bounded: the oldest of more than 200 single marks becomes the time up to which all are seen', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'seen-events.json');
  const marks = new SeenMarks(file, silentLogger);
  await marks.mark(
    'owner',
    Array.from({ length: 500 }, (_, i) => event(i)),
  );
  const mark = await marks.of('owner');
  expect([mark.upToMs, mark.count]).toEqual([299, 200]);
  expect([mark.has(event(299, 'other')), mark.has(event(300, 'other')), mark.has(event(499))]).toEqual([
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

test.for(['not JSON', '{"people":[{"name":""}]}'])('a damaged file is the same as none: %s', async (text) => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'seen-events.json');
  await writeFile(file, text);
  const marks = new SeenMarks(file, silentLogger);
  expect((await marks.of('owner')).has(event(1))).toBe(false);
  await marks.mark('owner', [event(1)]);
  expect((await new SeenMarks(file, silentLogger).of('owner')).has(event(1))).toBe(true);
});
