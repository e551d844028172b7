import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const run = readFileSync(join(import.meta.dirname, '../packaging/linux/run'), 'utf8');
const saveMemory = join(import.meta.dirname, 'memory.ts');
const source = readFileSync(saveMemory, 'utf8');

/** A process whose flags and environment may be changed. */
const ran = (script: string, env: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, ['--no-warnings', '--input-type=module', '--eval', script], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });

test('V8 knows each of the flags: it says so aloud when it does not', () => {
  const unknown = ran(`import { setFlagsFromString } from 'node:v8'; setFlagsFromString('--no-such-flag=1');`);
  expect(unknown.stderr).toContain('no-such-flag');
  const known = ran(`import { optimizeForMedia, saveMemory } from '${saveMemory}'; saveMemory(); optimizeForMedia();`);
  expect(known).toMatchObject({ status: 0, stderr: '' });
});

test('for media functions are optimized after as many calls as V8 itself waits for', () => {
  const { stdout } = spawnSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  const counts = Array.from(source.matchAll(/'(invocation-count-for-[\w-]+)': ([\d_]+)/g), ([, name, count]) => [
    name,
    Number(count?.replaceAll('_', '')),
  ]);
  expect(counts).toHaveLength(4);
  for (const [name, count] of counts) {
    expect(stdout).toContain(`default: --${name}=${count}\n`);
  }
});

test('Node starts with each of the flags that the package gives it, and none of them undoes another', () => {
  const flags = /^exec node (.*) \S+\.cjs /m.exec(run)?.[1]?.split(' ') ?? [];
  expect(flags).not.toEqual([]);
  const { status, stdout } = spawnSync(process.execPath, [...flags, '--print-flag-values', '--eval', '0'], {
    encoding: 'utf8',
  });
  expect(status).toBe(0);
  const taken = new Set(stdout.split(/\s+/));
  expect(flags.filter((flag) => !taken.has(flag))).toEqual([]);
});

test('programs that Perch starts have memory as ever: what the package sets for Node alone does not reach them', () => {
  const set = Object.fromEntries(Array.from(run.matchAll(/(MALLOC_\w+)=(\d+)/g), ([, name, value]) => [name, value]));
  expect(Object.keys(set)).not.toEqual([]);
  const told = `import { saveMemory } from '${saveMemory}'; saveMemory(); console.log(JSON.stringify(process.env));`;
  const left = JSON.parse(ran(told, { ...set, KEPT: 'yes' }).stdout);
  expect(left).toMatchObject({ KEPT: 'yes' });
  expect(Object.keys(left).filter((name) => name.startsWith('MALLOC_'))).toEqual([]);
});
