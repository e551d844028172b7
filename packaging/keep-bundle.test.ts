import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { keepBundle } from './keep-bundle.ts';

const ROOT = join(import.meta.dirname, '..');
const DAY_S = 24 * 3_600;
const DAYS_40_AGO = new Date(Date.now() - 40 * DAY_S * 1_000);

function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'perch-keep-')));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function run(script: string, words: readonly string[]): void {
  const { stderr, status } = spawnSync(process.execPath, [script, ...words], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, expect.not.stringContaining('Error')]);
}

test('the bundle that Perch may run from is kept from its replacement on; others and leftover links are deleted after 30 days. The same sources make the same bundle, of which a file that a power cut has emptied is written again', async () => {
  const folder = temporaryFolder();
  for (const name of ['running', 'older']) {
    mkdirSync(join(folder, name));
  }
  symlinkSync(join(folder, 'running'), join(folder, 'current'));
  symlinkSync(join(folder, 'nowhere'), join(folder, 'current-1'));
  for (const name of ['running', 'older', 'current-1']) {
    lutimesSync(join(folder, name), DAYS_40_AGO, DAYS_40_AGO);
  }
  run(join(import.meta.dirname, 'keep-bundle.ts'), [folder, '720']);
  const current = realpathSync(join(folder, 'current'));
  expect(readdirSync(folder).map((name) => join(folder, name))).toEqual(
    [current, join(folder, 'current'), join(folder, 'running')].sort(),
  );
  expect(dirname(current)).toBe(folder);

  const program = join(current, 'agent/perch.cjs');
  const { size } = statSync(program);
  truncateSync(program);
  // Its name is a hash of its bytes.
  expect(realpathSync(await keepBundle(folder, DAY_S * 1_000))).toBe(current);
  expect(statSync(program).size).toBe(size);
});

test('start.mjs names files of the project', () => {
  const named = readFileSync(join(ROOT, 'start.mjs'), 'utf8').matchAll(/'((?:packaging|docs)\/[^']+)'/g);
  const files = [...named].map(([, file = '']) => file);
  expect(files).toContain('packaging/bundle.ts');
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

/** A clone with start.mjs, whose packages and page are there, and whose bundler writes `perch.cjs` and counts its runs. */
function clone() {
  const root = temporaryFolder();
  const write = (file: string, content: string) => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), content);
  };
  copyFileSync(join(ROOT, 'start.mjs'), join(root, 'start.mjs'));
  for (const file of [
    'agent/main.ts',
    'system/a.ts',
    'webui/build.ts',
    'packaging/bundle.ts',
    'docs/guide/access/remote-access.md',
    'tsconfig.json',
  ]) {
    write(file, '');
  }
  write('package.json', '{"type":"module"}');
  write('package-lock.json', '{}');
  write('node_modules/.perch-lock', createHash('sha256').update('package-lock.json\0{}\0').digest('hex'));
  const bundler = `
    import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
    const agent = process.argv[2] + '/current/agent';
    mkdirSync(agent, { recursive: true });
    writeFileSync(agent + '/perch.cjs', 'perch');
    appendFileSync('bundled', 'x');
  `;
  write('packaging/keep-bundle.ts', bundler);
  return {
    program: join(root, 'node_modules/.cache/agent/current/agent/perch.cjs'),
    changeBundler: () => write('packaging/keep-bundle.ts', `${bundler}\n`),
    /** @returns how often the program has been bundled */
    prepare: () => {
      run(join(root, 'start.mjs'), ['--prepare']);
      return readFileSync(join(root, 'bundled'), 'utf8').length;
    },
  };
}

test('start.mjs bundles the program again when it is missing or empty, or when the bundler has changed', () => {
  const { program, changeBundler, prepare } = clone();
  expect([prepare(), prepare()]).toEqual([1, 1]);
  truncateSync(program);
  expect([prepare(), prepare()]).toEqual([2, 2]);
  rmSync(program);
  expect([prepare(), prepare()]).toEqual([3, 3]);
  changeBundler();
  expect([prepare(), prepare()]).toEqual([4, 4]);
});
