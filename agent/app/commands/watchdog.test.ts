import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { startWatchdog } from './watchdog.ts';

const WATCHDOG = join(import.meta.dirname, 'watchdog.ts');

/** The watchdog of this process, with a `sh` of this text. */
function withShell(folder: string, text: string) {
  const starts = join(folder, 'starts');
  writeFileSync(starts, '');
  writeFileSync(join(folder, 'sh'), `#!/bin/sh\necho >> '${starts}'\n${text}\n`, { mode: 0o755 });
  const clock = new FakeClock();
  const { log, logged } = keepLogLines();
  startWatchdog(clock, { PATH: folder }, log);
  return { clock, logged, starts: () => readFileSync(starts, 'utf8').length };
}

test('a shell that ends at once is logged once, and starts again after a minute', async () => {
  using folder = temporaryFolder();
  const { clock, logged, starts } = withShell(folder.path, 'exit 3');
  await expect.poll(() => logged.length).toBe(1);
  expect(logged[0]).toMatchObject(['warn', expect.stringContaining('sh and sleep'), { reason: 'sh: exit code 3' }]);
  for (let second = 0; second < 59; second += 1) {
    await clock.advance(1_000);
  }
  expect(starts()).toBe(1);
  await clock.advance(2_000);
  await expect.poll(starts).toBe(2);
  await clock.advance(30_000);
  expect([starts(), logged.length]).toEqual([2, 1]);
});

test('a system without sleep gets no watchdog', async () => {
  using folder = temporaryFolder();
  const { logged, starts } = withShell(folder.path, 'exec /bin/sh "$@"');
  await expect.poll(() => logged).toMatchObject([['warn', expect.any(String), { reason: 'sh: exit code 127' }]]);
  expect(starts()).toBe(1);
});

test.for([
  ['no sh', "'/nonexistent'", 'ENOENT'],
  // Node throws at once.
  ['a failing system call', "'/bin:' + 'x'.repeat(1 << 18)", 'E2BIG'],
])('Perch continues with %s, and no other process gets a signal', ([, path, code = '']) => {
  const script = `
    const { startWatchdog } = await import(${JSON.stringify(WATCHDOG)});
    process.on('SIGCONT', () => console.log('signal'));
    let beat;
    const clock = { eachSecond: (tick) => { beat = tick; }, monoMs: () => 0 };
    startWatchdog(clock, { PATH: ${path} }, { warn: ({ reason }) => console.log(reason) });
    beat();
    setTimeout(() => beat(), 200);
    setTimeout(() => {}, 400);`;
  const args = ['--no-warnings', '--input-type=module', '--eval', script];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect([status, stdout.trim().split('\n')]).toEqual([0, [expect.stringContaining(code)]]);
});
