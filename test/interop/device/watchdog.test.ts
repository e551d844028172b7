import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { freePorts } from '../../support/base/free-port.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

const ROOT = join(import.meta.dirname, '../../..');
const LOOPER = join(ROOT, 'test/peers/agent/loops-later.mjs');
const LIMIT_MS = 3_000;
const PATIENCE_MS = 120_000;
const config = 'api: yes\npaths: {}\n';

test.for(['loop', 'wait'])('Perch ends when its main thread stays in a %s', { timeout: PATIENCE_MS }, async (kind) => {
  using folder = temporaryFolder();
  const trigger = join(folder.path, 'loop');
  const env = { LOOPS_WHEN: trigger, PERCH_WATCHDOG_MS: String(LIMIT_MS) };
  await using agent = await startAgent({ config, dataDir: folder.path, flags: ['--import', LOOPER], env });
  const { child, exited } = agent.process;
  writeFileSync(trigger, kind);
  await exited;
  expect([child.exitCode, child.signalCode]).toEqual([null, 'SIGKILL']);
});

test('Perch continues after SIGSTOP for longer than the limit, again and again', { timeout: PATIENCE_MS }, async () => {
  using folder = temporaryFolder();
  const env = { PERCH_WATCHDOG_MS: String(LIMIT_MS) };
  await using agent = await startAgent({ config, dataDir: folder.path, env });
  const { child } = agent.process;
  for (const stoppedMs of [2 * LIMIT_MS, LIMIT_MS / 2, LIMIT_MS / 2, LIMIT_MS]) {
    child.kill('SIGSTOP');
    await delay(stoppedMs);
    child.kill('SIGCONT');
    await delay(100);
  }
  await delay(1.5 * LIMIT_MS);
  expect([child.exitCode, child.signalCode]).toEqual([null, null]);
  expect((await fetch(`${agent.url}/v3/info`)).status).toBe(200);
});

test('Perch stays in a debugger', { timeout: PATIENCE_MS }, async () => {
  using folder = temporaryFolder();
  const trigger = join(folder.path, 'loop');
  const env = { LOOPS_WHEN: trigger, PERCH_WATCHDOG_MS: String(LIMIT_MS) };
  const flags = ['--inspect=127.0.0.1:0', '--import', LOOPER];
  await using agent = await startAgent({ config, dataDir: folder.path, flags, env });
  const { child, exited } = agent.process;
  await delay(2_500);
  expect(watchdogsOf(agent.process.pid)).toEqual([]);
  writeFileSync(trigger, 'wait');
  await delay(2 * LIMIT_MS);
  expect([child.exitCode, child.signalCode]).toEqual([null, null]);
  child.kill('SIGKILL');
  await exited;
});

test('a debugger that attaches ends the watchdog', { timeout: PATIENCE_MS }, async () => {
  using folder = temporaryFolder();
  const flags = ['--inspect-port=127.0.0.1:0'];
  await using agent = await startAgent({ config, dataDir: folder.path, flags });
  const { child, pid } = agent.process;
  await until(() => watchdogsOf(pid)[0]);
  child.kill('SIGUSR1');
  await expect.poll(() => watchdogsOf(pid)).toEqual([]);
});

/** Process IDs of the watchdogs of a process. */
const watchdogsOf = (pid: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && commandOf(name).includes(`perch-watchdog\0${pid}\0`))
    .map(Number);

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

test('a watchdog that was killed is replaced, and ends with Perch', { timeout: PATIENCE_MS }, async () => {
  using folder = temporaryFolder();
  const env = { PERCH_WATCHDOG_MS: String(LIMIT_MS) };
  const agent = await startAgent({ config, dataDir: folder.path, env });
  const { pid } = agent.process;
  const first = await until(() => watchdogsOf(pid)[0]);
  process.kill(first, 'SIGKILL');
  await until(() => watchdogsOf(pid).filter((one) => one !== first)[0]);
  await agent[Symbol.asyncDispose]();
  await expect.poll(() => watchdogsOf(pid)).toEqual([]);
});

test('npm start restarts Perch after an endless loop', { timeout: PATIENCE_MS }, async () => {
  using folder = temporaryFolder();
  const [port = 0] = await freePorts(1);
  const file = join(folder.path, 'test.yml');
  const trigger = join(folder.path, 'loop');
  const off = 'rtsp: no\nrtmp: no\nhls: no\nsrt: no\nwebrtc: no\nmdns: no\nmetrics: no\n';
  writeFileSync(file, `address: 127.0.0.1:${port}\n${off}${config}`);
  const env = { NODE_OPTIONS: `--import=${LOOPER}`, LOOPS_WHEN: trigger, PERCH_WATCHDOG_MS: String(LIMIT_MS) };
  const running = startProcess(join(ROOT, 'start.sh'), ['--data', folder.path, file], env);
  try {
    const starts = () => running.output().split('Perch is at').length - 1;
    await until(() => (starts() === 1 ? true : undefined));
    writeFileSync(trigger, 'loop');
    await until(() => (starts() === 2 ? true : undefined));
    expect(running.output()).toContain('Perch was killed');
  } finally {
    expect(await running.stop('SIGTERM')).toBe(0);
  }
});
