import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../peers/programs/peers.ts';
import { PerchMachine } from './machine/perch-machine.ts';

interface System {
  readonly drives: readonly { readonly name: string; readonly health: string | null }[];
  readonly hardwareFaults: readonly { readonly why: string; readonly name: string | null }[];
}

/** Requests keep an emulated machine from its work. */
const SLOW = { timeout: 600_000, interval: 5_000 };
/** Used part of the life of the machine's NVMe drive, and its temperature: QEMU's. */
const READ = { wornPercent: 0, temperatureCelsius: 50 };
/** Critical warnings (NVM Express Base 2.0, figure 207). */
const [TOO_HOT, UNRELIABLE] = [1 << 1, 1 << 2];

describeWith(['root', 'qemu', 'mmdebstrap', 'dpkg-deb'], 'on a machine with an NVMe, a SATA and a USB drive', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-drives-'));
  const control = join(folder, 'control');
  let box: PerchMachine;
  const disk = (name: string) => {
    const file = join(folder, name);
    execFileSync('truncate', ['-s', '100M', file]);
    return ['-drive', `file=${file},format=raw,if=none,id=${name}-disk`];
  };
  beforeAll(async () => {
    box = await PerchMachine.boot({
      kernel: 'linux-image-amd64',
      packages: ['smartmontools'],
      devices: [
        ...[...disk('nvme'), '-device', 'nvme,drive=nvme-disk,serial=1,id=nvme'],
        ...[...disk('sata'), '-device', 'ide-hd,drive=sata-disk,serial=2,bus=ide.0'],
        ...['-device', 'qemu-xhci', ...disk('usb'), '-device', 'usb-storage,drive=usb-disk,serial=3'],
        ...['-qmp', `unix:${control},server=on,wait=off`],
      ],
    });
    await box.install();
  });
  afterAll(async () => {
    await box?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  /** Has the NVMe drive warn (QEMU Machine Protocol). */
  async function warn(warnings: number): Promise<void> {
    const socket = connect(control);
    const lines = createInterface(socket);
    const { promise, resolve } = Promise.withResolvers<object>();
    lines.on('line', (line) => {
      const answer: { id?: string; error?: object } = JSON.parse(line);
      if (answer.id === 'set') {
        resolve(answer);
      }
    });
    await once(socket, 'connect');
    const set = { path: '/machine/peripheral/nvme', property: 'smart_critical_warning', value: warnings };
    for (const command of [{ execute: 'qmp_capabilities' }, { execute: 'qom-set', arguments: set, id: 'set' }]) {
      socket.write(`${JSON.stringify(command)}\n`);
    }
    expect(await promise).not.toHaveProperty('error');
    socket.destroy();
  }
  const system = () => box.ask<System>('GET', 'system');
  /** The service reads the drives. Perch reads the results one minute after it starts. */
  async function readAgain(warnings: number): Promise<void> {
    await warn(warnings);
    await box.machine.must('systemctl start perch-drives.service');
    const reading = JSON.parse(await box.machine.must('cat /run/perch-host/drives/nvme0n1.json'));
    expect(reading.nvme_smart_health_information_log.critical_warning).toBe(warnings);
    await box.machine.must('systemctl restart perch.service');
    await box.goesOn('/var/lib/perch/recordings');
  }

  test('each drive that measures itself has its health, read by root without a request', async () => {
    await box.machine.until('[ -e /run/perch-host/drives/nvme0n1.json ]');
    await expect
      .poll(async () => (await system()).drives, SLOW)
      .toMatchObject(
        expect.arrayContaining([
          expect.objectContaining({ name: '/dev/nvme0n1', kind: 'NVMe', health: 'ok', ...READ }),
          expect.objectContaining({ name: '/dev/sda', health: 'ok' }),
          expect.objectContaining({ name: '/dev/sdb', health: null }),
        ]),
      );
    expect((await system()).hardwareFaults).toEqual([]);
    expect(await box.machine.must('systemctl is-enabled perch-drives.timer')).toBe('enabled');
    const reported = 'journalctl --unit=perch-drives.service --output=cat | grep -c "health of /dev/sdb"';
    await box.machine.must('systemctl start perch-drives.service');
    expect(await box.machine.must(reported)).toBe('1');
    expect(await box.machine.must('systemctl show perch-drives.service --property=Result --value')).toBe('success');
  });

  test('a drive that is too hot is not called failing; one that cannot be relied on is, as an event as well', async () => {
    await readAgain(TOO_HOT);
    await expect
      .poll(async () => (await system()).drives, SLOW)
      .toContainEqual(expect.objectContaining({ name: '/dev/nvme0n1', health: 'ok' }));
    await readAgain(UNRELIABLE);
    await expect
      .poll(async () => (await system()).hardwareFaults, SLOW)
      .toContainEqual(expect.objectContaining({ why: 'failing', name: '/dev/nvme0n1' }));
    const { items } = await box.ask<{ items: object[] }>('GET', 'problems/list');
    expect(items).toContainEqual(expect.objectContaining({ kind: 'drive', name: '/dev/nvme0n1', why: 'failing' }));
    await box.machine.until("grep -r 'failing: /dev/nvme0n1' /var/lib/perch --include='*.jsonl'");
  });
});
