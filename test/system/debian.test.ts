import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith } from '../peers/programs/peers.ts';
import { debianMachine, type Suite } from './machine/debian-machine.ts';
import type { Machine } from './machine/machine.ts';

const run = promisify(execFile);
const BUILD = join(import.meta.dirname, '../../packaging/build.ts');
const PASSWORD = 'correct horse battery';
const FIRST = '1.0.0';
const SECOND = '1.0.1';
/** Most that `systemd-analyze security` may say of exposure. */
const MAX_EXPOSED = 2;
const RECORDINGS = '/var/lib/perch/recordings';

/** Asks the agent as its owner. */
const asked = (method: string, path: string, body?: object): string =>
  `curl -sS -m 60 -X ${method} -u 'owner:${PASSWORD}' http://127.0.0.1/v3/${path}` +
  (body ? ` -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'` : '');
const isHealthy = `curl -sSf -m 20 http://127.0.0.1/health | grep '"ok"'`;
/** The newest recording below the folder is growing. */
const grows = (folder: string): string =>
  [
    `newest() { find ${folder} -name '*.mp4' -printf '%T@ %p\\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-; }`,
    'file=$(newest)',
    '[ -n "$file" ] && before=$(stat -c %s "$file") && sleep 5 && [ "$(stat -c %s "$file")" -gt "$before" ]',
  ].join('\n');
const filesIn = (folder: string): string => `find ${folder} -name '*.mp4' | sort`;

describeWith(['root', 'qemu', 'mmdebstrap', 'dpkg-deb'], 'the service on a machine', () => {
  let folder: string;
  const deb = (name: string) => join(folder, name);
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'perch-debs-'));
    // The same bytes at every commit: a root that has its Node is made once.
    const env = { ...process.env, SOURCE_DATE_EPOCH: '1700000000' };
    for (const version of [FIRST, SECOND]) {
      await run(process.execPath, [BUILD, '--quick', '--out', folder, '--version', version], { env });
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  describe.each([
    ['bookworm', '12'],
    ['trixie', '13'],
  ] as const)('with %s', (suite: Suite, release) => {
    let machine: Machine;
    beforeAll(async () => {
      machine = await debianMachine({
        suite,
        files: [deb(`perch_${FIRST}_all.deb`), deb(`perch_${SECOND}_all.deb`)],
        disks: { usb: 300 },
        installed: [deb(`perch-node_${FIRST}_amd64.deb`)],
      });
      await machine.boot();
    });
    afterAll(() => machine[Symbol.asyncDispose]());

    const install = (version: string) => machine.must(`dpkg --install /files/perch_${version}_all.deb`);
    const isActive = 'systemctl is-active --quiet perch.service';
    const restarts = async () =>
      Number(await machine.must('systemctl show perch.service --property=NRestarts --value'));

    test('the package is installed without a question; Perch serves and records at once', async () => {
      expect(await machine.must('cat /etc/debian_version')).toContain(release);
      await install(FIRST);
      await machine.until(isHealthy);
      await machine.until(grows(RECORDINGS));
      expect(Number(await machine.must('cat /proc/sys/net/core/rmem_max'))).toBeGreaterThanOrEqual(4_194_304);
      expect(await machine.must('systemctl is-enabled perch.service perch-disk.path')).toBe('enabled\nenabled');
      const exposed = await machine.must('systemd-analyze security --no-pager perch.service | tail -n 1');
      expect(Number(/: ([\d.]+) /.exec(exposed)?.[1])).toBeLessThanOrEqual(MAX_EXPOSED);
    });

    test('root claims it on the machine itself, while it runs', async () => {
      await machine.must(`echo '${PASSWORD}' | perch claim`);
      expect(await machine.must(asked('GET', 'paths/list'))).toContain('"demo"');
    });

    test('a process that is killed is back, and so is one that hangs', async () => {
      await machine.must('systemctl kill --signal=KILL --kill-whom=main perch.service');
      await machine.until(`[ "$(systemctl show perch.service --property=NRestarts --value)" -ge 1 ]`);
      await machine.until(isHealthy);
      // The watchdog starts when it is ready.
      await machine.until(isActive);
      const before = await restarts();
      await machine.must('systemctl kill --signal=STOP --kill-whom=main perch.service');
      await machine.until(`[ "$(systemctl show perch.service --property=NRestarts --value)" -gt ${before} ]`);
      expect(await machine.must('journalctl --unit=perch.service --output=cat')).toMatch(/[Ww]atchdog timeout/);
      await machine.until(isHealthy);
      await machine.until(grows(RECORDINGS));
    });

    test('an upgrade keeps the configuration and the recordings', async () => {
      await machine.must(asked('PATCH', 'config/pathdefaults/patch', { recordDeleteAfter: '77d' }));
      const config = await machine.must('cat /etc/perch/perch.yml');
      expect(config).toContain('77d');
      const files = (await machine.must(filesIn(RECORDINGS))).split('\n');
      await install(SECOND);
      expect(await machine.must('dpkg-query --show perch | cut -f 2')).toBe(SECOND);
      await machine.until(isHealthy);
      expect(await machine.must('cat /etc/perch/perch.yml')).toBe(config);
      expect((await machine.must(filesIn(RECORDINGS))).split('\n')).toEqual(expect.arrayContaining(files));
    });

    test('after a reboot recording continues', async () => {
      await machine.shutDown();
      await machine.boot();
      await machine.until(isHealthy);
      await machine.until(grows(RECORDINGS));
    });

    test('a disk that is chosen is opened to Perch, which records there, after a power cut too', async () => {
      await machine.must(
        'mkfs.ext4 -q /dev/disk/by-id/virtio-usb && mkdir /mnt/usb && mount /dev/disk/by-id/virtio-usb /mnt/usb',
      );
      await machine.must('echo /dev/disk/by-id/virtio-usb /mnt/usb ext4 nofail 0 2 >> /etc/fstab');
      const { items } = JSON.parse(await machine.must(asked('GET', 'disks/places')));
      const usb = items.find((place: { folder: string }) => place.folder === '/mnt/usb');
      expect(usb).toMatchObject({ writable: false, canBeOpened: true });
      const since = await machine.must('systemctl show perch.service --property=MainPID --value');
      expect(await machine.must(asked('POST', 'disks/places/open', { folder: '/mnt/usb' }))).toContain(
        'Perch restarts',
      );
      await machine.must(asked('PATCH', 'config/pathdefaults/patch', { recordPath: usb.recordPath }));
      await machine.until(`[ "$(systemctl show perch.service --property=MainPID --value)" != ${since} ]`);
      await machine.until(isHealthy);
      await machine.until(grows('/mnt/usb/perch'));
      await machine.must('sync');
      await machine.powerCut();
      await machine.boot();
      await machine.until(isHealthy);
      await machine.until(grows('/mnt/usb/perch'));
    });

    test('perch doctor finds no problem, and reports a stopped service', async () => {
      const well = await machine.run('perch doctor');
      expect(well.output).toMatch(/^ok .*\/mnt\/usb/m);
      expect(well.code).toBe(0);
      await machine.must('systemctl stop perch.service');
      const ill = await machine.run('perch doctor');
      expect(ill.output).toMatch(/^bad .*systemctl start perch/m);
      expect(ill.code).toBe(1);
      await machine.must('systemctl start perch.service');
    });

    test('perch --server makes it a server by name, which an upgrade leaves alone', async () => {
      const ports = `ss -Hltn '( sport = :80 or sport = :443 )' | awk '{ print $4 }' | sort -u | wc -l`;
      expect(await machine.must('perch --server cloud.example.org')).toContain('https://cloud.example.org/');
      await machine.until(
        `curl -sSfk -m 20 --resolve cloud.example.org:443:127.0.0.1 https://cloud.example.org/health`,
      );
      await machine.until(`[ "$(${ports})" -ge 2 ]`);
      const config = await machine.must('cat /etc/perch/perch.yml');
      await install(SECOND);
      await machine.until(`curl -sSfk -m 20 https://127.0.0.1/health`);
      expect(await machine.must('cat /etc/perch/perch.yml')).toBe(config);
      expect(await machine.must('curl -sSk https://127.0.0.1/v3/session')).toContain('"server":true');
    });

    test('after removal the recordings stay; a purge deletes the configuration only', async () => {
      const both = `${RECORDINGS} /mnt/usb/perch`;
      const files = await machine.must(filesIn(both));
      await machine.must('dpkg --remove perch');
      // It has recorded up to then.
      const left = await machine.must(filesIn(both));
      expect(left.split('\n')).toEqual(expect.arrayContaining(files.split('\n')));
      expect(await machine.must('ls /etc/perch')).toContain('perch.yml');
      await machine.must('dpkg --purge perch');
      expect(await machine.must(filesIn(both))).toBe(left);
      expect((await machine.run('ls -d /etc/perch /etc/systemd/system/perch.service.d')).code).not.toBe(0);
      // The shell is the test's own.
      expect(await machine.must('find /etc/systemd/system -name "perch*" ! -name perch-shell.service')).toBe('');
    });
  });
});
