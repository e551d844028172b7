import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../test/support/disks/recordings.ts';

const MODULE = join(import.meta.dirname, 'compiled-code.ts');

/** A program in two scripts, and where their code is kept. */
function program(folder: string) {
  const scripts = join(folder, 'scripts');
  const cache = join(folder, 'cache');
  mkdirSync(scripts);
  const start = `
    import { createRequire } from 'node:module';
    import { keepCompiledCode } from ${JSON.stringify(MODULE)};
    keepCompiledCode(${JSON.stringify(scripts)}, ${JSON.stringify(cache)});
    createRequire(import.meta.url)(${JSON.stringify(join(scripts, 'first.cjs'))}).then(console.log);`;
  writeFileSync(
    join(scripts, 'first.cjs'),
    "const { word } = require('./second.cjs');\nmodule.exports = import('node:path').then(({ basename }) => [word(), basename(__filename), basename(__dirname), this === exports]);",
  );
  const write = (word: string) =>
    writeFileSync(join(scripts, 'second.cjs'), `exports.word = function () { return '${word}'; };`);
  const run = () => {
    const args = ['--no-warnings', '--input-type=module', '--eval', start];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout.trim();
  };
  const kept = () => readdirSync(join(cache, 'perch')).map((name) => join(cache, 'perch', name));
  return { write, run, kept };
}

test('code is kept for the next start, which leaves it as it is', () => {
  using folder = temporaryFolder();
  const { write, run, kept } = program(folder.path);
  write('wren');
  expect(run()).toBe("[ 'wren', 'first.cjs', 'scripts', true ]");
  expect(kept()).toHaveLength(2);
  for (const file of kept()) {
    utimesSync(file, 1, 1);
  }
  expect(run()).toContain('wren');
  expect(kept().map((file) => statSync(file).mtimeMs)).toEqual([1_000, 1_000]);
});

test.for(['empty', 'cut', 'changed'])('code that is %s is made again', (kind) => {
  using folder = temporaryFolder();
  const { write, run, kept } = program(folder.path);
  write('wren');
  run();
  const whole = kept().map((file) => readFileSync(file));
  for (const file of kept()) {
    const bytes = readFileSync(file);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] as number) ^ 0xff;
    writeFileSync(file, bytes.subarray(0, kind === 'empty' ? 0 : kind === 'cut' ? middle : bytes.length));
  }
  expect(run()).toContain('wren');
  expect(kept().map((file) => readFileSync(file).length)).toEqual(whole.map(({ length }) => length));
});

test('another script of the same name and length runs as it is written', () => {
  using folder = temporaryFolder();
  const { write, run } = program(folder.path);
  write('wren');
  run();
  write('crow');
  expect(run()).toContain('crow');
});
