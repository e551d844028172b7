import { execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { chownSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../agent/base/clock.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { readUpdate } from '../../system/update/update-file.ts';
import { newestVersion, updateFrom } from '../../system/update/update-server.ts';
import { until } from '../peers/agent/agent.ts';
import { startProcess } from '../peers/programs/process.ts';

const MAIN = join(import.meta.dirname, '../../packaging/release/main.ts');
const SIGN = join(import.meta.dirname, '../../packaging/release/sign.ts');
const { version } = packageJson;
const ARCHITECTURES = ['amd64', 'arm64'] as const;
const HERE = process.arch === 'arm64' ? 'arm64' : 'amd64';
/** Docker's configuration of an image. */
interface ImageConfig {
  readonly architecture: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** Temporary files, the store of podman among them. */
let folder: string;
/** A built release: that of `PERCH_RELEASE`, or one made here, without the image. */
let release: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-release-'));
  release = process.env['PERCH_RELEASE'] ?? join(folder, 'release');
  if (process.env['PERCH_RELEASE'] === undefined) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const PERCH_UPDATE_PUBLIC_KEY = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const words = [MAIN, '--no-image', '--quick', '--out', release];
    execFileSync(process.execPath, words, { env: { ...process.env, PERCH_UPDATE_PUBLIC_KEY }, stdio: 'pipe' });
    const input = privateKey.export({ type: 'pkcs8', format: 'pem' });
    execFileSync(process.execPath, [SIGN, '-', release], { input, stdio: 'pipe' });
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const inRelease = (name: string) => join(release, name);
const archive = (architecture: string) => inRelease(`perch-container_${version}_${architecture}.tar.gz`);
const readJson = (file: string, member: string) =>
  JSON.parse(execFileSync('tar', ['-xzOf', file, member], { encoding: 'utf8' }));

test('everything that people download is there, and its checksums are signed', () => {
  const run = (program: string, words: readonly string[]) =>
    execFileSync(program, words, { cwd: release, encoding: 'utf8' });
  const signature = ['-in', 'SHA256SUMS', '-sigfile', 'SHA256SUMS.sig'];
  run('openssl', ['pkeyutl', '-verify', '-pubin', '-inkey', 'perch-update.pem', '-rawin', ...signature]);
  const checked = run('sha256sum', ['--check', '--strict', 'SHA256SUMS']).replaceAll(': OK', '').trim().split('\n');
  const of = (name: (architecture: string) => string) => ARCHITECTURES.map(name);
  const machines = ['x86_64', 'aarch64'];
  expect(checked).toEqual(
    expect.arrayContaining([
      ...[
        `perch_${version}_all.deb`,
        `perch_${version}_all.ipk`,
        `perch-objects_${version}_all.deb`,
        `perch-objects_${version}.tar.gz`,
        `perch-objects_${version}_all.ipk`,
        `perch-${version}.perchupdate`,
        'Packages',
        'Packages.gz',
        'Packages.sig',
        'perch-opkg.pub',
        'perch-update.json',
      ],
      ...of((architecture) => `perch-node_${version}_${architecture}.deb`),
      ...machines.map((machine) => `perch-node_${version}_${machine}.ipk`),
      ...machines.map((machine) => `perch-openwrt-${version}-${machine}.tar.gz`),
      ...of((architecture) => `perch-container_${version}_${architecture}.tar.gz`),
      ...of((architecture) => `perch-container_${version}_${architecture}.cdx.json`),
      ...[`perch_${version}.cdx.json`, `perch-home-assistant_${version}.tar.gz`, 'compose.yaml', 'RELEASE-NOTES.md'],
      ...[`perch-fleet_${version}.tar.gz`, 'compose-server.yaml'],
    ]),
  );
});

test('a box finds and accepts the release where updateAddress names its folder', async () => {
  const server = createServer((request, response) => {
    response.end(readFileSync(inRelease(decodeURIComponent((request.url ?? '').replace('/perch/', '')))));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/perch`;
  const from = { address, clock: systemClock, signal: new AbortController().signal };
  const newest = await newestVersion(from);
  const key = createPublicKey(readFileSync(inRelease('perch-update.pem')));
  const manifest = await readUpdate(updateFrom(from, newest), [key], { begin: (found) => found, take: () => {} });
  expect(manifest).toMatchObject({ version });
  const names = manifest.packages.map(({ name, architecture }) => `${name} ${architecture}`);
  expect(names).toEqual(['perch all', 'perch-node amd64', 'perch-node arm64']);
  // The package accepts updates of the key that signed this one.
  const keys = execFileSync('sh', [
    '-c',
    'dpkg-deb --fsys-tarfile "$1" | tar -xOf - --wildcards "./usr/share/perch/update-keys/*"',
    'keys',
    inRelease(`perch_${version}_all.deb`),
  ]);
  expect(keys.toString()).toBe(readFileSync(inRelease('perch-update.pem'), 'utf8'));
});

test.for(ARCHITECTURES)('the container for %s is small, has no rights and checks its health', (architecture) => {
  const file = archive(architecture);
  expect(statSync(file).size).toBeLessThanOrEqual(90_000_000);
  const [{ Config: name }] = readJson(file, 'manifest.json');
  const image = readJson(file, name) as ImageConfig;
  expect(image.architecture).toBe(architecture);
  expect(image.config).toMatchObject({
    User: '10000:10000',
    Entrypoint: ['/usr/lib/perch/container/start'],
    Healthcheck: { Test: ['CMD', '/usr/lib/perch/container/healthy'] },
  });
  // Docker would make a volume without a name, and the recordings would be lost with the container.
  expect(image.config['Volumes'] ?? {}).toEqual({});
  const sbom = JSON.parse(readFileSync(file.replace('.tar.gz', '.cdx.json'), 'utf8'));
  const names = sbom.components.map((component: { name: string }) => component.name);
  expect(names).toEqual(expect.arrayContaining(['fastify', 'preact', 'libc6', 'busybox-static', 'perch-node']));
});

const IMAGE = `localhost/perch:${version.replace('~', '-')}`;
/** With a store of its own. podman raises the limits otherwise, which not every machine permits. */
function podman(command: string, ...words: readonly string[]): readonly string[] {
  const store = ['--storage-driver', 'vfs', '--root', join(folder, 'store'), '--runroot', join(folder, 'run')];
  const isRun = command === 'run';
  const network = words.some((word) => word.startsWith('--network=')) ? [] : ['--network=host'];
  const limits = ['--rm', '--read-only', ...network, '--ulimit=nofile=4096:4096', '--ulimit=nproc=4096:4096'];
  return [...store, '--cgroup-manager=cgroupfs', '--runtime=runc', command, ...(isRun ? limits : []), ...words];
}
const call = (command: string, ...words: readonly string[]) =>
  spawnSync('podman', podman(command, ...words), { encoding: 'utf8' });

/** Reasons of kernels and enclosing containers. Any other is a failure. */
const DENIED = /not permitted|permission denied|cgroup|namespace|no such device/i;

/** @returns why this machine starts no containers */
function loadContainer(): string | undefined {
  const plain = join(folder, 'container.tar');
  execFileSync('sh', ['-c', 'gzip -dc "$1" > "$2"', 'unpack', archive(HERE), plain]);
  for (const [command, ...words] of [
    ['load', `--input=${plain}`] as const,
    ['run', '--entrypoint=id', IMAGE] as const,
  ]) {
    const { status, stderr, error } = call(command, ...words);
    if (status !== 0) {
      const why = error?.message ?? stderr.trim();
      expect(why).toMatch(DENIED);
      return why;
    }
  }
  return undefined;
}

/** Starts Perch in a container. */
async function startContainer(name: string, ...options: readonly string[]) {
  const ports = ['PERCH_ADDRESS=127.0.0.1:30080', 'PERCH_RTSP=no', 'PERCH_WEBRTC=no', 'PERCH_HLS=no'];
  const env = ports.map((one) => `--env=${one}`);
  const running = startProcess('podman', podman('run', `--name=${name}`, ...env, ...options, IMAGE));
  onTestFinished(() => void call('rm', '--force', name));
  await running.waitFor(/Perch is at http/);
  return running;
}

test('the container runs read-only and without rights, and is rejected without a volume', async ({ skip }) => {
  const why = loadContainer();
  if (why !== undefined) {
    process.stdout.write(`The container did not run: this machine starts no containers (${why})\n`);
    skip('this machine starts no containers');
  }
  const safe = ['--cap-drop=ALL', '--security-opt=no-new-privileges'];
  expect(call('run', ...safe, IMAGE)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('perch: /data is not a volume'),
  });
  const data = join(folder, 'data');
  mkdirSync(data);
  expect(call('run', ...safe, `--volume=${data}:/data`, IMAGE)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('the user 10000 cannot write to /data'),
  });

  chownSync(data, 10_000, 10_000);
  const running = await startContainer('perch-test', ...safe, `--volume=${data}:/data`);
  await until(() => (call('healthcheck', 'run', 'perch-test').status === 0 ? true : undefined));
  const claim = podman('exec', '-i', 'perch-test', 'perch', 'claim');
  expect(spawnSync('podman', claim, { input: 'a bird by the river\n' }).status).toBe(0);
  expect(call('exec', 'perch-test', 'touch', '/etc/x').stderr).toContain('Read-only file system');
  expect(call('exec', 'perch-test', 'id', '-u').stdout).toBe('10000\n');
  call('stop', '--time=20', 'perch-test');
  expect(await running.exited).toBe(0);
  expect(globSync('{perch.yml,users.json}', { cwd: data }).sort()).toEqual(['perch.yml', 'users.json']);
});

test('started with --server and a name it is a server, after a restart too', async ({ skip }) => {
  if (loadContainer() !== undefined) {
    skip('this machine starts no containers');
  }
  const data = mkdtempSync(join(folder, 'server-'));
  chownSync(data, 10_000, 10_000);
  // Ports 80 and 443 of a network of its own.
  const own = ['--network=none', '--sysctl=net.ipv4.ip_unprivileged_port_start=0', '--cap-drop=ALL'];
  const options = [...own, `--volume=${data}:/data`];
  for (const name of ['cloud.example.org', 'changed.example.org']) {
    const running = startProcess('podman', podman('run', '--name=perch-cloud', ...options, IMAGE, '--server', name));
    onTestFinished(() => void call('rm', '--force', 'perch-cloud'));
    await running.waitFor(/Perch is at http/);
    await until(() => (call('healthcheck', 'run', 'perch-cloud').status === 0 ? true : undefined));
    // 01BB: port 443 of https, 0A: it listens.
    expect(call('exec', 'perch-cloud', 'cat', '/proc/net/tcp', '/proc/net/tcp6').stdout).toMatch(/:01BB \S+ 0A/);
    call('stop', '--time=20', 'perch-cloud');
    expect(await running.exited).toBe(0);
  }
  const config = readFileSync(join(data, 'perch.yml'), 'utf8');
  expect(config).toMatch(/^server: true$/m);
  expect(config).toContain('- cloud.example.org');
  expect(config).not.toContain('changed.example.org');
});

test("MediaMTX's line starts it: its file is mounted, and there is no volume", async ({ skip }) => {
  if (loadContainer() !== undefined) {
    skip('this machine starts no containers');
  }
  const file = join(folder, 'mediamtx.yml');
  writeFileSync(file, 'paths:\n  all_others:\n');
  const running = await startContainer('perch-line', '--read-only=false', `--volume=${file}:/mediamtx.yml`);
  expect(running.output()).toContain('/data: not on a volume');
  call('stop', '--time=20', 'perch-line');
  expect(await running.exited).toBe(0);
});

test('started as root, as Home Assistant does, Perch runs as its own user', async ({ skip }) => {
  if (loadContainer() !== undefined) {
    skip('this machine starts no containers');
  }
  const [data, media] = [join(folder, 'root-data'), join(folder, 'media')];
  mkdirSync(data);
  mkdirSync(media);
  const first = '--env=FIRST_CONFIG=/usr/share/perch/home-assistant.yml';
  const volumes = [`--volume=${data}:/data`, `--volume=${media}:/media`];
  const running = await startContainer('perch-root', '--user=0:0', first, ...volumes);
  await running.waitFor(/\/#\/setup\//);
  const owners = call('exec', 'perch-root', 'stat', '-c', '%u %n', '/data/perch.yml', '/media/perch', '/proc/1');
  expect(owners.stdout).toBe('10000 /data/perch.yml\n10000 /media/perch\n10000 /proc/1\n');
  expect(readFileSync(join(data, 'perch.yml'), 'utf8')).toContain('recordPath: /media/perch/');
  call('stop', '--time=20', 'perch-root');
  expect(await running.exited).toBe(0);
});
