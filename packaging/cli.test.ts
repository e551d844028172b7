import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

/** All programs that the scripts may call; this machine's Node is not among them. */
const TOOLS = ['sh', 'cat', 'tr', 'sed', 'head', 'tail', 'grep', 'df', 'readlink'];
const OLD_NODE = `exec ${process.execPath} -e 'Object.defineProperty(process.versions, "node", { value: "20.19.2" }); (0, eval)(process.argv[1])' "$2"`;

/** @param programs scripts by their names @returns what `perch` with these words says, and how it ends */
function perch(file: string, words: readonly string[], programs: Readonly<Record<string, string>>) {
  const root = mkdtempSync(join(tmpdir(), 'perch-cli-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const inRoot = (path: string) =>
    readFileSync(join(import.meta.dirname, path), 'utf8')
      .replaceAll('/usr/lib/perch', join(root, 'program'))
      .replaceAll('/lib/functions/', `${root}/`)
      .replaceAll('/etc/perch/', `${root}/`)
      .replaceAll('/proc/self/mountinfo', join(root, 'mountinfo'))
      .replaceAll('/proc/$pid', `${root}/proc/$pid`);
  mkdirSync(join(root, 'bin'));
  mkdirSync(join(root, 'program'));
  for (const tool of TOOLS) {
    symlinkSync(spawnSync('which', [tool], { encoding: 'utf8' }).stdout.trim(), join(root, 'bin', tool));
  }
  const scripts = Object.entries({ ...programs, 'program/run': inRoot('linux/run').replace('#!/bin/sh\n', '') });
  for (const [name, script] of scripts) {
    const path = name.includes('/') ? join(root, name) : join(root, 'bin', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }
  writeFileSync(join(root, 'perch.sh'), inRoot('openwrt/perch.sh'));
  writeFileSync(join(root, 'perch'), inRoot(file));
  const env = { PATH: join(root, 'bin') };
  const { stdout, stderr, status } = spawnSync('/bin/sh', [join(root, 'perch'), ...words], { env, encoding: 'utf8' });
  return { stdout, stderr, status };
}

const debian = (status: string, node?: string) => ({
  id: 'echo 0',
  systemctl: 'echo systemctl "$@"; exit 3',
  setpriv: 'echo "setpriv: failed to parse reuid" >&2; exit 1',
  'dpkg-query': `echo ${status}`,
  dpkg: 'echo arm64',
  ...(node !== undefined && { node }),
});
const COMMAND =
  'apt --fix-broken install ./perch-node_*_arm64.deb where that file is; or apt --fix-broken install nodejs if the system offers 22.13 or newer';
const NOT_CONFIGURED = `Perch's package is not configured, because a suitable Node is missing: ${COMMAND}`;

describe('perch on a machine whose packages are not all there', () => {
  test('doctor reports that the package waits for a Node and the next step, without consequences', () => {
    expect(perch('linux/perch', ['doctor'], debian('unpacked'))).toEqual({
      stdout: `bad ${NOT_CONFIGURED}\n`,
      stderr: '',
      status: 1,
    });
  });

  test.for([['check'], ['explain', 'me', 'read', 'door'], ['reindex'], ['reset-password'], ['restart'], ['--version']])(
    'perch %s says the same',
    (words) => {
      const failure = { stdout: '', stderr: `perch: ${NOT_CONFIGURED}\n`, status: 1 };
      expect(perch('linux/perch', words, debian('unpacked'))).toEqual(failure);
    },
  );

  test('a Node that is too old is ignored', () => {
    expect(perch('linux/perch', ['doctor'], debian('half-configured', OLD_NODE)).stdout).toBe(
      `bad ${NOT_CONFIGURED}\n`,
    );
  });

  test('a missing Node alone is reported', () => {
    const { stdout } = perch('linux/perch', ['doctor'], debian('installed'));
    expect(stdout).toBe(`bad Perch needs Node 22.13 or newer: ${COMMAND}\n`);
  });

  test('with Node installed later, dpkg continues', () => {
    const { stdout } = perch('linux/perch', ['doctor'], debian('unpacked', `exec ${process.execPath} "$@"`));
    expect(stdout).toBe("bad Perch's package is not configured: dpkg --configure -a\n");
  });
});

test('perch update has the settings of the service that are variables', () => {
  const said = perch('linux/perch', ['update', '--install'], {
    ...debian('installed', `exec ${process.execPath} "$@"`),
    systemctl: '[ "$*" = "show --property=MainPID --value perch.service" ] && echo 4711',
    'proc/4711/environ': '\0PATH=/nowhere\0PERCH_ADDRESS=:81\0MTX_RECORDPATH=/mnt/a  b $HOME/%path\0NOTIFY_SOCKET=/x\0',
    setpriv: 'printf "%s\\n" "$PERCH_ADDRESS" "$MTX_RECORDPATH" "$NOTIFY_SOCKET" "$*"',
  });
  expect(said).toMatchObject({ stderr: '', status: 0 });
  expect(said.stdout).toMatch(/^:81\n\/mnt\/a {2}b \$HOME\/%path\n\n.* update --install --data \/var\/lib\/perch /);
});

test.for([['claim'], ['explain', 'me', 'read', 'door']])('perch %s has the database of the service', (words) => {
  const { stdout } = perch('linux/perch', words, {
    ...debian('installed', `exec ${process.execPath} "$@"`),
    systemctl: '[ "$*" = "show --property=MainPID --value perch.service" ] && echo 4711',
    'proc/4711/environ': '\0PERCH_DATABASEURL=postgres:///perch?host=/run/postgresql\0',
    'perch.yml': '',
    setpriv: 'echo "$PERCH_DATABASEURL"',
  });
  expect(stdout).toBe('postgres:///perch?host=/run/postgresql\n');
});

test('perch update works while the service is stopped', () => {
  const said = perch('linux/perch', ['update'], {
    ...debian('installed', `exec ${process.execPath} "$@"`),
    systemctl: 'echo 0',
    setpriv: 'echo "$*"',
  });
  expect(said).toMatchObject({ stdout: expect.stringContaining(' update --data '), status: 0 });
});

/** proc_pid_mountinfo(5) in a container of Docker 28. */
const MOUNTS = `1563 1543 254:1 /var/lib/docker/containers/0123456789ab${'4'.repeat(52)}/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw`;

test.for([
  ['sudo perch', { sudo: '' }],
  ['perch', {}],
  ['docker exec -it 0123456789ab perch', { './mountinfo': MOUNTS }],
] as const)('messages of the program name the command %s of this machine', ([command, tools]) => {
  const node = '[ "$1" = verify ] || case "$*" in *-v) ;; *) echo "$PERCH_COMMAND" ;; esac';
  expect(perch('linux/run', ['verify'], { node, ...tools }).stdout).toBe(`${command}\n`);
});

describe('perch on a router without its Node', () => {
  const router = {
    uci: 'exit 1',
    'start-stop-daemon': 'while [ "$1" != -x ]; do shift; done; run="$2"; shift 3; exec "$run" "$@"',
  };

  test.for([['check'], ['reindex'], ['restore-archive'], ['reset-password'], ['--version']])(
    'perch %s says what the service says',
    (words) => {
      const message = 'perch: Node is missing: install perch-node, or mount its disk\n';
      expect(perch('openwrt/perch.cli', words, router)).toEqual({ stdout: '', stderr: message, status: 1 });
    },
  );

  test('with a Node of the router it runs', () => {
    const { stdout, status } = perch('openwrt/perch.cli', ['check'], { ...router, node: 'echo "$*"' });
    expect(stdout).toContain('check');
    expect(status).toBe(0);
  });
});

test.for(['linux/perch', 'openwrt/perch.cli'])('%s names an unknown command before the known ones', (file) => {
  const { stdout, stderr, status } = perch(file, ['foo'], { uci: 'exit 1' });
  expect([stdout, status]).toEqual(['', 2]);
  expect(stderr).toMatch(/^perch: unknown command foo\nusage: perch status /);
});

test.for(['linux/perch', 'openwrt/perch.cli'])('%s lists its commands', (file) => {
  for (const words of [[], ['--help']]) {
    expect(perch(file, words, { uci: 'exit 1' })).toEqual({
      stdout: expect.stringMatching(/^usage: perch status /),
      stderr: '',
      status: 0,
    });
  }
});

test.for([
  ['linux/perch', debian('installed')],
  [
    'openwrt/perch.cli',
    { uci: 'exit 1', 'start-stop-daemon': 'while [ "$1" != -x ]; do shift; done; run="$2"; shift 3; exec "$run" "$@"' },
  ],
  ['container/perch.cli', { id: 'echo 10000' }],
] as const)('%s passes on the commands of a fleet', ([file, machine]) => {
  const programs = { ...machine, setpriv: 'shift 5; exec "$@"' };
  const said = (...words: string[]) => perch(file, words, { ...programs, node: '[ "$*" = --version ] || echo "$*"' });
  expect(said('fleet', 'join', 'FILE').stdout).toMatch(/ fleet join FILE --data \S+ \S+perch.yml\n$/);
  expect(said('database', 'import').stdout).toMatch(/ database import --data \S+ \S+perch.yml\n$/);
  expect(said('connect', 'perch://server?x').stdout).toMatch(/ connect perch:\/\/server\?x --data \S+\n$/);
});
