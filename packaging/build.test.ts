import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

test('--with-node without --sign is rejected before the build', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-build-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const out = join(folder, 'packages');
  const words = [join(import.meta.dirname, 'build.ts'), '--with-node', '--quick', '--out', out];
  const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  expect({ stdout, stderr, status, isMade: existsSync(out) }).toEqual({
    stdout: '',
    stderr: '--with-node adds Node to an update, which needs --sign KEYFILE\n',
    status: 1,
    isMade: false,
  });
});
