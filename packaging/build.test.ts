import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

test('a Node for an update that is not asked for is refused before anything is made', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-build-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const out = join(folder, 'packages');
  const words = [join(import.meta.dirname, 'build.ts'), '--with-node', '--quick', '--out', out];
  const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  expect({ stdout, stderr, status, isMade: existsSync(out) }).toEqual({
    stdout: '',
    stderr: '--with-node puts Node into an update, and none is made without --sign KEYFILE\n',
    status: 1,
    isMade: false,
  });
});
