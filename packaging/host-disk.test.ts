import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const SOURCE = join(import.meta.dirname, 'linux');
const ID = '0123456789abcdef0123456789abcdef';

/** The service with other folders, and stand-ins for system programs that only record their calls. */
function service() {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'perch-disk-')));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const folder of ['bin', 'lib', 'state/requests', 'host', 'units', 'mnt/usb', 'elsewhere']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  const place = (name: string, to: string) => {
    const moved = readFileSync(join(SOURCE, name), 'utf8')
      .replaceAll('/usr/lib/perch/host/', `${root}/lib/`)
      .replaceAll('/var/lib/perch', `${root}/state`)
      .replaceAll('/run/perch-host/', `${root}/host/`)
      .replaceAll('/etc/systemd/system', `${root}/units`)
      .replaceAll('/mnt/', `${root}/mnt/`);
    writeFileSync(join(root, to), moved, { mode: 0o755 });
  };
  place('host-request', 'lib/request');
  place('host-disk', 'lib/disk');
  const stand = (name: string, script: string) => {
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(root, 'bin', name), 0o755);
  };
  // The last word, wherever its links lead.
  stand('chown', `for it; do :; done; realpath "$it" >> ${root}/given`);
  stand('stat', 'echo perch directory');
  for (const name of ['mountpoint', 'sync']) {
    stand(name, 'exit 0');
  }
  for (const name of ['systemctl', 'sleep']) {
    stand(name, `echo "${name} $*" >> ${root}/asked`);
  }
  const read = (name: string) => (existsSync(join(root, name)) ? readFileSync(join(root, name), 'utf8') : '');
  return {
    ...{ root, stand, read },
    /** @returns its answer; undefined: it gave none */
    run: (request: object) => {
      writeFileSync(join(root, 'state/requests/disk.json'), `${JSON.stringify(request)}\n`);
      try {
        const env = { PATH: `${root}/bin:/usr/bin:/bin` };
        execFileSync('sh', [join(root, 'lib/disk')], { env, stdio: 'pipe' });
      } catch {
        return undefined;
      }
      const answer = read('host/disk.json');
      return answer === '' ? undefined : JSON.parse(answer);
    },
  };
}

test('Perch gets its own folder on the disk, and its sandbox allows the disk', () => {
  const { root, run, read } = service();
  expect(run({ id: ID, folder: `${root}/mnt/usb`, kept: [] })).toMatchObject({ id: ID, ok: true });
  expect(read('given')).toBe(`${root}/mnt/usb/perch\n`);
  expect(read('units/perch.service.d/recordings.conf')).toContain(`\nReadWritePaths="-${root}/mnt/usb"\n`);
  expect(read('asked')).toContain('systemctl --no-block restart perch.service');
});

test('a disk is opened although another one hangs, without waiting for its writes', () => {
  const { root, run, stand } = service();
  stand('sync', `[ "$*" = "-f ${root}/units/perch.service.d" ]`);
  expect(run({ id: ID, folder: `${root}/mnt/usb`, kept: [] })).toMatchObject({ id: ID, ok: true });
});

test.for([
  ['a folder that is no disk', 'elsewhere'],
  ['a folder above disks', 'mnt/usb/..'],
  ['a name that systemd would expand', 'mnt/%h'],
] as const)('%s is refused', ([, folder]) => {
  const { root, run, read } = service();
  mkdirSync(join(root, 'mnt/%h'));
  expect(run({ id: ID, folder: `${root}/${folder}`, kept: [] })).toMatchObject({ id: ID, ok: false });
  expect(read('given')).toBe('');
  expect(existsSync(join(root, 'units/perch.service.d'))).toBe(false);
});

test('a link in the place of the folder is rejected', () => {
  const { root, run, read } = service();
  symlinkSync(join(root, 'elsewhere'), join(root, 'mnt/usb/perch'));
  expect(run({ id: ID, folder: `${root}/mnt/usb`, kept: [] })).toMatchObject({ ok: false });
  expect(read('given')).toBe('');
});

test('a link that replaces the folder at the last moment exposes nothing else', () => {
  const { root, run, read, stand } = service();
  stand(
    'mkdir',
    `/bin/mkdir "$@"; for it; do :; done
case "$it" in */usb/perch) rmdir "$it"; ln -s ${root}/elsewhere "$it" ;; esac`,
  );
  expect(run({ id: ID, folder: `${root}/mnt/usb`, kept: [] })).toMatchObject({ ok: false });
  expect(read('given')).not.toContain('elsewhere');
});

test('a request that cannot be removed is not tried again at once', () => {
  const { root, run, read, stand } = service();
  stand('rm', 'exit 1');
  expect(run({ id: ID, folder: `${root}/mnt/usb`, kept: [] })).toBeUndefined();
  expect(read('asked')).toBe('sleep 5\n');
});
