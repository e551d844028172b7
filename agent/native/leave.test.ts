import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';

const MODULE = join(import.meta.dirname, 'leave.ts');

/** Starts a program with pipes. @param ending its last statement */
function startWith(ending: string) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-leave-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const program = join(folder, 'program.mjs');
  const text = `import { leaveWritten } from ${JSON.stringify(MODULE)};
    console.log('x'.repeat(200_000));
    ${ending}`;
  writeFileSync(program, text);
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program]);
  onTestFinished(() => void child.kill());
  return child;
}

test('a reader that begins late gets the whole output', async () => {
  const child = startWith('await leaveWritten(85);');
  const ended = once(child, 'close');
  await setTimeout(1_500);
  let bytes = 0;
  child.stdout.on('data', (piece: Buffer) => {
    bytes += piece.length;
  });
  child.stderr.resume();
  expect(await ended).toEqual([85, null]);
  expect(bytes).toBe(200_001);
});

test('a reader that takes nothing delays the end by the time that it has, and one that ends delays nothing', async () => {
  const idle = startWith('await leaveWritten(85, 300);');
  expect(await once(idle, 'exit')).toEqual([85, null]);
  const gone = startWith('await leaveWritten(85);');
  const ended = once(gone, 'exit');
  gone.stdout.destroy();
  expect(await ended).toEqual([85, null]);
});

/** Runs `leave(85)` in a process of its own. @param env turns off node:ffi */
function leaveWith(env: NodeJS.ProcessEnv, before = '') {
  const folder = mkdtempSync(join(tmpdir(), 'perch-leave-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const program = join(folder, 'program.mjs');
  writeFileSync(
    program,
    `import { leave } from ${JSON.stringify(MODULE)};
    process.on('exit', (code) => console.log('exit', code));
    setInterval(() => {}, 1_000);
    ${before}
    console.log('x'.repeat(100_000));
    leave(85);`,
  );
  const cache = join(folder, 'cache');
  const flags = ['--disable-warning=ExperimentalWarning', program];
  const options = { env: { ...env, NODE_COMPILE_CACHE: cache }, encoding: 'utf8', timeout: 20_000 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, flags, options);
  return { status, stdout, stderr, cached: readdirSync(cache, { recursive: true }).length };
}

test.for([
  ['with node:ffi', {}],
  ['without it', { PERCH_NO_FFI: '1' }],
] as const)('%s, the process ends with its code, its output, its listeners and its compile cache', ([, env]) => {
  const { status, stdout, stderr, cached } = leaveWith(env);
  expect({ status, stderr }).toEqual({ status: 85, stderr: '' });
  expect(stdout).toBe(`${'x'.repeat(100_000)}\nexit 85\n`);
  expect(cached).toBeGreaterThan(1);
});

test.for([
  ['with node:ffi', {}],
  ['without it', { PERCH_NO_FFI: '1' }],
] as const)('%s, a thread that does not end delays nothing', ([, env]) => {
  // A thread within a system call is not interrupted, and process.exit() waits for it.
  const before = `
    import { Worker } from 'node:worker_threads';
    const worker = new Worker("require('node:worker_threads').parentPort.postMessage(1); require('node:child_process').spawnSync('sleep', ['15'])", { eval: true });
    await new Promise((resolve) => worker.once('message', resolve));
    await new Promise((resolve) => setTimeout(resolve, 200));`;
  const beganMs = performance.now();
  expect(leaveWith(env, before).status).toBe(85);
  expect(performance.now() - beganMs).toBeLessThan(10_000);
});
