import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { FAULT_CODE, UncaughtExceptions, type UncaughtExceptionsDeps } from './uncaught-exceptions.ts';

const never = new Promise<never>(() => {});

function openFolder(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-stray-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  return dataDir;
}

function openRun(dataDir: string, finish: UncaughtExceptionsDeps['finish'] = async () => {}) {
  const clock = new FakeClock();
  const { log, logged } = keepLogLines();
  const codes: number[] = [];
  const exceptions = new UncaughtExceptions({ dataDir, clock, log, finish, exit: (code) => codes.push(code) });
  return { clock, logged, codes, exceptions };
}

const exited = (codes: readonly number[]) => vi.waitFor(() => expect(codes).toEqual([FAULT_CODE]));

test('recordings are finished before the process ends with the code for a restart', async () => {
  let finished = () => {};
  const finishing = new Promise<void>((resolve) => {
    finished = resolve;
  });
  const { logged, codes, exceptions } = openRun(openFolder(), () => finishing);
  const error = new TypeError('a bug');
  exceptions.take(error, 'uncaughtException');
  expect(logged).toEqual([
    ['error', 'uncaught exception: finishing recordings and restarting', { err: error, origin: 'uncaughtException' }],
  ]);
  await new Promise(setImmediate);
  expect(codes).toEqual([]);
  finished();
  await exited(codes);
});

test('a hanging disk delays the exit by at most a second', async () => {
  const { clock, logged, codes, exceptions } = openRun(openFolder(), () => never);
  exceptions.take(undefined, 'unhandledRejection');
  await clock.advance(999);
  expect(codes).toEqual([]);
  await clock.advance(1);
  await exited(codes);
  expect(logged.map(([, phrase]) => phrase)).toContain('finishing recordings timed out');
});

test('repeated exceptions during the exit end the process once, and do not fill the log', async () => {
  const failing = async () => {
    throw new Error('cannot finish');
  };
  const { logged, codes, exceptions } = openRun(openFolder(), failing);
  for (let i = 0; i < 1_000; i += 1) {
    exceptions.take(new Error('again'), 'uncaughtException');
  }
  await exited(codes);
  expect(logged.length).toBeLessThan(15);
});

test('the first restart is immediate, and further ones in a row wait longer, up to a minute', async () => {
  const dataDir = openFolder();
  const waits: unknown[] = [];
  for (let run = 0; run < 9; run += 1) {
    const { clock, logged, codes, exceptions } = openRun(dataDir);
    const began = exceptions.begin(never);
    await vi.waitFor(() => expect(logged).toHaveLength(run === 0 ? 0 : 1));
    waits.push((logged[0]?.[2] as { waitMs: number } | undefined)?.waitMs);
    await clock.advance(60_000);
    await began;
    exceptions.take(new Error('a bug'), 'uncaughtException');
    await exited(codes);
  }
  expect(waits).toEqual([undefined, 0, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 60_000]);
});

test('after ten minutes without an exception, or a regular end, the next one counts as the first', async () => {
  const dataDir = openFolder();
  const file = join(dataDir, 'stray-exceptions.json');
  writeFileSync(file, '{"inARow":3}');
  const calm = openRun(dataDir);
  await calm.exceptions.begin(Promise.resolve());
  await calm.clock.advance(10 * 60_000 - 1);
  expect(existsSync(file)).toBe(true);
  await calm.clock.advance(1);
  await vi.waitFor(() => expect(existsSync(file)).toBe(false));
  calm.exceptions.take(new Error('a bug'), 'uncaughtException');
  await exited(calm.codes);
  const stopped = openRun(dataDir);
  await stopped.exceptions.begin(Promise.resolve());
  expect(stopped.logged).toMatchObject([['warn', expect.any(String), { inARow: 1, waitMs: 0 }]]);
  await stopped.exceptions.ended();
  expect(existsSync(file)).toBe(false);
});

test.for(['', '{', 'null', '{"inARow":"x"}', '{"inARow":-1}'])('a count of %j is invalid', async (text) => {
  const dataDir = openFolder();
  writeFileSync(join(dataDir, 'stray-exceptions.json'), text);
  const { logged, exceptions } = openRun(dataDir);
  await exceptions.begin(never);
  expect(logged).toEqual([]);
});

test('a stop ends the delay before a start', async () => {
  const dataDir = openFolder();
  writeFileSync(join(dataDir, 'stray-exceptions.json'), '{"inARow":9}');
  const { logged, exceptions } = openRun(dataDir);
  await exceptions.begin(Promise.resolve());
  expect(logged).toMatchObject([['warn', 'restarted after an uncaught exception', { inARow: 9, waitMs: 60_000 }]]);
});
