import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { holdDataFolder } from './data-folder.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-data-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('a folder is made when it is missing and is free again after its release', () => {
  const path = join(folder, 'deep', 'er');
  holdDataFolder(path).release();
  const again = holdDataFolder(path);
  expect(again.path).toBe(path);
  again.release();
});

test('a second holder gets an error with the first one and the next step', () => {
  const first = holdDataFolder(folder);
  expect(() => holdDataFolder(folder)).toThrow(`in use by another Perch (process ${process.pid}): stop it (`);
  first.release();
});

test('a full disk does not keep Perch from its folder, nor from saying that another one has it', () => {
  symlinkSync('/dev/full', join(folder, 'perch.pid'));
  const first = holdDataFolder(folder);
  rmSync(join(folder, 'perch.pid'));
  writeFileSync(join(folder, 'perch.pid'), '');
  expect(() => holdDataFolder(folder)).toThrow('in use by another Perch: stop it (');
  first.release();
});

test('a process that was killed leaves the folder free', async () => {
  const module = pathToFileURL(join(import.meta.dirname, 'data-folder.ts')).href;
  const script = `import { holdDataFolder } from ${JSON.stringify(module)};
    holdDataFolder(${JSON.stringify(folder)}); gc(); setTimeout(() => { gc(); process.stdout.write('held'); }, 10); setInterval(() => {}, 1000);`;
  const child = spawn(
    process.execPath,
    ['--expose-gc', '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  using _end = { [Symbol.dispose]: () => child.kill('SIGKILL') };
  await once(child.stdout, 'data');
  expect(() => holdDataFolder(folder)).toThrow(`process ${child.pid}`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  holdDataFolder(folder).release();
});

test('a path that is a file is rejected with a message', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(() => holdDataFolder(file)).toThrow(`the data folder ${file} cannot be created`);
});
