import { pbkdf2Sync } from 'node:crypto';
import { readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../../agent/base/files/durable-file.ts';
import { writeAtomic } from '../../../agent/config/file/file.ts';
import { editText } from '../../../agent/config/yaml/edit.ts';
import type { Settings, Wifi } from './settings.ts';

/** IEEE 802.11 annex J.4: the password cannot be recovered. */
const PSK_ROUNDS = 4_096;

/**
 * Writes files for systemd, wpa_supplicant and ssh. The owner password is handled by Perch itself.
 * @param tellPerch sets the name in Perch's configuration
 * @param root of the system's files
 * @returns a line per applied setting, for the owner
 */
export async function applySettings(
  settings: Settings,
  tellPerch: (hostname: string) => Promise<void>,
  root = '/',
): Promise<string[]> {
  const { hostname, wifi, timeZone, sshKeys } = settings;
  const applied: string[] = [];
  if (hostname !== undefined) {
    // In place: the file is a mount, and a replacement would not be visible before the next boot. One left empty by a
    // power cut is written again, as the setup file still exists.
    await writeFile(join(root, 'etc/hostname'), `${hostname}\n`, { flush: true });
    await writeFile(join(root, 'proc/sys/kernel/hostname'), hostname);
    applied.push(
      await tellPerch(hostname).then(
        () => `hostname: the page is at http://${hostname}.local`,
        () => `hostname: ${hostname}, but Perch's configuration cannot be read, so the page keeps its name`,
      ),
    );
  }
  if (wifi) {
    const file = join(root, 'etc/wpa_supplicant/wpa_supplicant-wlan0.conf');
    await replaceFile(file, wifiFile(wifi), 0o600);
    const open = wifi.password === undefined ? ', without a password' : '';
    const nowhere = wifi.country === undefined ? ', without a wifi-country: it may not hear the network' : '';
    applied.push(`wifi-name: ${wifi.name}${open}${nowhere}`);
  }
  if (timeZone !== undefined) {
    applied.push(await setTimeZone(timeZone, root));
  }
  if (sshKeys.length > 0) {
    await replaceFile(join(root, 'var/lib/perch-image/authorized_keys'), `${sshKeys.join('\n')}\n`, 0o600);
    applied.push(`ssh-key: ${sshKeys.length === 1 ? 'one key' : `${sshKeys.length} keys`} for ssh root@BOX`);
  }
  return applied;
}

/** For wpa_supplicant. The name as hex, since it may contain any byte. */
export function wifiFile({ name, password, country }: Wifi): string {
  const login =
    password === undefined
      ? ['key_mgmt=NONE']
      : ['key_mgmt=WPA-PSK WPA-PSK-SHA256', 'ieee80211w=1', `psk=${pskOf(name, password)}`];
  return [
    'ctrl_interface=/run/wpa_supplicant',
    ...(country === undefined ? [] : [`country=${country}`]),
    'network={',
    `\tssid=${Buffer.from(name).toString('hex')}`,
    '\tscan_ssid=1',
    ...login.map((line) => `\t${line}`),
    '}',
    '',
  ].join('\n');
}

const pskOf = (name: string, password: string): string =>
  password.length === 64 ? password.toLowerCase() : pbkdf2Sync(password, name, PSK_ROUNDS, 32, 'sha1').toString('hex');

async function setTimeZone(name: string, root: string): Promise<string> {
  const file = await stat(join(root, 'usr/share/zoneinfo', name)).catch(() => undefined);
  if (file?.isFile() !== true) {
    return `NOT TAKEN: there is no time zone ${name}, such as Europe/Berlin`;
  }
  // /etc/localtime leads here.
  await replaceLink(join(root, 'var/lib/perch-image/localtime'), `/usr/share/zoneinfo/${name}`);
  return `time-zone: ${name}`;
}

async function replaceLink(link: string, target: string): Promise<void> {
  await rm(`${link}.new`, { force: true });
  await symlink(target, `${link}.new`);
  await rename(`${link}.new`, link);
}

export async function setBoxName(file: string, name: string): Promise<void> {
  // A pipe instead of the file would block the boot, since the network waits for this.
  if (!(await stat(file)).isFile()) {
    throw new Error(`${file} is not a file`);
  }
  await writeAtomic(file, editText(await readFile(file, 'utf8'), ['boxName'], name));
}
