import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const SOURCE = join(import.meta.dirname, 'linux/host-drives');
/** Exit status of smartctl: the drive cannot be opened; it sleeps, as the service asks for; it is failing (smartctl(8)). */
const [NOT_OPENED, ASLEEP, FAILING] = [1 << 1, 3, 1 << 3];

/** The service on a machine with these block devices; smartctl is a stand-in. */
function service(...blocks: readonly string[]) {
  const root = mkdtempSync(join(tmpdir(), 'perch-drives-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const folder = join(root, 'host/drives');
  for (const made of ['bin', 'host', ...blocks.map((name) => `blocks/${name}`)]) {
    mkdirSync(join(root, made), { recursive: true });
  }
  const script = readFileSync(SOURCE, 'utf8')
    .replaceAll('/run/perch-host/', `${root}/host/`)
    .replaceAll('/sys/block', `${root}/blocks`);
  return {
    folder,
    unplug: (name: string) => rmSync(join(root, 'blocks', name), { recursive: true }),
    remove: () => rmSync(join(root, 'bin/smartctl')),
    /** smartctl runs these lines, with the drive's path as the last parameter. */
    answers: (lines: string) =>
      writeFileSync(join(root, 'bin/smartctl'), `#!/bin/sh\nfor drive; do :; done\n${lines}\n`, { mode: 0o755 }),
    /** @returns what it logs */
    run: () =>
      execFileSync('sh', ['-c', script], {
        ...{ env: { PATH: `${root}/bin:/usr/bin:/bin` }, stdio: 'pipe', encoding: 'utf8' },
      }),
    read: () => {
      const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
      return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8').trim()]));
    },
  };
}

test('each drive with SMART is read, cards and disks in memory are not', () => {
  const { answers, run, read } = service('sda', 'nvme0n1', 'mmcblk0', 'zram0', 'loop0');
  answers('echo "$drive"');
  run();
  expect(read()).toEqual({ 'sda.json': '/dev/sda', 'nvme0n1.json': '/dev/nvme0n1' });
});

test('a failing drive is read; one that sleeps keeps its former reading', () => {
  const { answers, run, read } = service('sda', 'sdb');
  answers(`echo "before $drive"; exit ${FAILING}`);
  run();
  answers(`echo "after $drive"; [ "$drive" = /dev/sda ] || exit ${ASLEEP}`);
  expect(run()).toBe('');
  expect(read()).toEqual({ 'sda.json': 'after /dev/sda', 'sdb.json': 'before /dev/sdb' });
});

test('a drive that cannot be read has no reading, not even that of the one before it, and the log says why once', () => {
  const { answers, run, read } = service('sda');
  answers('echo good');
  run();
  answers(`echo '{"smartctl":{"messages":[{"string":"Unknown USB bridge","severity":"error"}]}}'; exit ${NOT_OPENED}`);
  expect(run()).toBe('perch: the health of /dev/sda cannot be read: Unknown USB bridge\n');
  expect(read()).toEqual({});
  expect(run()).toBe('');
  answers('echo good');
  run();
  expect(read()).toEqual({ 'sda.json': 'good' });
});

test('the reading of an unplugged drive is removed, and all are with the program', () => {
  const { answers, run, read, unplug, remove } = service('sda', 'sdb');
  answers('echo "$drive"');
  run();
  unplug('sdb');
  run();
  expect(read()).toEqual({ 'sda.json': '/dev/sda' });
  remove();
  run();
  expect(read()).toEqual({});
});

test('a slow drive does not delay the others, and endless output is not kept', () => {
  const { answers, run, read } = service('sda', 'sdb', 'sdc');
  // The first waits for the last.
  answers(`case $drive in
*a) while [ ! -e "\${0%/bin/*}/host/drives/sdc.json" ]; do sleep 0.01; done; echo a ;;
*b) exec head -c 100000 /dev/zero ;;
*c) echo c ;;
esac`);
  run();
  expect(read()).toEqual({ 'sda.json': 'a', 'sdc.json': 'c' });
});

test('a drive that still hangs is not read again meanwhile', async () => {
  const { folder, answers, run, read } = service('sda', 'sdb');
  answers('echo "$drive"');
  mkdirSync(folder);
  const hanging = spawn('flock', [join(folder, 'sda.new'), 'sh', '-c', 'echo hangs; cat'], { stdio: 'pipe' });
  await once(hanging.stdout, 'data');
  run();
  expect(read()).toEqual({ 'sdb.json': '/dev/sdb' });
  hanging.stdin.end();
  await once(hanging, 'exit');
  run();
  expect(read()).toEqual({ 'sda.json': '/dev/sda', 'sdb.json': '/dev/sdb' });
});

test('a machine without such drives has no readings', () => {
  const { answers, run, read } = service();
  answers('echo "$drive"');
  run();
  expect(read()).toEqual({});
});
