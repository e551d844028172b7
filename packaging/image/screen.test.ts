import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

/** @param perch what `perch claim --link` does @returns what runs the script, and the file that the screen shows */
function screen() {
  const root = mkdtempSync(join(tmpdir(), 'perch-screen-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'bin'));
  const program = (name: string, script: string) =>
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  program('agetty', `echo "$@" >> ${root}/reloaded`);
  const source = readFileSync(join(import.meta.dirname, 'root/usr/lib/perch-image/screen'), 'utf8');
  writeFileSync(
    join(root, 'screen'),
    source.replace('/usr/bin/perch', `${root}/bin/perch`).replace('/run/perch-image', root),
  );
  const issue = join(root, 'screen.issue');
  const run = (perch: string) => {
    program('perch', perch);
    const env = { PATH: `${join(root, 'bin')}:/usr/bin:/bin` };
    const { stdout, stderr, status } = spawnSync('sh', [join(root, 'screen')], { env, encoding: 'utf8' });
    return { stdout, stderr, status, reloads: readFileSync(join(root, 'reloaded'), 'utf8').split('\n').length - 1 };
  };
  return { issue, run };
}

test('the setup code is shown on the consoles only, and removed once the box has an owner', () => {
  const { issue, run } = screen();
  expect(run('echo "the link, not for the journal"')).toEqual({ stdout: '', stderr: '', status: 0, reloads: 1 });
  expect(readFileSync(issue, 'utf8')).toBe('the link, not for the journal\n');
  expect(statSync(issue).mode & 0o777).toBe(0o600);
  expect(run('echo a part; echo it has an owner >&2; exit 1')).toEqual({
    stdout: '',
    stderr: '',
    status: 0,
    reloads: 2,
  });
  expect([existsSync(issue), existsSync(`${issue}.new`)]).toEqual([false, false]);
});
