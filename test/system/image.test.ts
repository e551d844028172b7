import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { imageMachine } from './image-machine.ts';
import type { Machine } from './machine.ts';

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
  let machine: Machine;
  beforeAll(async () => {
    machine = await imageMachine({ cardMegabytes: 8_000, setup: SETUP, usb: 'films' });
    await machine.boot();
  }, PATIENCE_MS);
  afterAll(() => machine?.[Symbol.asyncDispose](), PATIENCE_MS);

  test('it comes up with Perch, on a cable that gives an address', { timeout: PATIENCE_MS }, async () => {
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
    expect(await machine.must('findmnt -n -o FSTYPE /tmp /var/log /var/tmp | sort -u')).toBe('tmpfs');
    expect(await machine.must('findmnt -n -o OPTIONS /boot/firmware')).toMatch(/^ro,/);
  });

  test('what its owner wrote is taken, a wrong line is told, and no secret stays', {
    timeout: PATIENCE_MS,
  }, async () => {
    expect((await machine.until(`cat ${RESULT}`)).split('\r\n').slice(2)).toEqual([
      'hostname: the page is at http://barn.local',
      'wifi-name: My network',
      'time-zone: Europe/Berlin',
      'ssh-key: one key for ssh root@BOX',
      'NOT TAKEN: line 5: "Germany" is no country in two letters, such as DE',
      'owner-password: set; log in with it',
    ]);
    expect(await machine.must('cat /proc/sys/kernel/hostname')).toBe('barn');
    expect(await machine.must('date -d 2026-07-01 +%Z')).toBe('CEST');
    expect(await machine.must('stat -c %a /etc/wpa_supplicant/wpa_supplicant-wlan0.conf')).toBe('600');
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

  test('for an update the root can be written, and is read only again', { timeout: PATIENCE_MS }, async () => {
    await machine.must(
      'mount -o remount,rw / && touch /usr/lib/written && rm /usr/lib/written && mount -o remount,ro /',
    );
    expect(await machine.must('findmnt -n -o OPTIONS /')).toMatch(/^ro,/);
  });

  test('nothing has failed', { timeout: PATIENCE_MS }, async () => {
    // systemd waits a while for what is plugged in.
    await machine.until('[ -z "$(systemctl list-jobs --no-legend)" ]');
    expect(await machine.must('systemctl list-units --failed --no-legend')).toBe('');
  });

  test('after a power cut it is the same machine, and records on', { timeout: PATIENCE_MS }, async () => {
    const before = (await machine.until(`[ -n "$(${RECORDED})" ] && ${RECORDED}`)).split('\n');
    const same = 'cat /etc/machine-id /etc/hostname && cat /var/lib/perch-image/ssh_host_ed25519_key.pub';
    const identity = await machine.must(same);
    await machine.powerCut();
    await machine.boot();
    expect(machine.console).not.toContain('the data partition grows');
    await machine.until('systemctl is-active perch.service');
    expect(await machine.must(same)).toBe(identity);
    expect(identity).toMatch(/^[0-9a-f]{32}\nbarn\n/);
    expect(await machine.must(logIn('words of the owner'))).toBe('200');
    const count = `[ "$(${RECORDED} | wc -l)" -gt ${before.length} ] && ${RECORDED}`;
    const after = (await machine.until(count)).split('\n');
    expect(after).toEqual(expect.arrayContaining(before));
    process.stdout.write(`${await machine.run('systemd-analyze').then(({ output }) => output)}\n`);
  });
});
