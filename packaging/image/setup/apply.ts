import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { replaceFile } from '../../../agent/base/files/durable-file.ts';
import { writeAtomic } from '../../../agent/config/file/file.ts';
import { editText } from '../../../agent/config/yaml/edit.ts';
import { accessPointText, newAccessPoint, parseAccessPoint } from '../wifi/access-point.ts';
import { withNetworks } from '../wifi/networks.ts';
import type { Settings } from './settings.ts';

const ACCESS_POINT = 'var/lib/perch-image/access-point';
const NETWORKS = 'var/lib/perch-image/wifi';

/**
 * Writes files for systemd, the Wi-Fi and ssh. The owner password is handled by Perch itself.
 * @param tellPerch sets the name in Perch's configuration
 * @param root of the system's files
 * @returns a line per applied setting, for the owner
 */
export async function applySettings(
  settings: Settings,
  tellPerch: (hostname: string) => Promise<void>,
  root = '/',
): Promise<string[]> {
  const { hostname, wifis, wifiCountry, accessPointPassword, timeZone, sshKeys } = settings;
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
  if (wifis.length > 0 || wifiCountry !== undefined) {
    const file = join(root, NETWORKS);
    const before = await readFile(file, 'utf8').catch(() => '');
    // Keeps networks from earlier setup files and from the page of the access point.
    await replaceFile(file, withNetworks(before, wifis, wifiCountry), 0o600);
    const nowhere = wifiCountry === undefined ? ', without a wifi-country: it may not hear the network' : '';
    for (const { name, password } of wifis) {
      applied.push(`wifi-name: ${name}${password === undefined ? ', without a password' : ''}${nowhere}`);
    }
  }
  if (accessPointPassword !== undefined) {
    applied.push(await setAccessPoint(accessPointPassword, root));
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

/** The access point's password, which the owner may choose. */
async function setAccessPoint(password: string, root: string): Promise<string> {
  const file = join(root, ACCESS_POINT);
  const { name } = parseAccessPoint(await readFile(file, 'utf8').catch(() => '')) ?? newAccessPoint();
  await replaceFile(file, accessPointText({ name, password }), 0o600);
  return `access-point-password: set, for ${name}`;
}

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

interface Claimed {
  /** The outcome as a sentence for the owner. */
  readonly report: string;
  /** Whether the next start does not try again. */
  readonly isOver: boolean;
}

/** Exit code of `perch claim`: a retry may succeed (EX_TEMPFAIL of sysexits.h). */
const TEMPORARY = 75;

/** Perch itself reads the password and stores only its hash. @param command `perch claim` with its arguments */
export async function claimBox(command: readonly string[], password: string): Promise<Claimed> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  // It may end before it reads the password; its exit code has the reason.
  child.stdin.on('error', () => {});
  child.stdin.end(`${password}\n`);
  try {
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close') as Promise<[number | null]>]);
    if (code === 0) {
      return { report: 'owner-password: set; log in with it', isOver: true };
    }
    if (code !== TEMPORARY) {
      return { report: `owner-password: not set: ${said.replace(/^Perch: /, '').trim()}`, isOver: true };
    }
  } catch {
    // The program cannot be started.
  }
  return { report: 'owner-password: not set yet; set at the next start', isOver: false };
}
