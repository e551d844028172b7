import { mkdtempSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applySettings, wifiFile } from './apply.ts';
import { BootPartition } from './boot-partition.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perch-image-'));
});
afterEach(() => rm(root, { recursive: true }));

const heard: string[] = [];
const tellPerch = async (name: string) => void heard.push(name);
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('settings of the boot partition, laid down', () => {
  beforeEach(async () => {
    for (const folder of [
      'etc/wpa_supplicant',
      'proc/sys/kernel',
      'usr/share/zoneinfo/Europe',
      'var/lib/perch-image',
    ]) {
      await mkdir(join(root, folder), { recursive: true });
    }
    await writeFile(join(root, 'usr/share/zoneinfo/Europe/Berlin'), 'TZif');
  });

  test('the name, the time zone and the keys lie where the system reads them', async () => {
    const settings = {
      hostname: 'barn',
      timeZone: 'Europe/Berlin',
      sshKeys: ['ssh-ed25519 AAAA a', 'ssh-ed25519 BBBB b'],
    };
    expect(await applySettings(settings, tellPerch, root)).toEqual([
      'hostname: the page is at http://barn.local',
      'time-zone: Europe/Berlin',
      'ssh-key: 2 keys for ssh root@BOX',
    ]);
    expect([textOf('etc/hostname'), textOf('proc/sys/kernel/hostname')]).toEqual(['barn\n', 'barn']);
    expect(heard).toEqual(['barn']);
    expect(readlinkSync(join(root, 'var/lib/perch-image/localtime'))).toBe('/usr/share/zoneinfo/Europe/Berlin');
    expect(textOf('var/lib/perch-image/authorized_keys')).toBe('ssh-ed25519 AAAA a\nssh-ed25519 BBBB b\n');
    expect(statSync(join(root, 'var/lib/perch-image/authorized_keys')).mode & 0o777).toBe(0o600);
  });

  test('the file of the name is rewritten in place: it is mounted there', async () => {
    await writeFile(join(root, 'etc/hostname'), 'perch, and more than that\n');
    const { ino } = statSync(join(root, 'etc/hostname'));
    await applySettings({ hostname: 'barn', sshKeys: [] }, tellPerch, root);
    expect(statSync(join(root, 'etc/hostname')).ino).toBe(ino);
    expect(textOf('etc/hostname')).toBe('barn\n');
  });

  test("the machine has its name where Perch's configuration cannot be read, and the owner gets a report", async () => {
    const refuse = () => Promise.reject(new Error('unreadable'));
    expect(await applySettings({ hostname: 'barn', sshKeys: [] }, refuse, root)).toEqual([
      "hostname: barn, but Perch's configuration cannot be read, so the page keeps its name",
    ]);
    expect(textOf('etc/hostname')).toBe('barn\n');
  });

  test('the same a second time changes nothing, as after a power cut', async () => {
    const settings = {
      timeZone: 'Europe/Berlin',
      wifi: { name: 'a', password: undefined, country: undefined },
      sshKeys: [],
    };
    const first = await applySettings(settings, tellPerch, root);
    expect(await applySettings(settings, tellPerch, root)).toEqual(first);
    expect(await readdir(join(root, 'var/lib/perch-image'))).toEqual(['localtime']);
    expect(await readdir(join(root, 'etc/wpa_supplicant'))).toEqual(['wpa_supplicant-wlan0.conf']);
  });

  test('a Wi-Fi without a country is accepted, with a report why it may hear nothing', async () => {
    const wifi = { name: 'home', password: 'secret words', country: undefined };
    expect(await applySettings({ wifi, sshKeys: [] }, tellPerch, root)).toEqual([
      'wifi-name: home, without a wifi-country: it may not hear the network',
    ]);
  });

  test.for(['Europe/Paris', 'Europe'])('an unknown time zone is reported: %s', async (timeZone) => {
    expect(await applySettings({ timeZone, sshKeys: [] }, tellPerch, root)).toEqual([
      `NOT TAKEN: there is no time zone ${timeZone}, such as Europe/Berlin`,
    ]);
    expect(await readdir(join(root, 'var/lib/perch-image'))).toEqual([]);
  });
});

describe('the file of a Wi-Fi', () => {
  // IEEE 802.11-2020 annex J.4.2, the first test vector.
  test('the password is kept as the key that the standard makes of it and of the name', () => {
    const file = wifiFile({ name: 'IEEE', password: 'password', country: 'DE' });
    expect(file).toContain('\tpsk=f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e\n');
    expect(file).toContain('\tssid=49454545\n');
    expect(file).toContain('country=DE\n');
    expect(file).not.toContain('password');
  });

  test('a name with YAML syntax is quoted', () => {
    const file = wifiFile({ name: '"}\npsk="x', password: undefined, country: undefined });
    expect(file).toContain(`\tssid=${Buffer.from('"}\npsk="x').toString('hex')}\n\tscan_ssid=1\n\tkey_mgmt=NONE\n}`);
  });
});

describe('the boot partition', () => {
  test('afterwards the partition has the result and no secret', async () => {
    await mkdir(join(root, 'boot'));
    await writeFile(join(root, 'template'), '# fill in\n');
    await writeFile(join(root, 'boot/perch-setup.yml'), 'owner-password: secret words\n');
    await writeFile(join(root, 'boot/other.txt'), 'mine');
    const mounts: string[] = [];
    const boot = new BootPartition(join(root, 'boot'), join(root, 'template'), async (how) => mounts.push(how));
    const files = await boot.setupFiles();
    expect(files.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(['owner-password: secret words\n']);
    await boot.finish('set\n', files);
    expect(textOf('boot/perch-setup.yml')).toBe('# fill in\n');
    expect(textOf('boot/perch-setup-result.txt')).toBe('set\r\n');
    expect((await readdir(join(root, 'boot'))).sort()).toEqual([
      'other.txt',
      'perch-setup-result.txt',
      'perch-setup.yml',
    ]);
    expect(mounts).toEqual(['rw', 'ro']);
  });
});
