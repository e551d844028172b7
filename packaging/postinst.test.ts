import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

/** The package on a machine with systemd, with other folders and stand-ins for programs that only record their calls. */
function machine() {
  const root = mkdtempSync(join(tmpdir(), 'perch-postinst-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const folder of [
    'bin',
    'etc/perch',
    'proc/sys/net/core',
    'run/systemd/system',
    'run/perch-host',
    'usr/lib/systemd',
    'usr/share/perch',
    'var/lib/perch-update',
  ]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  mkdirSync(join(root, 'usr/lib/perch/webui/dist'), { recursive: true });
  writeFileSync(join(root, 'usr/share/perch/perch.yml'), 'perch: own\n');
  const source = readFileSync(join(import.meta.dirname, 'debian/perch/postinst'), 'utf8');
  writeFileSync(
    join(root, 'postinst'),
    source.replaceAll(/([ \t])(\/(?:etc|proc|run|usr|var)\/)/g, `$1${root}$2`).replace('page=', `page=${root}`),
  );
  const stand = (name: string, script = '', folder = 'bin') => {
    writeFileSync(join(root, folder, name), `#!/bin/sh\necho "${name} $*" >> ${root}/asked\n${script}\n`);
    chmodSync(join(root, folder, name), 0o755);
  };
  for (const name of [
    'systemd-sysusers',
    'systemd-tmpfiles',
    'systemctl',
    'deb-systemd-helper',
    'deb-systemd-invoke',
  ]) {
    stand(name);
  }
  // Without a user perch; the last argument is the file.
  stand('install', 'for it; do :; done; echo "perch: own" > "$it"');
  return {
    ...{ root, stand },
    /** @param by the programs that start dpkg */
    configure: (before = '', by: readonly string[] = []) => {
      const env = { PATH: `${root}/bin:/usr/bin:/bin` };
      const [program = '', ...words] = [...by, 'sh', join(root, 'postinst'), 'configure', before];
      execFileSync(program, words, { env, stdio: 'pipe' });
      return readFileSync(join(root, 'asked'), 'utf8').replaceAll(root, '').split('\n');
    },
  };
}
const PATHS = ['disk', 'update', 'clock'].map((name) => `deb-systemd-invoke start perch-${name}.path`);

test('on the first installation Perch is started, and the services for its requests', () => {
  const asked = machine().configure();
  expect(asked).toEqual(expect.arrayContaining([...PATHS, 'deb-systemd-invoke start perch.service']));
});

test('a newer version is restarted, except by the package if the updater does it', () => {
  const { root, configure } = machine();
  expect(configure('1.0.0')).toContain('deb-systemd-invoke restart perch.service');
  rmSync(join(root, 'asked'));
  writeFileSync(join(root, 'run/perch-host/update.hold'), '');
  const asked = configure('1.0.0', ['flock', '--close', join(root, 'var/lib/perch-update/lock')]);
  expect(asked.filter((line) => line.endsWith(' perch.service'))).toEqual([
    'deb-systemd-helper unmask perch.service',
    'deb-systemd-helper --quiet was-enabled perch.service',
    'deb-systemd-helper enable perch.service',
  ]);
  // No other script starts the units that the new version needs.
  expect(asked).toEqual(expect.arrayContaining(PATHS));
});

test('a killed updater does not prevent the start of a manual installation', () => {
  const { root, configure } = machine();
  writeFileSync(join(root, 'run/perch-host/update.hold'), '');
  writeFileSync(join(root, 'var/lib/perch-update/lock'), '');
  expect(configure('1.0.0')).toContain('deb-systemd-invoke restart perch.service');
});

test('a unit that the owner has masked does not keep the package from being installed', () => {
  const { stand, configure } = machine();
  stand('deb-systemd-invoke', 'case "$*" in *perch-update.path) exit 1 ;; esac');
  expect(configure()).toContain('deb-systemd-invoke start perch.service');
});

test('the configuration is created where only root writes, and replaces a dangling link', () => {
  const { root, configure } = machine();
  symlinkSync(join(root, 'nowhere'), join(root, 'etc/perch/perch.yml'));
  const asked = configure('1.0.0');
  expect(asked.find((line) => line.startsWith('install '))).toMatch(/ \/etc\/perch\.yml\.new$/);
  expect(readFileSync(join(root, 'etc/perch/perch.yml'), 'utf8')).toBe('perch: own\n');
  expect(existsSync(join(root, 'nowhere'))).toBe(false);
});

test('an empty configuration of an interrupted installation is replaced, another one is kept', () => {
  const { root, configure } = machine();
  const file = join(root, 'etc/perch/perch.yml');
  writeFileSync(file, '');
  configure();
  expect(readFileSync(file, 'utf8')).toBe('perch: own\n');
  writeFileSync(file, 'perch: own\nmdns: no\n');
  configure('1.0.0');
  expect(readFileSync(file, 'utf8')).toBe('perch: own\nmdns: no\n');
});

test.for([
  ['212992', 1],
  ['4194304', 0],
  ['16777216', 0],
  // In a container that does not see it.
  [undefined, 0],
] as const)('a limit of receive buffers of %s bytes is raised %i times, before Perch starts', ([limit, times]) => {
  const { root, stand, configure } = machine();
  // Its failure, as in a container, does not fail the installation.
  stand('systemd-sysctl', 'exit 1', 'usr/lib/systemd');
  if (limit !== undefined) {
    writeFileSync(join(root, 'proc/sys/net/core/rmem_max'), `${limit}\n`);
  }
  const asked = configure();
  expect(asked.filter((line) => /sysctl|start perch\.service/.test(line))).toEqual([
    ...Array<string>(times).fill('systemd-sysctl --prefix=/net/core/rmem_max'),
    'deb-systemd-invoke start perch.service',
  ]);
});

test('the file of the package raises the limit to what the script compares with', () => {
  const file = readFileSync(join(import.meta.dirname, 'linux/sysctl.conf'), 'utf8');
  expect(file.split('\n').filter((line) => !line.startsWith('#'))).toEqual(['net.core.rmem_max = 4194304', '']);
});
