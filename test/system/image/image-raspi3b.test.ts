import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { PiMachine } from '../machine/pi-machine.ts';

const PASSWORD = 'words of the owner';
const SETUP = `hostname: barn\nowner-password: ${PASSWORD}\n`;
const OWNER = { authorization: `Basic ${Buffer.from(`owner:${PASSWORD}`).toString('base64')}` };

/** Built and then started by an emulated processor: an hour's patience. */
const PATIENCE_MS = 3_600_000;

interface Recorded {
  readonly segments: readonly { readonly start: string }[];
}

describeWith(['root', 'qemu-arm', 'mmdebstrap', 'ssh', 'ffmpeg'], "the image in QEMU's Raspberry Pi 3 B", () => {
  let machine: PiMachine;
  beforeAll(async () => {
    machine = await PiMachine.make(SETUP);
    await machine.switchOn();
  }, PATIENCE_MS);
  afterAll(async () => {
    await machine?.[Symbol.asyncDispose]();
  }, PATIENCE_MS);
  const recordings = async (): Promise<Recorded> => {
    const answer = await machine.untilAnswered('/v3/recordings/get/demo', OWNER);
    return answer.json() as Promise<Recorded>;
  };

  test('Perch answers with its page over the network', { timeout: PATIENCE_MS }, async () => {
    await machine.untilAnswered('/health');
    expect(await (await machine.untilAnswered('/')).text()).toMatch(/^<!doctype html>/);
  });

  test("it is Debian's kernel on the board of the device tree", { timeout: PATIENCE_MS }, async () => {
    expect(await machine.until('tr -d "\\0" < /proc/device-tree/model')).toBe('Raspberry Pi 3 Model B');
    expect(await machine.until('nproc')).toBe('4');
    expect(await machine.until('perch-system')).toBe('system a runs');
    expect(await machine.until('grep -o "perch.system=." /proc/cmdline')).toBe('perch.system=a');
    process.stdout.write(`${await machine.until('uname -r; systemd-analyze; free -m')}\n`);
  });

  test('its kernel cannot set the tryboot flag of the firmware: docs/design/updates.md', {
    timeout: PATIENCE_MS,
  }, async () => {
    expect(await machine.until('ls /dev | grep -c vcio || true')).toBe('0');
    const tags = 'grep -a -o "RPI_FIRMWARE_[A-Z]*_REBOOT[A-Z_]*" /sys/kernel/btf/vmlinux | sort -u';
    expect(await machine.until(tags)).toBe('RPI_FIRMWARE_NOTIFY_REBOOT');
  });

  test('its card is the SD card, and the data have all of it', { timeout: PATIENCE_MS }, async () => {
    const disks = 'for at in / /data /boot/firmware; do findmnt -n -o SOURCE $at; done';
    const [root, data, boot] = (await machine.until(disks)).split('\n');
    expect([root, data, boot]).toEqual(['/dev/mmcblk0p2', '/dev/mmcblk0p4', '/dev/mmcblk0p1']);
    expect(Number(await machine.until("df -BM --output=size /data | tail -1 | tr -dc '0-9'"))).toBeGreaterThan(4_000);
  });

  test("the owner's settings are applied, and the password lets in", { timeout: PATIENCE_MS }, async () => {
    expect(await machine.until('cat /etc/hostname')).toBe('barn');
    expect((await fetch(`${machine.url}/v3/paths/list`)).status).toBe(401);
    await machine.untilAnswered('/v3/paths/list', OWNER);
  });

  test('a recording on the card is fetched over the network and decodes', { timeout: PATIENCE_MS }, async () => {
    const first = async () => {
      const answer = await machine.untilAnswered('/playback/list?path=demo', OWNER);
      return ((await answer.json()) as { start: string; duration: number }[])[0];
    };
    await expect.poll(async () => (await first())?.duration, { timeout: PATIENCE_MS }).toBeGreaterThan(6);
    const start = (await first())?.start ?? '';
    const query = new URLSearchParams({ path: 'demo', start, duration: '5s', format: 'mp4' });
    const answer = await machine.untilAnswered(`/playback/get?${query}`, OWNER);
    const folder = mkdtempSync(join(tmpdir(), 'perch-pi-'));
    try {
      const file = join(folder, 'recorded.mp4');
      writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
      expect(await ffmpegWarnings(['-i', file])).toBe('');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('after a power cut it has its recordings and records on', { timeout: PATIENCE_MS }, async () => {
    const before = (await recordings()).segments.map(({ start }) => start);
    expect(before).not.toEqual([]);
    await machine.powerCut();
    await machine.switchOn();
    await machine.untilAnswered('/health');
    const more = async () => (await recordings()).segments.map(({ start }) => start);
    await expect.poll(async () => (await more()).length, { timeout: PATIENCE_MS }).toBeGreaterThan(before.length);
    expect(await more()).toEqual(expect.arrayContaining(before));
  });

  test('nothing has failed', { timeout: PATIENCE_MS }, async () => {
    await machine.until('[ -z "$(systemctl list-jobs --no-legend)" ]');
    expect(await machine.until('systemctl list-units --failed --no-legend')).toBe('');
  });
});
