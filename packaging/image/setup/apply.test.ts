import { mkdtempSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applySettings, claimBox } from './apply.ts';
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
    for (const folder of ['etc', 'proc/sys/kernel', 'usr/share/zoneinfo/Europe', 'var/lib/perch-image']) {
      await mkdir(join(root, folder), { recursive: true });
    }
    await writeFile(join(root, 'usr/share/zoneinfo/Europe/Berlin'), 'TZif');
  });

  test('the name, the time zone and the keys lie where the system reads them', async () => {
    const settings = {
      hostname: 'barn',
      timeZone: 'Europe/Berlin',
      wifis: [],
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
    await applySettings({ hostname: 'barn', wifis: [], sshKeys: [] }, tellPerch, root);
    expect(statSync(join(root, 'etc/hostname')).ino).toBe(ino);
    expect(textOf('etc/hostname')).toBe('barn\n');
  });

  test("the machine has its name where Perch's configuration cannot be read, and the owner gets a report", async () => {
    const refuse = () => Promise.reject(new Error('unreadable'));
    expect(await applySettings({ hostname: 'barn', wifis: [], sshKeys: [] }, refuse, root)).toEqual([
      "hostname: barn, but Perch's configuration cannot be read, so the page keeps its name",
    ]);
    expect(textOf('etc/hostname')).toBe('barn\n');
  });

  test('the same a second time changes nothing, as after a power cut', async () => {
    const settings = {
      timeZone: 'Europe/Berlin',
      wifis: [{ name: 'a', password: undefined }],
      accessPointPassword: 'letters of the card',
      sshKeys: [],
    };
    const first = await applySettings(settings, tellPerch, root);
    expect(await applySettings(settings, tellPerch, root)).toEqual(first);
    expect((await readdir(join(root, 'var/lib/perch-image'))).sort()).toEqual(['access-point', 'localtime', 'wifi']);
    expect(textOf('var/lib/perch-image/wifi')).toBe('network 61 - -\n');
    expect(textOf('var/lib/perch-image/access-point')).toMatch(/^Perch-[A-Z0-9]{4} letters of the card\n$/);
    for (const name of ['wifi', 'access-point']) {
      expect(statSync(join(root, 'var/lib/perch-image', name)).mode & 0o777).toBe(0o600);
    }
  });

  test('a Wi-Fi without a country is accepted, with a report why it may hear nothing', async () => {
    const wifis = [{ name: 'home', password: 'secret words' }];
    expect(await applySettings({ wifis, sshKeys: [] }, tellPerch, root)).toEqual([
      'wifi-name: home, without a wifi-country: it may not hear the network',
    ]);
  });

  test.for(['Europe/Paris', 'Europe'])('an unknown time zone is reported: %s', async (timeZone) => {
    expect(await applySettings({ timeZone, wifis: [], sshKeys: [] }, tellPerch, root)).toEqual([
      `NOT TAKEN: there is no time zone ${timeZone}, such as Europe/Berlin`,
    ]);
    expect(await readdir(join(root, 'var/lib/perch-image'))).toEqual([]);
  });
});

describe('the boot partition', () => {
  test('afterwards the partition has the result and no secret', async () => {
    await mkdir(join(root, 'boot'));
    await writeFile(join(root, 'boot/perch-setup.yml'), 'owner-password: secret words\n');
    await writeFile(join(root, 'boot/other.txt'), 'mine');
    const mounts: string[] = [];
    const boot = new BootPartition(
      join(root, 'boot'),
      async () => '# fill in\n',
      async (how) => mounts.push(how),
    );
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

  test('a setup file as shipped gets the access point of the card, another one stays', async () => {
    await mkdir(join(root, 'boot'));
    await writeFile(join(root, 'boot/perch-setup.txt'), '# shipped\n');
    const mounts: string[] = [];
    const boot = new BootPartition(
      join(root, 'boot'),
      async () => '# Now: Perch-AB2C\n',
      async (how) => mounts.push(how),
    );
    await boot.replaceShipped('# another\n');
    expect([textOf('boot/perch-setup.txt'), mounts]).toEqual(['# shipped\n', []]);
    await boot.replaceShipped('# shipped\n');
    expect([textOf('boot/perch-setup.txt'), mounts]).toEqual(['# Now: Perch-AB2C\n', ['rw', 'ro']]);
  });
});

/** A program that reads the password, says this, and ends with this code. */
const saying = (words: string, code: number): readonly string[] => [
  'sh',
  '-c',
  `read -r password; [ "$password" = 'some other words' ] || exit 99; echo "${words}" >&2; exit ${code}`,
];

test.for([
  ['the password that was taken', '', 0, 'owner-password: set; log in with it', true],
  [
    'one that Perch refuses, with its reason',
    'Perch: choose another',
    1,
    'owner-password: not set: choose another',
    true,
  ],
  [
    'a Perch that cannot save it now',
    'Perch: no room',
    75,
    'owner-password: not set yet; set at the next start',
    false,
  ],
] as const)('%s', async ([, words, code, report, isOver]) => {
  expect(await claimBox(saying(words, code), 'some other words')).toEqual({ report, isOver });
});

test('a program that ends without reading is not an internal error', async () => {
  const report = 'owner-password: not set: it has an owner';
  expect(await claimBox(['sh', '-c', 'echo it has an owner >&2; exit 1'], 'x'.repeat(1 << 20))).toEqual({
    report,
    isOver: true,
  });
});

test('if the program is missing, the next start tries again', async () => {
  expect((await claimBox(['/nowhere/perch'], 'some other words')).isOver).toBe(false);
});
