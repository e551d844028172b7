import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/fake-clock.ts';
import { mutate } from '../../../test/mutate.ts';
import { random } from '../../../test/random.ts';
import { LoginFile } from './login-file.ts';
import { LoginMemory } from './login-memory.ts';

const KEY = { camera: '10.0.0.5:80', user: 'admin', password: 'hunter2' };
const MINUTE_MS = 60_000;

function folder() {
  const dir = mkdtempSync(join(tmpdir(), 'perch-logins-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'camera-logins.json');
  const faults: string[] = [];
  const clock = new FakeClock();
  /** A run of the program. */
  const run = async () => {
    const logins = new LoginMemory(clock);
    const kept = new LoginFile(file, logins, clock, (text) => faults.push(text));
    await kept.open();
    return { logins, kept };
  };
  return { file, faults, clock, run };
}

test('a program that ends and begins again does not lock an account: four refusals in all, then half an hour of peace', async () => {
  const { file, clock, run, faults } = folder();
  let tries = 0;
  for (let i = 0; i < 5; i += 1) {
    const { logins, kept } = await run();
    while (logins.mayTry(KEY, false)) {
      logins.refused(KEY);
      tries += 1;
    }
    await kept.close();
  }
  expect([tries, faults]).toEqual([4, []]);
  expect(readFileSync(file, 'utf8')).not.toContain('hunter2');
  clock.skip(30 * MINUTE_MS);
  expect((await run()).logins.mayTry(KEY, false)).toBe(true);
});

test('a lock is known to the next run; a login that passes clears the file', async () => {
  const { clock, run, file } = folder();
  const first = await run();
  first.logins.locked(KEY, 10 * MINUTE_MS);
  await first.kept.close();
  clock.skip(4 * MINUTE_MS);
  const second = await run();
  expect(() => second.logins.check(KEY, true)).toThrow('try again in 6 min');
  clock.skip(6 * MINUTE_MS);
  second.logins.refused(KEY);
  second.logins.accepted(KEY, 'digest');
  await second.kept.close();
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ version: 1, logins: [] });
});

test('a clock that was set back keeps nobody out for longer than a refusal can', async () => {
  const { clock, run } = folder();
  const first = await run();
  for (let i = 0; i < 4; i += 1) {
    first.logins.refused(KEY);
  }
  await first.kept.close();
  clock.stepWall(-365 * 24 * 60 * MINUTE_MS);
  const second = await run();
  expect(second.logins.mayTry(KEY, true)).toBe(false);
  clock.skip(30 * MINUTE_MS);
  expect(second.logins.mayTry(KEY, true)).toBe(true);
});

test('a damaged file is passed over, in words', async () => {
  const { file, run, faults } = folder();
  const { logins, kept } = await run();
  logins.refused(KEY);
  await kept.close();
  const bytes = readFileSync(file);
  const next = random(5);
  for (let i = 0; i < 200; i += 1) {
    writeFileSync(file, mutate(bytes, next));
    const again = await run();
    again.logins.mayTry(KEY, false);
    await again.kept.close();
  }
  expect(faults.length).toBeGreaterThan(10);
  expect(faults[0]).toMatch(/cannot read .*: which logins cameras have refused is not known/);
});
