import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../base/log.ts';
import { isReadByAll, OpenFileWarning } from './file.ts';

test.for([
  [0o644, true],
  [0o604, true],
  [0o640, false],
  [0o600, false],
] as const)('whether every user can read a file with mode %o: %s', async ([mode, expected]) => {
  const folder = await mkdtemp(join(tmpdir(), 'perch-open-file-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'perch.yml');
  await writeFile(file, 'paths: {}\n');
  await chmod(file, mode);
  expect(await isReadByAll(file)).toBe(expected);
  expect(await isReadByAll(`${file}.gone`)).toBe(false);
  expect(await isReadByAll(undefined)).toBe(false);
});

test('the warning is given once, with the remedy', () => {
  const lines: string[] = [];
  const warning = new OpenFileWarning(createLogger('info', (line) => lines.push(line)));
  expect(warning.warn("/the box's.yml")).toMatch(
    /^every user of this box can read .*: chmod 600 '\/the box'\\''s\.yml'$/,
  );
  expect(warning.warn("/the box's.yml")).toBeUndefined();
  expect(lines.filter((line) => line.includes('chmod 600'))).toHaveLength(1);
});
