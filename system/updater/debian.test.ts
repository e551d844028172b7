import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { debian, writable } from './debian.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-debian-'));
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** A stand-in for a system program that records its calls. */
function stand(name: string, script = ''): void {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\necho "${name} $*" >> ${folder}/asked\n${script}\n`);
  chmodSync(file, 0o755);
}
/** No step here takes that long. */
const MAX_WAIT_MS = 600_000;
const asked = () => (existsSync(join(folder, 'asked')) ? readFileSync(join(folder, 'asked'), 'utf8') : '');

test('a root that is read-only is writable while packages are installed', async () => {
  stand('mount');
  stand('sync');
  await writable(async () => expect(asked()).toBe('mount -o remount,rw /\n'), true);
  expect(asked()).toMatch(/^mount -o remount,rw \/\nsync .*\nmount -o remount,ro \/\n$/);
});

test('an update counts as installed where the root cannot be read-only yet, because a replaced program still runs', async () => {
  stand('mount', 'case "$2" in *ro) echo "mount point is busy" >&2; exit 32 ;; esac');
  stand('sync');
  await writable(async () => {}, true);
  expect(asked()).toContain('remount,ro');
});

test('a failed installation is reported also if the root cannot be mounted read-only', async () => {
  stand('mount', 'case "$2" in *ro) exit 32 ;; esac');
  stand('sync');
  await expect(writable(() => Promise.reject(new Error('it cannot be installed')), true)).rejects.toThrow('installed');
});

test('files are flushed although another disk hangs: only the own disk is awaited', async () => {
  stand('sync', 'case "$*" in "--file-system "*) ;; *) echo "it hangs" >&2; exit 1 ;; esac');
  await debian.sync();
  expect(asked().trim().split(' ').slice(2)).toEqual(
    expect.arrayContaining(['/usr', '/etc/systemd/system', '/var/lib/dpkg', '/var/lib/perch-update']),
  );
});

test.for([
  'dpkg: error: dpkg frontend lock was locked by another process with pid 1234',
  'dpkg: error: dpkg database lock is locked by another process',
])('%s is not blamed on the package', async (said) => {
  stand('dpkg', `echo '${said}' >&2; exit 2`);
  await expect(debian.configureAll(MAX_WAIT_MS)).rejects.toMatchObject({ code: 'conflict' });
});

/** @returns its port */
async function serve(answer: Parameters<typeof createServer>[1]): Promise<number> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

test.for([
  [200, true],
  [503, false],
] as const)('a version that answers %s to /health: is it well? %s', async ([code, isWell]) => {
  const port = await serve((request, answer) => answer.writeHead(request.url === '/health' ? code : 404).end());
  expect(await debian.isHealthy('127.0.0.1', port)).toBe(isWell);
  expect(await debian.isAnswering('127.0.0.1', port)).toBe(true);
});

test('a version with an endless response is unhealthy', async () => {
  const port = await serve((request) => {
    const { socket } = request;
    const drip = setInterval(() => socket.write('H'), 200);
    socket.once('close', () => clearInterval(drip));
    socket.write('HTTP/1.1 200 OK\r\nSlow: ');
  });
  expect(await debian.isHealthy('127.0.0.1', port)).toBe(false);
});

test("dpkg's output is reported", async () => {
  stand('dpkg', "echo 'dpkg: error: disk full' >&2; exit 2");
  await expect(debian.configureAll(MAX_WAIT_MS)).rejects.toThrow('dpkg: dpkg: error: disk full');
});

/** Running processes of those in the file. A program that was not started in time is not listed. */
function running(file: string): readonly number[] {
  const pids = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  return pids.map(Number).filter((pid) => {
    const status = `/proc/${pid}/status`;
    return existsSync(status) && !/^State:\sZ/m.test(readFileSync(status, 'utf8'));
  });
}

test('a hanging dpkg is ended with its scripts, even if they ignore signals', async () => {
  const pids = join(folder, 'pids');
  stand('dpkg', `sh -c 'trap "" TERM HUP INT; echo $$ >> ${pids}; sleep 1000; true' & echo $$ >> ${pids}; wait`);
  await expect(debian.install(['/some.deb'], 3_000)).rejects.toMatchObject({
    ...{ code: 'timeout', message: 'dpkg did not end within 3 s' },
  });
  await expect.poll(() => running(pids)).toEqual([]);
});

test("a background process that keeps dpkg's output open is not awaited", async () => {
  const pids = join(folder, 'pids');
  stand('dpkg', `setsid sleep 1000 & echo $! > ${pids}`);
  try {
    await expect(debian.configureAll(1_000)).rejects.toMatchObject({ code: 'timeout' });
  } finally {
    for (const pid of running(pids)) {
      process.kill(pid, 'SIGKILL');
    }
  }
});

/** The real dpkg, for a separate root below the folder. */
function realDpkg(): { packageOf(version: string, preinst: string): string } {
  const at = (name: string) => join(folder, name);
  for (const name of ['root/var/lib/dpkg/info', 'root/var/lib/dpkg/updates', 'root/var/log']) {
    mkdirSync(at(name), { recursive: true });
  }
  writeFileSync(at('root/var/lib/dpkg/status'), '');
  const dpkg = execFileSync('sh', ['-c', 'command -v dpkg'], { encoding: 'utf8' }).trim();
  stand('dpkg', `exec ${dpkg} --root=${at('root')} --log=/dev/null --force-not-root,bad-path,script-chrootless "$@"`);
  return {
    packageOf: (version, preinst) => {
      const tree = at(`tree-${version}`);
      mkdirSync(join(tree, 'DEBIAN'), { recursive: true, mode: 0o755 });
      const fields = {
        Package: 'tiny',
        Version: version,
        Architecture: 'all',
        Maintainer: 'x <x@x>',
        Description: 'x',
      };
      const control = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
      writeFileSync(join(tree, 'DEBIAN/control'), control.join(''));
      writeFileSync(join(tree, 'DEBIAN/preinst'), `#!/bin/sh\n${preinst}\n`, { mode: 0o755 });
      writeFileSync(join(tree, 'tiny'), version);
      const deb = at(`tiny_${version}.deb`);
      execFileSync('dpkg-deb', ['-Zgzip', '--build', tree, deb], { stdio: 'ignore' });
      return deb;
    },
  };
}

test('dpkg that was ended in the middle of a script puts the version before back', async () => {
  const { packageOf } = realDpkg();
  const [old, stuck] = [packageOf('1', ''), packageOf('2', `echo $$ > ${folder}/pids; trap "" TERM; sleep 1000; true`)];
  await debian.install([old], MAX_WAIT_MS);
  await expect(debian.install([stuck], 3_000)).rejects.toMatchObject({ code: 'timeout' });
  await expect.poll(() => running(join(folder, 'pids'))).toEqual([]);
  await debian.configureAll(MAX_WAIT_MS);
  await debian.install([old], MAX_WAIT_MS);
  expect(readFileSync(join(folder, 'root/tiny'), 'utf8')).toBe('1');
  const status = readFileSync(join(folder, 'root/var/lib/dpkg/status'), 'utf8');
  expect(status).toMatch(/^Status: install ok installed$/m);
  expect(status).toMatch(/^Version: 1$/m);
});

test('a package is whole when dpkg-deb reads all of it', async () => {
  const tree = join(folder, 'tree');
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
  const fields = { Package: 'tiny', Version: '1', Architecture: 'all', Maintainer: 'x <x@x>', Description: 'x' };
  const control = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
  writeFileSync(join(tree, 'DEBIAN/control'), control.join(''));
  writeFileSync(join(tree, 'data'), randomBytes(50_000));
  const deb = join(folder, 'tiny.deb');
  execFileSync('dpkg-deb', ['-Zgzip', '--build', tree, deb], { stdio: 'ignore' });
  expect(await debian.isWhole(deb)).toBe(true);
  const bytes = readFileSync(deb);
  for (const damaged of [bytes.subarray(0, 40_000), Buffer.from(bytes).fill(0, 30_000, 30_100), Buffer.alloc(0)]) {
    writeFileSync(deb, damaged);
    expect(await debian.isWhole(deb)).toBe(false);
  }
});

test.for([
  [0o755, true],
  [0o644, false],
] as const)('packages can be installed where the script of ours may be run: with mode %s %s', async ([mode, can]) => {
  // On a noexec mount access(2) answers as for a file without execute permission.
  writeFileSync(join(folder, 'postinst'), '#!/bin/sh\n', { mode });
  stand('dpkg-query', `echo ${folder}/postinst`);
  expect(await debian.canInstall()).toBe(can);
});
