import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startProcess } from '../test/peers/programs/process.ts';
import { SHIPPED_FLAGS } from '../test/support/base/shipped-run.ts';

const SHELLS = [['/usr/bin/dash'], ['/usr/bin/bash'], ['/usr/bin/busybox', 'sh']].filter(([file = '']) =>
  existsSync(file),
);

/** A clone whose start.mjs only names this Node, and whose Perch is this script. */
function cloneOf(program: string, preparing = 'process.stdout.write(process.execPath)'): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'perch-start-')));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const bundle = join(root, 'node_modules/.cache/agent/current');
  mkdirSync(join(bundle, 'agent'), { recursive: true });
  copyFileSync(join(import.meta.dirname, '../start.sh'), join(root, 'start.sh'));
  writeFileSync(join(root, 'start.mjs'), `if (process.argv[2] !== '--prepare') process.exit(9);\n${preparing};\n`);
  writeFileSync(join(bundle, 'agent/perch.cjs'), program);
  return root;
}

describe.each(SHELLS)('%s', (shell, ...applet) => {
  const argsOf = (root: string, words: readonly string[]) => [...applet, join(root, 'start.sh'), ...words];
  const run = (root: string, words: readonly string[] = [], input = '', script = 'start') =>
    spawnSync(shell, argsOf(root, words), {
      input,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], INIT_CWD: root, npm_lifecycle_event: script },
    });

  test('Perch gets the command line, the input, the folder of the user, and the flags of the packages', () => {
    const root = cloneOf(`
      const { readFileSync } = require('node:fs');
      const { NODE_COMPILE_CACHE: cache, UV_THREADPOOL_SIZE: threads, MALLOC_ARENA_MAX: arenas } = process.env;
      const given = [process.argv.slice(2), readFileSync(0, 'utf8'), process.cwd(), process.execArgv, cache, threads, arenas];
      console.log(JSON.stringify(given));
      process.exitCode = 3;`);
    const { stdout, stderr, status } = run(root, ['--data', 'a b', '*'], 'a password\n');
    expect([stderr, status]).toEqual(['', 3]);
    const cache = join(root, 'node_modules/.cache/agent/current/compiled');
    expect(JSON.parse(stdout)).toEqual([['--data', 'a b', '*'], 'a password\n', root, SHIPPED_FLAGS, cache, '12', '1']);
  });

  test('no other Node runs next to Perch: only the shell waits for it', () => {
    const root = cloneOf(`
      const { readFileSync, readlinkSync } = require('node:fs');
      const [shell, parent] = [process.ppid, '/proc/' + process.ppid];
      const children = readFileSync(parent + '/task/' + shell + '/children', 'utf8').trim();
      console.log(JSON.stringify([readlinkSync(parent + '/exe'), children === String(process.pid)]));`);
    expect(JSON.parse(run(root).stdout)).toEqual([realpathSync(shell), true]);
  });

  test('Perch is restarted when it asks for it, after an uncaught exception and when it was killed, not after other ends', () => {
    const root = cloneOf(`
      const { appendFileSync, readFileSync } = require('node:fs');
      appendFileSync('starts', 'x');
      const code = [85, 70, 85, 137, 0][readFileSync('starts').length - 1];
      code === 137 ? process.kill(process.pid, 'SIGKILL') : process.exit(code);`);
    const { status, stderr } = run(root);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^Perch was killed: .* It starts again\.$/m);
    expect(spawnSync('cat', [join(root, 'starts')], { encoding: 'utf8' }).stdout).toBe('xxxxx');
    expect(run(cloneOf("process.kill(process.pid, 'SIGABRT'); setInterval(() => {}, 1000);")).status).toBe(128 + 6);
  });

  test('a command of npm run perch that was killed is not started again', () => {
    const root = cloneOf("console.log('started'); process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000);");
    const { stdout, status } = run(root, ['reindex'], '', 'perch');
    expect([stdout, status]).toEqual(['started\n', 137]);
  });

  test('Perch starts with a closed input', () => {
    const root = cloneOf("console.log(require('node:fs').readFileSync(0).length)");
    const closed = ['-c', 'exec "$@" <&-', 'sh', shell, ...argsOf(root, [])];
    const { stdout, stderr, status } = spawnSync('/bin/sh', closed, { encoding: 'utf8', cwd: root });
    expect([stdout, stderr, status]).toEqual(['0\n', '', 0]);
  });

  test('nothing starts when the preparation fails', () => {
    const { stdout, status } = run(cloneOf("console.log('started')", 'process.exit(5)'));
    expect([stdout, status]).toEqual(['', 5]);
  });

  test.for(['SIGINT', 'SIGTERM'] as const)(
    '%s is passed on, and ends it even if Perch asks for a restart',
    async (signal) => {
      const root = cloneOf(`
      process.on('SIGHUP', () => console.log('reloaded'));
      process.on('${signal}', () => { console.log('closing'); setTimeout(() => process.exit(85), 100); });
      setInterval(() => {}, 1000);
      console.log('started');`);
      const running = startProcess(shell, argsOf(root, []), { INIT_CWD: root });
      await running.waitFor(/started/);
      running.child.kill('SIGHUP');
      await running.waitFor(/reloaded/);
      running.child.kill('SIGHUP');
      await running.waitFor(/reloaded\nreloaded/);
      expect(await running.stop(signal)).toBe(85);
      expect(running.output()).toBe('started\nreloaded\nreloaded\nclosing\n');
    },
  );
});
