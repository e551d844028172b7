import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

/** Runs the first program, with programs that only log their start. */
function handOver(ill?: string) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-init-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'bin'));
  for (const name of ['mount', 'chroot', 'switch_root', 'sleep', 'reboot']) {
    const end = name === 'reboot' ? 'kill -KILL $PPID' : `exit ${name === ill ? 1 : 0}`;
    const script = `#!/bin/sh\necho "${name} $*" >> ${folder}/asked\n${end}\n`;
    writeFileSync(join(folder, 'bin', name), script, { mode: 0o755 });
  }
  const init = readFileSync(join(import.meta.dirname, 'init'), 'utf8');
  const script = init.slice(init.indexOf('\nif ! mount -t ext4'));
  const env = { PATH: `${folder}/bin:/usr/bin:/bin` };
  const { stdout } = spawnSync('sh', ['-c', `device=/dev/card\n${script}`], { encoding: 'utf8', env });
  const asked = readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n');
  return { stdout, asked: asked.filter((line) => !line.startsWith('mount ')) };
}

test('the preparation runs in the system, and the system is started', () => {
  expect(handOver()).toEqual({
    stdout: '',
    asked: ['chroot /root /usr/lib/perch-image/early /dev/card', 'switch_root /root /sbin/init'],
  });
});

test.for([
  ['mount', /^Perch: the system on \/dev\/card cannot be read: .* Restarting\.\n$/],
  ['chroot', /^Perch: the data on the disk of \/dev\/card cannot be used: .* Restarting\.\n$/],
] as const)('where %s fails the screen says so, and nothing is started that could keep nothing', ([ill, said]) => {
  const { stdout, asked } = handOver(ill);
  expect(stdout).toMatch(said);
  expect(asked.filter((line) => !line.startsWith('chroot '))).toEqual(['sleep 30', 'reboot -f']);
});
