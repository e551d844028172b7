import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { currentOutcome, forgetOutcome, noteOutcome, outcomeAtStart, readOutcome } from './outcome.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-outcome-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const TRIED = { system: 'b', version: '1.2.3', state: 'tried' } as const;

test('it is read as it was noted', async () => {
  const file = join(folder, 'outcome');
  expect(await readOutcome(file)).toBeUndefined();
  await noteOutcome(TRIED, file);
  expect(await readOutcome(file)).toEqual(TRIED);
  await noteOutcome({ ...TRIED, state: 'kept' }, file);
  expect(await readOutcome(file)).toEqual({ ...TRIED, state: 'kept' });
});

test.for(['', 'b 1.2.3 tried', 'c 1.2.3 tried\n', 'b 1.2.3 constructor\n', 'b 1.2.3 done\n', '\xff\0'])(
  'anything else is none: %j',
  async (text) => {
    const file = join(folder, 'outcome');
    writeFileSync(file, text, 'latin1');
    expect(await readOutcome(file)).toBeUndefined();
  },
);

test('a note that cannot be written changes nothing', async () => {
  await expect(noteOutcome(TRIED, join(folder, 'none/outcome'))).resolves.toBeUndefined();
});

test.for([
  ['waits for the next start', { system: 'a', trial: 'b' }, 'a', 'tried'],
  ['is tried', { system: 'a' }, 'b', 'tried'],
  ['was kept just before the power was cut', { system: 'b' }, 'b', 'kept'],
  ['was tried, and the former one has started again', { system: 'a' }, 'a', 'notStarted'],
] as const)('a system that %s', ([, choice, running, state]) => {
  expect(outcomeAtStart(TRIED, choice, running)).toEqual({ ...TRIED, state });
});

test('a trial is known by the choice, also where a power cut came before its note', () => {
  const former = { system: 'a', version: '1.0.0', state: 'kept' } as const;
  for (const noted of [undefined, former]) {
    expect(currentOutcome(noted, { system: 'a' }, 'b', '1.2.3')).toEqual(TRIED);
    expect(currentOutcome(noted, { system: 'a' }, 'a', '1.2.3')).toEqual(noted);
    expect(currentOutcome(noted, { system: 'a', trial: 'b' }, 'a', '1.2.3')).toEqual(noted);
  }
  // The note has the version of the update.
  expect(currentOutcome(TRIED, { system: 'a' }, 'b', '1.0.0')).toEqual(TRIED);
});

test('while another system is written there is no outcome', async () => {
  const file = join(folder, 'outcome');
  await noteOutcome(TRIED, file);
  await forgetOutcome(file);
  await forgetOutcome(file);
  expect(await readOutcome(file)).toBeUndefined();
});

test('what is known already stays', () => {
  const known = { ...TRIED, state: 'notHealthy' } as const;
  expect(outcomeAtStart(known, { system: 'a' }, 'a')).toEqual(known);
});
