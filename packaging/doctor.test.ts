import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

/** @param report what the service says of itself @param check what `perch check` does @returns the output, and the requested addresses */
function doctor(report: string, user = 0, check = 'exit 0', edit = (source: string) => source) {
  const root = mkdtempSync(join(tmpdir(), 'perch-doctor-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'report'), report);
  const source = readFileSync(join(import.meta.dirname, 'linux/perch'), 'utf8');
  writeFileSync(
    join(root, 'perch'),
    edit(source)
      .replaceAll('/run/systemd/system', root)
      .replaceAll('/run/perch/report', `${root}/report`)
      .replaceAll('/run/perch-host/', `${root}/`)
      .replaceAll('/usr/lib/perch/', `${root}/`)
      .replaceAll('/var/lib/perch', root),
  );
  for (const [name, script] of Object.entries({
    id: `echo ${user}`,
    systemctl: 'exit 0',
    setpriv: check,
    run: 'exit 0',
    node: `case "$3" in http*) echo "$3" >> ${root}/asked ;; esac`,
  })) {
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(root, 'bin', name), 0o755);
  }
  const env = { PATH: `${root}/bin:/usr/bin:/bin` };
  const { stdout, stderr, status } = spawnSync('sh', [join(root, 'perch'), 'doctor'], { env, encoding: 'utf8' });
  const asked = existsSync(join(root, 'asked')) ? readFileSync(join(root, 'asked'), 'utf8') : '';
  return { stdout, stderr, status, asked };
}

test('the report of the service is printed line by line, and its port is queried', () => {
  const { stdout, asked } = doctor('port 80\nok door is recorded\nbad garden: its disk is full\n');
  expect(stdout).toContain('ok port 80 answers, recording works\nok door is recorded\nbad garden: its disk');
  expect(asked).toBe('http://127.0.0.1:80/health\n');
});

test.for([
  ['192.168.1.5', '192.168.1.5'],
  ['fd00::5', '[fd00::5]'],
  // No address: nothing else is queried than this device.
  ['example.org', '127.0.0.1'],
  ['feed.be', '127.0.0.1'],
  ['192.168.1.5:81/x?', '127.0.0.1'],
  ['', '127.0.0.1'],
] as const)('a page that listens at "%s" alone is queried at %s', ([host, asked]) => {
  const doctored = doctor(`host ${host}\nport 80\nok door is recorded\n`);
  expect(doctored.asked).toBe(`http://${asked}:80/health\n`);
  expect(doctored.stdout).not.toContain('host');
});

test('signs that would command the terminal are left out', () => {
  const { stdout } = doctor('ok \x1b]0;title\x07door \x1b[2Jis recorded\n');
  expect(stdout).toContain('ok ]0;titledoor [2Jis recorded\n');
});

test.for(['80@example.org', '80/../x', '', '-1', 'x'])('"%s" is rejected as a port and not queried', (port) => {
  const { stdout, status, asked } = doctor(`port ${port}\n`);
  expect([status, asked]).toEqual([1, '']);
  expect(stdout).toContain('bad the service does not report its port');
});

test('a configuration with warnings is good, and the warnings are printed', () => {
  const warning = 'perch.yml:2: pathDefaults.recordDeleteAftr: unknown key, did you mean recordDeleteAfter?';
  const check = `echo '${warning} (warn)'; echo 'perch.yml:3: rtspDisable: an old name (note)'`;
  const { stdout, status } = doctor('port 80\nok door is recorded\n', 0, check);
  expect(stdout).toContain(`\nok the configuration is valid\nnote ${warning}\n`);
  expect(stdout.match(/^note /gm)).toHaveLength(1);
  // This machine's memory may be short.
  expect(status).toBe(/^bad /m.test(stdout) ? 1 : 0);
});

test('a rejected configuration is reported with the reason', () => {
  const { stdout, status } = doctor('port 80\n', 0, `echo 'perch.yml:1: hlsVariant: wrong'; exit 1`);
  expect(stdout).toContain('bad Perch would reject the configuration: perch.yml:1: hlsVariant: wrong\n');
  expect(status).toBe(1);
});

test('a user without permissions is referred to sudo, and no fault is reported', () => {
  const { stdout, stderr, status, asked } = doctor('port 80\n', 1000);
  expect([stdout, asked, status]).toEqual(['', '', 2]);
  expect(stderr).toBe('perch doctor must be run as root: sudo perch doctor\n');
});

test('without systemd and without a data folder it says so, and no shell complains', () => {
  const bare = (source: string) =>
    source.replaceAll('/run/systemd/system', '/nowhere/systemd').replaceAll('/var/lib/perch', '/nowhere/perch');
  const { stdout, stderr, status } = doctor('port 80\n', 0, 'exit 0', bare);
  expect(stderr).toBe('');
  expect(stdout).toContain('bad systemd is not running here, and perch.service needs it\n');
  expect(stdout).toContain('bad the folder /nowhere/perch does not exist yet');
  expect(status).toBe(1);
});
