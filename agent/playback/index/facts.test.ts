import { open } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { record, temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { type LostUs, MAX_LOST_RANGES } from '../../record/file/lost-ranges.ts';
import { parseFacts, readFacts, writeFacts } from './facts.ts';

async function factsOf(file: string) {
  const handle = await open(file, 'r');
  try {
    return await readFacts(file, handle);
  } finally {
    await handle.close();
  }
}

test.for(['fmp4', 'mpegts'] as const)('the facts of a recording (%s) survive as text', async (format) => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 5, { format });
  const facts = await factsOf(file);
  expect(facts).toMatchObject({ durationUs: 5e6, mark: { segmentNumber: 0 }, fileMark: { offsetMinutes: 0 } });
  expect(facts?.tailBytes).toEqual(format === 'mpegts' ? 0 : expect.any(Number));
  expect(facts && parseFacts(writeFacts(facts))).toEqual(facts);
});

test('the facts of a recording with as many lost parts as there can be are facts', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 2);
  const facts = (await factsOf(file)) ?? expect.unreachable('no facts');
  const lostUs = Array.from({ length: MAX_LOST_RANGES }, (_, i): LostUs => [i, i + 1]);
  expect(parseFacts(writeFacts({ ...facts, lostUs }))?.lostUs).toEqual(lostUs);
});

test('damaged text is no facts', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 2);
  const facts = await factsOf(file);
  const text = writeFacts(facts ?? expect.unreachable('no facts'));
  const next = random(7);
  for (let i = 0; i < 2_000; i += 1) {
    const at = Math.floor(next() * text.length);
    const damaged = text.slice(0, at) + String.fromCharCode(32 + Math.floor(next() * 90)) + text.slice(at + 1);
    const parsed = parseFacts(damaged);
    expect(parsed === undefined || parseFacts(writeFacts(parsed)) !== undefined).toBe(true);
    expect(parseFacts(text.slice(0, at))).toBeUndefined();
  }
  expect(['', '[]', 'null', '{}'].map(parseFacts)).toEqual([undefined, undefined, undefined, undefined]);
});
