import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { setBoxName } from './apply.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-image-'));
  file = join(folder, 'perch.yml');
});
afterEach(() => rmSync(folder, { recursive: true }));

test.for([
  [
    'of a box that has just been made',
    '# Of the page.\nperch: own\naddress: :80\n',
    '# Of the page.\nperch: own\naddress: :80\nboxName: barn\n',
  ],
  ['of a box that has another one', 'boxName: stable # mine\npaths:\n  a:\n', 'boxName: barn # mine\npaths:\n  a:\n'],
] as const)('the name %s is laid into the configuration, and nothing else changes', async ([, before, after]) => {
  writeFileSync(file, before, { mode: 0o660 });
  await setBoxName(file, 'barn');
  expect(readFileSync(file, 'utf8')).toBe(after);
});

test('the configuration keeps its permissions, and no temporary file remains', async () => {
  writeFileSync(file, 'perch: own\n');
  writeFileSync(join(folder, '.perch.yml.tmp'), 'of a start that was cut off');
  const before = statSync(file).mode;
  await setBoxName(file, 'barn');
  expect(statSync(file).mode).toBe(before);
  expect(readdirSync(folder)).toEqual(['perch.yml']);
});

test('an unreadable configuration stays unchanged', async () => {
  writeFileSync(file, 'paths: [\n');
  await expect(setBoxName(file, 'barn')).rejects.toThrow();
  expect(readFileSync(file, 'utf8')).toBe('paths: [\n');
});

test('a pipe in the place of the configuration does not hold up the start', async () => {
  execFileSync('mkfifo', [file]);
  await expect(setBoxName(file, 'barn')).rejects.toThrow('is not a file');
});
