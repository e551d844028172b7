import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SHIPPED_ENV, SHIPPED_FLAGS } from '../test/support/base/shipped-run.ts';
import { CALLS_FOR_MEDIA, CALLS_WITHOUT_MEDIA } from './memory.ts';

const saveMemory = join(import.meta.dirname, 'memory.ts');

/** A process whose flags and environment may be changed. */
const ran = (script: string, env: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, ['--no-warnings', '--input-type=module', '--eval', script], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });

test('V8 accepts each of the flags: it reports an unknown one', () => {
  const unknown = ran(`import { setFlagsFromString } from 'node:v8'; setFlagsFromString('--no-such-flag=1');`);
  expect(unknown.stderr).toContain('no-such-flag');
  const known = ran(`import { optimizeForMedia, saveMemory } from '${saveMemory}'; saveMemory(); optimizeForMedia();`);
  expect(known).toMatchObject({ status: 0, stderr: '' });
});

test('functions are optimized sooner than by V8 itself with media, and later without', () => {
  const { stdout } = spawnSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  const byItself = (name: string) => Number(new RegExp(`default: --${name}=(\\d+)\n`).exec(stdout)?.[1]);
  for (const [name, calls] of Object.entries(CALLS_FOR_MEDIA)) {
    expect(calls, name).toBeLessThan(byItself(name));
  }
  for (const [name, calls] of Object.entries(CALLS_WITHOUT_MEDIA)) {
    expect(calls, name).toBeGreaterThan(byItself(name));
  }
});

test('Node starts with each flag of the package, and none reverts another', () => {
  // The others are V8's, which prints their values.
  const flags = SHIPPED_FLAGS.filter((flag) => !flag.startsWith('--disable-warning='));
  expect(flags).not.toEqual([]);
  const { status, stdout } = spawnSync(process.execPath, [...SHIPPED_FLAGS, '--print-flag-values', '--eval', '0'], {
    encoding: 'utf8',
  });
  expect(status).toBe(0);
  const taken = new Set(stdout.split(/\s+/));
  expect(flags.filter((flag) => !taken.has(flag))).toEqual([]);
});

test('programs that Perch starts do not inherit the memory settings for Node', () => {
  expect(Object.keys(SHIPPED_ENV)).not.toEqual([]);
  const program = `import { saveMemory } from '${saveMemory}'; saveMemory(); console.log(JSON.stringify(process.env));`;
  const left = JSON.parse(ran(program, { ...SHIPPED_ENV, KEPT: 'yes' }).stdout);
  expect(left).toMatchObject({ KEPT: 'yes' });
  expect(Object.keys(left).filter((name) => name.startsWith('MALLOC_'))).toEqual([]);
});
