import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../../base/log.ts';
import { EventQueue } from './event-queue.ts';

const event = (id: number): string => JSON.stringify({ id });
const open = (folder: string) => EventQueue.open(join(folder, 'mqtt-events'), silentLogger);

function takeAll(queue: EventQueue): string[] {
  const texts: string[] = [];
  for (let next = queue.take(); next; next = queue.take()) {
    texts.push(next.text);
  }
  return texts;
}

test('what is confirmed before the next save is never written', async () => {
  using folder = temporaryFolder();
  const queue = await open(folder.path);
  queue.push(event(1));
  queue.remove(queue.take()?.number ?? 0);
  await queue.save();
  expect(existsSync(join(folder.path, 'mqtt-events'))).toBe(false);
});

test('unconfirmed messages survive a restart in their order, confirmed ones do not come again', async () => {
  using folder = temporaryFolder();
  const queue = await open(folder.path);
  for (const id of [1, 2, 3]) {
    queue.push(event(id));
  }
  await queue.save();
  queue.remove(queue.take()?.number ?? 0);
  queue.push(event(4));
  await queue.save();
  const again = await open(folder.path);
  expect(takeAll(again)).toEqual([event(2), event(3), event(4)]);
  again.rewind();
  expect(takeAll(again)).toHaveLength(3);
  for (const number of [2, 3, 4]) {
    again.remove(number);
  }
  await again.save();
  expect(statSync(join(folder.path, 'mqtt-events')).size).toBe(0);
});

test('beyond 10,000 messages the oldest are dropped, on the disk, too', async () => {
  using folder = temporaryFolder();
  const queue = await open(folder.path);
  for (let id = 0; id < 10_050; id += 1) {
    queue.push(event(id));
    if (id === 5_000) {
      await queue.save();
    }
  }
  expect([queue.size, queue.dropped]).toEqual([10_000, 50]);
  await queue.save();
  const again = await open(folder.path);
  expect([again.size, again.take()?.text]).toEqual([10_000, event(50)]);
});

test('the file does not grow without bound while the broker is away', async () => {
  using folder = temporaryFolder();
  const queue = await open(folder.path);
  for (let id = 0; id < 60_000; id += 1) {
    queue.push(event(id));
    if (id % 2_000 === 0) {
      await queue.save();
    }
  }
  await queue.save();
  const lines = readFileSync(join(folder.path, 'mqtt-events'), 'utf8').split('\n').length;
  expect(lines).toBeLessThan(40_002);
});

test('a line that a power cut has torn is skipped, and the next one is not appended to it', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'mqtt-events');
  writeFileSync(file, `+1 ${event(1)}\nnonsense\n+2 ${event(2).slice(0, 4)}`);
  const queue = await open(folder.path);
  queue.push(event(3));
  await queue.save();
  expect(takeAll(await open(folder.path))).toEqual([event(1), event(3)]);
  appendFileSync(file, '-1\n');
  expect(takeAll(await open(folder.path))).toEqual([event(3)]);
});

test('a line that a full disk has torn is not continued', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'mqtt-events');
  const queue = await open(folder.path);
  queue.push(event(1));
  await queue.save();
  const before = readFileSync(file, 'utf8');
  rmSync(file);
  mkdirSync(file);
  queue.push(event(2));
  await queue.save();
  rmSync(file, { recursive: true });
  // The file after an append that wrote only a part.
  writeFileSync(file, `${before}+2 ${event(2).slice(0, 4)}`);
  queue.push(event(3));
  await queue.save();
  expect(takeAll(await open(folder.path))).toEqual([event(1), event(2), event(3)]);
});
