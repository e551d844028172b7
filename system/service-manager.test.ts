import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../test/support/base/fake-clock.ts';
import { feedWatchdog, findServiceManager, isService } from './service-manager.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-notify-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const heard = () => {
  try {
    return readFileSync(join(folder, 'heard'), 'utf8');
  } catch {
    return '';
  }
};

/** As systemd passes files: numbered from 3, with names; `fd` is the one named notify. */
function passedOn(fd: number, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const names = Array.from({ length: fd - 2 }, (_, at) => (at === fd - 3 ? 'notify' : `other${at}`));
  return { LISTEN_PID: '77', LISTEN_FDS: String(names.length), LISTEN_FDNAMES: names.join(':'), ...more };
}

test('the socket opened by systemd is written to', () => {
  const fd = openSync(join(folder, 'heard'), 'a');
  const manager = findServiceManager(passedOn(fd), 77);
  manager.ready('8 cameras,\nall there');
  manager.alive();
  manager.stopping();
  closeSync(fd);
  expect(heard()).toBe('READY=1\nSTATUS=8 cameras, all thereWATCHDOG=1STOPPING=1');
});

test('before that, systemd-notify is started with a minimal environment', async () => {
  const program = join(folder, 'systemd-notify');
  writeFileSync(program, `#!/bin/sh\necho "$NOTIFY_SOCKET" "$SECRET" "$@" >> ${folder}/heard\n`);
  chmodSync(program, 0o755);
  const env = { PATH: `${folder}:${process.env['PATH']}`, NOTIFY_SOCKET: '/run/somewhere', SECRET: 'secret' };
  findServiceManager(env).ready('serving');
  await expect.poll(heard).toBe('/run/somewhere  READY=1 STATUS=serving\n');
});

test.each([
  ['nothing', {}],
  ['files for another process', { LISTEN_PID: '76', LISTEN_FDS: '1', LISTEN_FDNAMES: 'notify' }],
  ['files of other names', { LISTEN_PID: '77', LISTEN_FDS: '1', LISTEN_FDNAMES: 'http' }],
  ['more names than files', { LISTEN_PID: '77', LISTEN_FDS: '1', LISTEN_FDNAMES: 'http:notify' }],
])('with %s in the environment no service manager is found', (_, env) => {
  const manager = findServiceManager({ ...env, WATCHDOG_USEC: '30000000' }, 77);
  manager.ready('serving');
  manager.alive();
  expect(manager.watchdogMs).toBeUndefined();
});

test.each([
  [{ WATCHDOG_USEC: '30000000' }, 30_000],
  [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '77' }, 30_000],
  [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '76' }, undefined],
  [{ WATCHDOG_USEC: 'often' }, undefined],
  [{}, undefined],
])('%j waits for a sign of life for %s ms', (more, ms) => {
  expect(findServiceManager({ NOTIFY_SOCKET: '/run/somewhere', ...more }, 77).watchdogMs).toBe(ms);
});

test('watchdog pings are sent twice per timeout, and not while a component is dead', async () => {
  const clock = new FakeClock();
  const fd = openSync(join(folder, 'heard'), 'a');
  const manager = findServiceManager(passedOn(fd, { WATCHDOG_USEC: '30000000' }), 77);
  let isWell = true;
  feedWatchdog(manager, clock.every.bind(clock), () => isWell);
  const signs = () => heard().split('WATCHDOG=1').length - 1;
  await clock.advance(60_000);
  expect(signs()).toBe(4);
  isWell = false;
  await clock.advance(60_000);
  expect(signs()).toBe(4);
  isWell = true;
  await clock.advance(15_000);
  expect(signs()).toBe(5);
  closeSync(fd);
});

test('a manager that waits for no signs of life gets none', async () => {
  const clock = new FakeClock();
  const fd = openSync(join(folder, 'heard'), 'a');
  feedWatchdog(findServiceManager(passedOn(fd), 77), clock.every.bind(clock), () => true);
  await clock.advance(60_000);
  expect([heard(), clock.sleeping]).toEqual(['', 0]);
  closeSync(fd);
});

test('child processes do not inherit the notification socket', () => {
  const env: NodeJS.ProcessEnv = {
    ...passedOn(9),
    NOTIFY_SOCKET: '/run/x',
    WATCHDOG_USEC: '1',
    WATCHDOG_PID: '77',
    HOME: '/',
  };
  findServiceManager(env, 77);
  expect(env).toEqual({ HOME: '/' });
});

test('a service manager that has exited causes no error', () => {
  writeFileSync(join(folder, 'heard'), '');
  // Not writable, like a socket whose peer is gone.
  const fd = openSync(join(folder, 'heard'), 'r');
  const manager = findServiceManager(passedOn(fd), 77);
  expect(() => manager.alive()).not.toThrow();
  closeSync(fd);
  expect(() => findServiceManager({ NOTIFY_SOCKET: '/run/x', PATH: folder }).alive()).not.toThrow();
});

test.for([
  ['a service', { INVOCATION_ID: 'a', SYSTEMD_EXEC_PID: '70' }, true],
  ['a service whose program starts Perch', { INVOCATION_ID: 'a', SYSTEMD_EXEC_PID: '60' }, true],
  ['a service of systemd before 248', { INVOCATION_ID: 'a' }, true],
  ['a shell of a desktop, which is a service', { INVOCATION_ID: 'a', SYSTEMD_EXEC_PID: '50' }, false],
  ['a shell', {}, false],
] as const)('systemd restarts Perch in %s: %o', ([, env, isRestarted]) => {
  expect(isService(env, [70, 60])).toBe(isRestarted);
});
