import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Architecture, DebOptions } from '../../../packaging/debian.ts';
import { packedNode } from '../../../packaging/node.ts';
import { makeNodeIpk, makeOpenwrtArchive, makePerchIpk } from '../../../packaging/openwrt.ts';
import { openwrtRuntime } from '../../../packaging/openwrt-runtime.ts';
import { agentBundle } from '../../peers/agent/agent-bundle.ts';
import { type Router, startRouter } from '../../peers/host/router.ts';
import { describeWith, inLong } from '../../peers/programs/peers.ts';
import type { RunningProcess } from '../../peers/programs/process.ts';

const PAGE = ['webui/dist/index.html', Buffer.from('<!doctype html><title>Perch</title>')] as const;
/** Packages of 120 MB are unpacked three times. */
const PATIENCE_MS = 240_000;
/** Each look starts a shell in the router. */
const SELDOM = { interval: 500 };
const FILMS = 'find /mnt/sda1 /etc/perch /tmp -name "*.mp4" -size +20k';

/** The real program on a root without a C library. */
describeWith(['busybox', 'patchelf', 'dpkg-deb', 'curl', 'mounts', 'namespaces'], 'Perch on a router', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-openwrt-'));
  const options: DebOptions = { version: '1.2.3', time: 1_700_000_000, folder, packing: 'quick' };
  let files: Map<string, Uint8Array>;
  let runtime: ReadonlyMap<string, Uint8Array>;
  beforeAll(async () => {
    runtime = await runtimeOf('amd64');
    files = new Map([PAGE]);
    for (const [name, bytes] of await agentBundle()) {
      files.set(`agent/${name}`, bytes);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const runtimeOf = async (architecture: Architecture) => openwrtRuntime(architecture, await packedNode(architecture));
  const bring = (router: Router, file: string): string => {
    cpSync(file, join(router.root, 'tmp', basename(file)));
    return join('/tmp', basename(file));
  };
  /** @param status of `/health` */
  const isServing = (router: Router, perch: RunningProcess, status: number) =>
    expect
      .poll(async () => `${(await router.get('/health')).status} ${perch.output()}`, SELDOM)
      .toMatch(new RegExp(`^${status} `));

  test('from the packages: without a disk it serves live only and reports that, with a disk it records, also with a late one', {
    timeout: PATIENCE_MS,
  }, async () => {
    const router = await startRouter();
    const node = bring(router, await makeNodeIpk('amd64', runtime, options));
    const perch = bring(router, await makePerchIpk(files, options));
    await router.run(`opkg install ${node} && rm ${node} && opkg install ${perch}`);

    const first = await router.startAsked();
    await first.waitFor(/no disk is mounted there: mount one/);
    await router.run("echo 'a bird by the river' | perch claim");
    const owner = 'owner:a bird by the river';
    await expect.poll(async () => (await router.get('/hls/demo/index.m3u8', owner)).body, SELDOM).toContain('#EXTM3U');
    await isServing(router, first, 503);
    expect(JSON.parse((await router.get('/v3/disks', owner)).body).items).toEqual([
      expect.objectContaining({ folder: '/etc/perch/data/recordings', state: 'vanished', freeBytes: null }),
    ]);
    expect(await router.run(FILMS)).toBe('');
    expect(await first.stop()).toBe(0);

    // A disk that appears after the service has started, as after a power cut.
    await router.run(
      'sed -i "s|option data .*|option data \'/mnt/sda1/perch\'|" /etc/config/perch && /etc/init.d/perch reload',
    );
    const second = await router.startAsked();
    await second.waitFor(/waiting: no disk is mounted at \/mnt\/sda1\/perch/);
    await router.mountDisk();
    await router.run('ACTION=add sh /etc/hotplug.d/block/95-perch');
    await second.waitFor(/Perch is at/);
    await isServing(router, second, 200);
    await expect.poll(() => router.run(FILMS), SELDOM).toMatch(/^\/mnt\/sda1\/perch\/recordings\/demo\/\S+\n$/);
    expect(await router.run('ls /mnt/sda1/perch/compiled')).not.toBe('');
    expect(await router.run('perch check')).toContain('no problems found');
    expect(await second.stop()).toBe(0);
    await router.run('opkg remove perch && opkg remove perch-node');
    expect(await router.run(FILMS)).not.toBe('');
    expect((await router.attempt('ls /usr/lib/perch')).code).not.toBe(0);
  });

  test('from the archive: program and recordings on the disk, none of them in the flash', {
    timeout: PATIENCE_MS,
  }, async () => {
    const router = await startRouter();
    await router.mountDisk();
    const archive = await makeOpenwrtArchive('amd64', files, runtime, options);
    execFileSync('tar', ['-xzf', archive, '-C', folder]);
    const name = basename(archive, '.tar.gz');
    cpSync(join(folder, name), join(router.root, 'mnt/sda1', name), { recursive: true });
    expect(await router.run(`/mnt/sda1/${name}/install.sh --to /mnt/sda1/perch`)).toContain('port 8080');
    const flash = await router.run('du -xsk / | cut -f1');
    const perch = await router.startAsked();
    await isServing(router, perch, 200);
    await expect.poll(() => router.run(FILMS), SELDOM).toMatch(/^\/mnt\/sda1\/perch\/data\/recordings\/demo\//);
    // The router's own flash has the configuration, and the links to the disk.
    expect(Number(await router.run('du -xsk / | cut -f1')) - Number(flash)).toBeLessThan(64);
    expect(await perch.stop()).toBe(0);
    await router.run('/usr/bin/perch --version && sh /usr/share/perch/uninstall.sh');
    expect(await router.run(FILMS)).not.toBe('');
  });

  inLong(() => {
    describeWith(['qemu-aarch64'], 'of the other instruction set', () => {
      test('the runtime for aarch64 runs and responds, emulated', async () => {
        const router = await startRouter();
        const node = await makeNodeIpk('arm64', await runtimeOf('arm64'), options);
        const perch = bring(router, await makePerchIpk(files, options));
        await router.run(`tar -xzOf ${bring(router, node)} ./data.tar.gz | tar -xzf - -C / && rm /tmp/*aarch64.ipk`);
        await router.run(`opkg install ${perch} && mkdir /etc/perch/data && chown perch:perch /etc/perch/data`);
        cpSync('/usr/bin/qemu-aarch64-static', join(router.root, 'bin/qemu'));
        const emulated = ['/bin/qemu', '/usr/lib/perch/node/bin/node', '/usr/lib/perch/agent/perch.cjs'];
        expect(await router.run(`${emulated.join(' ')} --version`)).toMatch(/^\d+\.\d+\.\d+\n$/);
        const running = router.start([...emulated, '--data', '/etc/perch/data', '/etc/perch/perch.yml'], []);
        await running.waitFor(/Perch is at/);
        await isServing(router, running, 503);
        await running.stop();
      });
    });
  });
});
