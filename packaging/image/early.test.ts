import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { commandLine } from './boot.ts';

const EARLY = join(import.meta.dirname, 'root/usr/lib/perch-image/early');
const IMAGE_NUMBER = '0badcafe';
/** Each changes something, or makes a change possible. */
const STEPS = ['mount', 'dd', 'sfdisk', 'dd', 'mount'];

/** A card with a boot partition and an id; stand-ins replace programs that would touch this machine's disks. */
function card() {
  const folder = mkdtempSync(join(tmpdir(), 'perch-early-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [bin, disk, boot, steps] = ['bin', 'disk', 'boot', 'steps'].map((name) => join(folder, name)) as [
    ...[string, string, string, string],
  ];
  mkdirSync(bin);
  mkdirSync(boot);
  writeFileSync(disk, IMAGE_NUMBER);
  writeFileSync(join(boot, 'cmdline.txt'), commandLine(IMAGE_NUMBER));
  const stand = (name: string, does: string) => {
    const ill = `[ "$(wc -l < ${steps})" -ne "$ILL_STEP" ] || eval "$ILL"`;
    const script = `#!/bin/sh\necho ${name} >> ${steps}\n${ill}\n${does}\n`;
    writeFileSync(join(bin, name), script, { mode: 0o755 });
  };
  stand('mount', '');
  stand('dd', 'exec /bin/dd "$@"');
  // Called with the id as last argument.
  stand('sfdisk', `for number; do :; done; printf %s "\${number#0x}" > ${disk}`);
  const [definitions = ''] = readFileSync(EARLY, 'utf8').split('\ncheck_root\n');
  const call = /^number_disk .*$/m.exec(readFileSync(EARLY, 'utf8'))?.[0];
  const script = `${definitions}\n${call}\n`.replace(/^PATH=/m, `PATH=${bin}:`).replaceAll('/boot/firmware', boot);
  return {
    start: (illStep = 0, ill = '') => {
      rmSync(steps, { force: true });
      const env = { PATH: '/usr/bin:/bin', ILL_STEP: String(illStep), ILL: ill };
      spawnSync('sh', ['-c', script, 'early', '/dev/none'], { env });
      return existsSync(steps) ? readFileSync(steps, 'utf8').trim().split('\n') : [];
    },
    numbers: () => {
      const line = readFileSync(join(boot, 'cmdline.txt'), 'utf8');
      const [, own = '', written = ''] = /root=PARTUUID=(\w{8})-02 perch\.written=(\w{8}) /.exec(line) ?? [];
      expect(line).toBe(commandLine(own).replace(`written=${own}`, `written=${written}`));
      return { own, written, ofDisk: readFileSync(disk, 'utf8') };
    },
  };
}

test('a card gets its own disk id at its first start, and keeps it', () => {
  const { start, numbers } = card();
  expect(start()).toEqual(STEPS);
  const { own } = numbers();
  expect(own).not.toBe(IMAGE_NUMBER);
  expect(numbers()).toEqual({ own, written: '00000000', ofDisk: own });
  expect(start()).toEqual([]);
  expect(numbers()).toEqual({ own, written: '00000000', ofDisk: own });
});

test.for(
  STEPS.flatMap((step, at) => [
    [`${step} (step ${at + 1}) does not succeed`, at + 1, 'exit 1'] as const,
    [`the power is cut before ${step} (step ${at + 1})`, at + 1, 'kill -KILL $PPID; exit'] as const,
  ]),
)('after %s the next start finds the system and continues', ([, at, ill]) => {
  const { start, numbers } = card();
  start(at, ill);
  const { own, written, ofDisk } = numbers();
  // As init searches it: 00000000 belongs to no disk.
  expect([own, written]).toContain(ofDisk);
  start();
  const after = numbers();
  expect(after).toEqual({ own: after.own, written: '00000000', ofDisk: after.own });
});
