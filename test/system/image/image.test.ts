import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ImageMachine, imageMachine } from '../machine/image-machine.ts';
import { makeUpdateFiles, type UpdateFiles } from '../machine/update-files.ts';
import { askForUpdate, outcomeOf, RECORDINGS } from '../machine/update-requests.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1cnEyXcl3nMpmDMWMxS4Rq4ZuBNa5K3jJjwA4fGxQq me@home';
const SECRETS = ['words of the owner', 'words of the air'];
const SETUP = `# of a test
hostname: barn
wifi-name: My network
wifi-password: ${SECRETS[1]}
wifi-country: Germany
time-zone: Europe/Berlin
owner-password: ${SECRETS[0]}
ssh-key: ${KEY}
`;
/** Constant for one card. */
const IDENTITY = 'cat /etc/machine-id /etc/hostname /var/lib/perch-image/ssh_host_ed25519_key.pub';
/** Which one runs, and from which partition. */
const SYSTEM = 'grep -o "perch.system=." /proc/cmdline; findmnt -n -o SOURCE /';
const INSTALLED = `dpkg-query --show --showformat='\${db:Status-Status} \${Version}' perch`;
const DISK_NUMBER = "od -A n -t x4 -j 440 -N 4 /dev/vda | tr -d ' '";
const imageNumber = (commandLine: string): string => /perch\.written=([0-9a-f]{8})/.exec(commandLine)?.[1] ?? '';
const RESULT = '/boot/firmware/perch-setup-result.txt';
const NODE = '/usr/lib/perch/node/bin/node';
const get = (path: string): string => `busybox wget -q -O - http://127.0.0.1${path}`;
const logIn = (password: string): string =>
  `${NODE} -e 'fetch("http://127.0.0.1/v3/session",{method:"POST",headers:{"Content-Type":"application/json"},body:JSON.stringify({password:"${password}"})}).then(a=>console.log(a.status))'`;
/** Files of recordings, the demo camera's. */
const RECORDED = `find /var/lib/perch -name '*.mp4' -size +100k | sort`;

/** Built and then started by an emulated processor: an hour's patience. */
const PATIENCE_MS = 3_600_000;

describe('the image for the Raspberry Pi', () => {
  let folder: string;
  let files: UpdateFiles;
  let machine: ImageMachine;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'perch-updates-'));
    files = await makeUpdateFiles(folder);
    const usb = { label: 'films', files: [files.perch, files.good, files.dead] };
    machine = await imageMachine({ cardMegabytes: 8_000, setup: SETUP, usb });
    await machine.boot();
  }, PATIENCE_MS);
  afterAll(async () => {
    await machine?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  }, PATIENCE_MS);
  const onUsb = (file: keyof UpdateFiles): string => `/media/films/${basename(files[file])}`;
  const untilRecording = (): Promise<string> =>
    machine.until(`${get('/health')} && find ${RECORDINGS} -name '*.mp4' -size +100k | grep -q .`);

  test('it starts with Perch, on a cable with DHCP', { timeout: PATIENCE_MS }, async () => {
    await machine.until('systemctl is-active perch.service');
    expect(await machine.until(get('/health'))).not.toBe('');
    expect(await machine.until(`${get('/')} | head -c 15`)).toBe('<!doctype html>');
    expect(await machine.until('ip -4 -o address show dev eth0 | grep -o 10.0.2.15')).toBe('10.0.2.15');
  });

  test('the root can only be read, and the data have the whole card', { timeout: PATIENCE_MS }, async () => {
    expect(await machine.must('findmnt -n -o OPTIONS /')).toMatch(/^ro,/);
    expect((await machine.run('touch /etc/written')).output).toContain('Read-only file system');
    expect(Number(await machine.must("df -BM --output=size /data | tail -1 | tr -dc '0-9'"))).toBeGreaterThan(4_000);
    for (const folder of ['/etc/perch', '/var/lib/perch', '/etc/systemd/system']) {
      expect(await machine.must(`findmnt -n -o OPTIONS ${folder}`)).toMatch(/^rw,/);
    }
    const inMemory = 'for at in /tmp /var/log /var/tmp; do findmnt -n -o FSTYPE $at; done';
    expect(await machine.must(inMemory)).toBe('tmpfs\ntmpfs\ntmpfs');
    expect(await machine.must('findmnt -n -o OPTIONS /boot/firmware')).toMatch(/^ro,/);
  });

  test('the disk has its own id, by which its system is found', { timeout: PATIENCE_MS }, async () => {
    const number = /root=PARTUUID=([0-9a-f]{8})-02 perch\.written=00000000 /;
    const own = number.exec(await machine.must('cat /boot/firmware/cmdline.txt'))?.[1];
    expect(await machine.must(DISK_NUMBER)).toBe(own);
    expect(own).not.toBe(imageNumber(await machine.must('cat /proc/cmdline')));
  });

  test("the owner's settings are applied, an invalid line is reported, and no secret remains", {
    timeout: PATIENCE_MS,
  }, async () => {
    expect((await machine.until(`cat ${RESULT}`)).split('\r\n').slice(2)).toEqual([
      'hostname: the page is at http://barn.local',
      'wifi-name: My network, without a wifi-country: it may not hear the network',
      'time-zone: Europe/Berlin',
      'ssh-key: one key for ssh root@BOX',
      'NOT TAKEN: line 5: "Germany" is not a country code of two letters, such as DE',
      'owner-password: set; log in with it',
    ]);
    expect(await machine.must('cat /proc/sys/kernel/hostname /etc/hostname')).toBe('barn\nbarn');
    expect(await machine.must('stat -c "%U %a" /etc/perch/perch.yml')).toBe('perch 660');
    await machine.until("journalctl --unit perch.service --output cat | grep -q 'http://barn.local/'");
    expect(await machine.must('date -d 2026-07-01 +%Z')).toBe('CEST');
    expect(await machine.must('stat -c %a /var/lib/perch-image/wifi')).toBe('600');
    expect(await machine.must(logIn('words of the owner'))).toBe('200');
    expect(await machine.must(logIn('words of the other'))).toBe('401');
    for (const secret of SECRETS) {
      expect((await machine.run(`grep -c -a '${secret}' /dev/vda1`)).output.trim()).toBe('0');
      expect((await machine.run(`grep -r -l '${secret}' /data/system /etc /run/perch-image`)).output).toBe('');
    }
  });

  test('ssh lets in with the key alone, by a key of this machine', { timeout: PATIENCE_MS }, async () => {
    expect(await machine.until('systemctl is-active ssh.service')).toBe('active');
    const settings = await machine.must('sshd -T | sort');
    expect(settings).toContain('passwordauthentication no');
    expect(settings).toContain('hostkey /var/lib/perch-image/ssh_host_ed25519_key');
    expect(await machine.must('cat /var/lib/perch-image/authorized_keys')).toBe(KEY);
  });

  test('a USB disk is mounted by its label', { timeout: PATIENCE_MS }, async () => {
    expect(await machine.until('findmnt -n -o SOURCE /media/films')).toMatch(/^\/dev\/sd/);
  });

  test('a real-time clock with a battery can be set', { timeout: PATIENCE_MS }, async () => {
    await machine.must('hwclock --systohc --utc');
    const apart = '$(($(date +%s) - $(cat /sys/class/rtc/rtc0/since_epoch)))';
    expect(Math.abs(Number(await machine.must(`echo ${apart}`)))).toBeLessThan(60);
  });

  test('for an update the root can be written, and is read only again', { timeout: PATIENCE_MS }, async () => {
    await machine.must(
      'mount -o remount,rw / && touch /usr/lib/written && rm /usr/lib/written && mount -o remount,ro /',
    );
    expect(await machine.must('findmnt -n -o OPTIONS /')).toMatch(/^ro,/);
  });

  test('nothing has failed', { timeout: PATIENCE_MS }, async () => {
    // systemd waits a while for devices.
    await machine.until('[ -z "$(systemctl list-jobs --no-legend)" ]');
    expect(await machine.must('systemctl list-units --failed --no-legend')).toBe('');
  });

  test('after a power cut it is the same machine, and records on', { timeout: PATIENCE_MS }, async () => {
    const before = (await machine.until(`[ -n "$(${RECORDED})" ] && ${RECORDED}`)).split('\n');
    const identity = await machine.must(IDENTITY);
    const number = await machine.must(DISK_NUMBER);
    const ofImage = imageNumber(await machine.must('cat /proc/cmdline'));
    await machine.powerCut();
    // It might have been cut in the first start already: the command line had the new number, the disk had not.
    await machine.numberAgain(ofImage);
    await machine.boot();
    expect(await machine.must(DISK_NUMBER)).toBe(number);
    expect(await machine.must('cat /boot/firmware/cmdline.txt')).toContain('perch.written=00000000 ');
    expect(machine.console).not.toContain('the data partition grows');
    await machine.until('systemctl is-active perch.service');
    expect(await machine.must(IDENTITY)).toBe(identity);
    expect(identity).toMatch(/^[0-9a-f]{32}\nbarn\n/);
    expect(await machine.must(logIn('words of the owner'))).toBe('200');
    const count = `[ "$(${RECORDED} | wc -l)" -gt ${before.length} ] && ${RECORDED}`;
    const after = (await machine.until(count)).split('\n');
    expect(after).toEqual(expect.arrayContaining(before));
    process.stdout.write(`${await machine.run('systemd-analyze').then(({ output }) => output)}\n`);
  });

  test('a good update is installed onto the root, which is read only again', { timeout: PATIENCE_MS }, async () => {
    await machine.until(`ls ${onUsb('perch')}`);
    await machine.must(`mount -o remount,rw / && dpkg --install ${onUsb('perch')} && mount -o remount,ro /`);
    await untilRecording();
    const id = await askForUpdate(machine, onUsb('good'));
    expect(await outcomeOf(machine, id)).toMatchObject({ ok: true, state: 'good', from: '1.0.0', to: '1.1.0' });
    expect(await machine.must(INSTALLED)).toBe('installed 1.1.0');
    expect(await machine.must('findmnt -n -o OPTIONS /')).toMatch(/^ro,/);
  });

  test('a version that does not start is replaced by the previous one', { timeout: PATIENCE_MS }, async () => {
    const id = await askForUpdate(machine, onUsb('dead'));
    const back = { ok: false, state: 'gone back', why: 'notStarted', from: '1.1.0' };
    expect(await outcomeOf(machine, id)).toMatchObject(back);
    expect(await machine.must(INSTALLED)).toBe('installed 1.1.0');
    expect(await machine.must('findmnt -n -o OPTIONS /')).toMatch(/^ro,/);
    await untilRecording();
  });

  test('a second system is tried, with settings and recordings; after a power cut the first one starts', {
    timeout: PATIENCE_MS,
  }, async () => {
    expect(await machine.must(SYSTEM)).toBe('perch.system=a\n/dev/vda2');
    const before = (await machine.must(RECORDED)).split('\n');
    const identity = await machine.must(IDENTITY);
    await machine.powerCut();
    await machine.copySystem();
    await machine.choose('system=a\ntrial=b\n');
    await machine.boot();
    expect(await machine.must(SYSTEM)).toBe('perch.system=b\n/dev/vda3');
    expect(await machine.must(IDENTITY)).toBe(identity);
    const more = `[ "$(${RECORDED} | wc -l)" -gt ${before.length} ] && ${RECORDED}`;
    const after = (await machine.until(more)).split('\n');
    expect(after).toEqual(expect.arrayContaining(before));
    expect(await machine.until(logIn('words of the owner'))).toBe('200');
    await machine.powerCut();
    expect(await machine.choice()).toBe('system=a\n');
    await machine.boot();
    expect(await machine.must(SYSTEM)).toBe('perch.system=a\n/dev/vda2');
    // The cut may have taken the end of the newest one.
    await machine.until(`${RECORDED} | grep -v -x -F '${after.join('\n')}' | grep .`);
  });

  test("the Pi 5's kernel starts it, from its own card where another with the same image is found first", {
    timeout: PATIENCE_MS,
  }, async () => {
    const identity = await machine.must(IDENTITY);
    const other = await machine.must('uname -r');
    await machine.powerCut();
    await machine.boot({ kernel: 'vmlinuz-pi5', withOtherCard: true });
    expect(await machine.must('uname -r')).not.toBe(other);
    await machine.until('systemctl is-active perch.service');
    expect(await machine.until(get('/health'))).not.toBe('');
    expect(await machine.must(IDENTITY)).toBe(identity);
    const disks = 'for at in / /data /boot/firmware; do findmnt -n -o SOURCE $at; done';
    expect((await machine.must(disks)).split('\n')).toEqual(['/dev/vdb2', '/dev/vdb4', '/dev/vdb1']);
    expect((await machine.run('grep vda /proc/mounts')).output).toBe('');
    expect(await machine.until('findmnt -n -o SOURCE /media/films')).toMatch(/^\/dev\/sd/);
    expect(await machine.must('systemctl list-units --failed --no-legend')).toBe('');
  });
});
