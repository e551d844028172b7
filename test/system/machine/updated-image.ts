import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { LAYOUT } from '../../../packaging/image/disk.ts';
import { makeSystemUpdate } from '../../../packaging/image/system-update.ts';
import { type ImageMachine, imageMachine } from './image-machine.ts';

const run = promisify(execFile);
const MIB = 2 ** 20;
const OWNER = 'words of the owner';
const HEALTHY = 'busybox wget -q -O - http://127.0.0.1/health';
const BYTES = `find /var/lib/perch -name '*.mp4' -printf '%s\\n' | awk '{ sum += $1 } END { print sum + 0 }'`;
const RECORDED = `find /var/lib/perch -name '*.mp4' -size +100k | sort`;

/** @param variants updates of the system on the USB disk: name, and what is changed in it, as commands of debugfs; IDLE is a program that does nothing */
export async function machineWithUpdates(variants: Readonly<Record<string, readonly string[]>>): Promise<ImageMachine> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-image-update-'));
  const key = generateKeyPairSync('ed25519').privateKey;
  const keyFile = join(folder, 'key');
  writeFileSync(keyFile, key.export({ type: 'pkcs8', format: 'pem' }));
  const make = async (image: string, into: string): Promise<readonly string[]> => {
    const files: string[] = [];
    const [idle, script] = [join(into, 'idle'), join(into, 'changes')];
    writeFileSync(idle, 'setInterval(() => {}, 1e9);\n');
    for (const [name, commands] of Object.entries(variants)) {
      const variant = join(into, `${name}.img`);
      await run('cp', ['--sparse=always', image, variant]);
      writeFileSync(script, `${commands.join('\n').replace('IDLE', idle)}\n`);
      await run('debugfs', ['-w', '-f', script, `${variant}?offset=${LAYOUT.root.startMib * MIB}`]);
      const file = join(into, `${name}.perchupdate`);
      await makeSystemUpdate(variant, file, key, { version: '99.0.0', time: 1_700_000_000, isQuick: true });
      rmSync(variant);
      files.push(file);
    }
    return files;
  };
  const setup = `hostname: barn\nowner-password: ${OWNER}\n`;
  try {
    return await imageMachine({ cardMegabytes: 8_000, setup, usb: { label: 'films', files: [] }, keyFile, make });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const fileOf = (variant: string): string => `/media/films/${variant}.perchupdate`;

/** @returns what the program says @throws Error it did not install it */
export async function install(machine: ImageMachine, variant: string): Promise<string> {
  await machine.until(`ls ${fileOf(variant)}`);
  return machine.must(`perch-system install ${fileOf(variant)}`);
}

const LOGIN = `Basic ${Buffer.from(`owner:${OWNER}`).toString('base64')}`;

/** Sends an update as the page does; the machine restarts when it is written. @returns the answer */
export async function send(machine: ImageMachine, variant: string): Promise<string> {
  await machine.until(`ls ${fileOf(variant)}`);
  // It has an owner soon after the first start.
  await shown(machine);
  const script = `require('node:fs').openAsBlob('${fileOf(variant)}').then(async (body) => {
    const headers = { Authorization: '${LOGIN}', 'Content-Type': 'application/octet-stream' };
    const answer = await fetch('http://127.0.0.1/v3/update', { method: 'POST', headers, body });
    console.log(await answer.text());
    process.exit(answer.ok ? 0 : 1);
  })`;
  await machine.must(`cat > /run/send.cjs << 'END'\n${script}\nEND`);
  return machine.must('/usr/lib/perch/node/bin/node /run/send.cjs');
}

/** @returns the last update as the page shows it */
export async function shown(machine: ImageMachine): Promise<object | null> {
  const ask = `busybox wget -q -O - --header 'Authorization: ${LOGIN}' http://127.0.0.1/v3/update`;
  return (JSON.parse(await machine.until(ask)) as { readonly last: object | null }).last;
}

/** The restart ends QEMU. */
export async function restart(machine: ImageMachine): Promise<void> {
  await machine.run('systemctl --no-block reboot').catch(() => {});
  await machine.untilOff();
}

export const systemOf = (machine: ImageMachine): Promise<string> =>
  machine.must('sed -n "s/.*perch.system=\\(.\\).*/\\1/p" /proc/cmdline');

/** @returns the recordings that are there */
export async function recordings(machine: ImageMachine): Promise<readonly string[]> {
  return (await machine.must(RECORDED)).split('\n').filter((line) => line !== '');
}

/** Perch is healthy, has these recordings, and records more. @returns all recordings */
export async function recordsOn(machine: ImageMachine, before?: readonly string[]): Promise<readonly string[]> {
  await machine.until(HEALTHY);
  expect(await recordings(machine)).toEqual(expect.arrayContaining([...(before ?? [])]));
  // A recording may have begun already, and the next one begins an hour later.
  await machine.until(`before=$(${BYTES}); sleep 5; [ "$(${BYTES})" -gt $((before + 20000)) ]`);
  return recordings(machine);
}
