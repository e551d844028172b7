import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../test/support/disks/recordings.ts';

const MODULE = join(import.meta.dirname, 'compiled-code.ts');
/** One that Perch sets while it runs. */
const FLAG = '--heap-growing-percent=20';
/** Prints V8's version with its flags, before and after that. */
const TAGS = `const v8 = require('node:v8');
const before = v8.cachedDataVersionTag();
v8.setFlagsFromString('${FLAG}');
console.log(JSON.stringify([before, v8.cachedDataVersionTag()]));`;

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
  const kept = () =>
    (existsSync(join(cache, 'perch')) ? readdirSync(join(cache, 'perch')) : []).map((name) =>
      join(cache, 'perch', name),
    );
  return { scripts, cache, write, run, kept };
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

test('functions that have run are kept, others are not', () => {
  using folder = temporaryFolder();
  const { scripts, write, run, kept } = program(folder.path);
  write('wren');
  const body = Array.from({ length: 200 }, (_, i) => `if (a === ${i}) { return 'wren ${i}'; }`).join(' ');
  const sizeWith = (call: string) => {
    writeFileSync(join(scripts, 'second.cjs'), `function long(a) { ${body} } exports.word = () => ${call};`);
    run();
    return statSync(kept().find((file) => file.includes('second')) ?? '').size;
  };
  expect(sizeWith('long(7)')).toBeGreaterThan(2 * sizeWith('long.name'));
});

test('code is for the flags with which its script was loaded, whichever are in force when it is written', () => {
  using folder = temporaryFolder();
  const { scripts, cache, write, kept } = program(folder.path);
  write('wren');
  const start = `
    import { createRequire } from 'node:module';
    import { optimizeForMedia, saveMemory } from ${JSON.stringify(join(import.meta.dirname, 'memory.ts'))};
    import { keepCompiledCode } from ${JSON.stringify(MODULE)};
    saveMemory();
    keepCompiledCode(${JSON.stringify(scripts)}, ${JSON.stringify(cache)});
    const require = createRequire(${JSON.stringify(join(scripts, 'start.cjs'))});
    require('./first.cjs');
    optimizeForMedia();
    require('./later.cjs');`;
  writeFileSync(join(scripts, 'later.cjs'), 'exports.word = () => 1;');
  const args = ['--no-warnings', '--input-type=module', '--eval', start];
  for (let times = 0; times < 2; times += 1) {
    expect(spawnSync(process.execPath, args, { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
    expect(kept()).toHaveLength(3);
    // The second start takes it, and writes nothing.
    expect(kept().map((file) => times === 0 || statSync(file).mtimeMs === 1_000)).toEqual([true, true, true]);
    for (const file of kept()) {
      utimesSync(file, 1, 1);
    }
  }
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

test('code is written while the program runs, also that of scripts loaded later; that of former scripts and versions is deleted, but not that for former flags of V8', async () => {
  using folder = temporaryFolder();
  const { scripts, cache, write, kept } = program(folder.path);
  write('wren');
  writeFileSync(join(scripts, 'later.cjs'), 'exports.word = () => 1;');
  mkdirSync(join(cache, 'perch'), { recursive: true });
  const [tag = 0, laterTag = 0] = JSON.parse(execFileSync(process.execPath, ['--eval', TAGS], { encoding: 'utf8' }));
  expect(laterTag).not.toBe(tag);
  const old = [`gone.cjs.${tag}`, `first.cjs.${tag + 1}`, `first.cjs.${tag}.1234`];
  for (const name of old) {
    writeFileSync(join(cache, 'perch', name), 'old');
  }
  const start = `
    import { createRequire } from 'node:module';
    import { setFlagsFromString } from 'node:v8';
    import { keepCompiledCode } from ${JSON.stringify(MODULE)};
    keepCompiledCode(${JSON.stringify(scripts)}, ${JSON.stringify(cache)}, 50);
    const require = createRequire(${JSON.stringify(join(scripts, 'start.cjs'))});
    require('./first.cjs');
    process.stdin
      .once('data', () => {
        setFlagsFromString('${FLAG}');
        require('./later.cjs');
      })
      .once('end', () => process.exit(0));`;
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '--eval', start]);
  const exited = once(child, 'exit');
  const paths = (...names: string[]) => names.map((name) => join(cache, 'perch', name));
  const first = [`first.cjs.${tag}`, `second.cjs.${tag}`] as const;
  try {
    await expect.poll(() => kept().toSorted(), { timeout: 10_000 }).toEqual(paths(...first));
    child.stdin.write('\n');
    await expect
      .poll(() => kept().toSorted(), { timeout: 10_000 })
      .toEqual(paths(first[0], `later.cjs.${laterTag}`, first[1]));
    // What was written is no longer in memory.
    rmSync(join(cache, 'perch'), { recursive: true });
    child.stdin.end();
    expect(await exited).toEqual([0, null]);
    expect(kept()).toEqual([]);
  } finally {
    child.kill('SIGKILL');
  }
});

test('an error names the column of the script, with and without kept code', () => {
  using folder = temporaryFolder();
  const { scripts, write, run } = program(folder.path);
  write('wren');
  const source = "const [, at] = new Error('x').stack.split('\\n'); exports.word = () => at.split('/').at(-1);";
  writeFileSync(join(scripts, 'second.cjs'), source);
  const expected = `second.cjs:1:${source.indexOf('new Error') + 1}`;
  expect([run(), run()]).toEqual([expect.stringContaining(expected), expect.stringContaining(expected)]);
});
