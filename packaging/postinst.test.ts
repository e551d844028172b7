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
    'run/systemd/system',
    'run/perch-host',
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
    source.replaceAll(/ (\/(?:etc|run|usr|var)\/)/g, ` ${root}$1`).replace('page=', `page=${root}`),
  );
  const stand = (name: string, script = '') => {
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\necho "${name} $*" >> ${root}/asked\n${script}\n`);
    chmodSync(join(root, 'bin', name), 0o755);
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
