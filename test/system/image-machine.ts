import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LAYOUT } from '../../packaging/image/disk.ts';
import { layShell, Machine } from './machine.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const MIB = 2 ** 20;
/** An emulated processor on a busy machine is slower than any board. */
const PATIENT = 'systemd.default_timeout_start_sec=900 systemd.default_device_timeout_sec=900';

export interface ImageMachineOptions {
  /** The size of the card, in megabytes. */
  readonly cardMegabytes: number;
  /** `perch-setup.txt`, as its owner writes it. */
  readonly setup: string;
  /** The label of a USB disk. */
  readonly usb: string;
}

/**
 * The image for the Raspberry Pi on a card, in a machine of QEMU's that has nothing of a Pi but its processor. Beside what the owner
 * writes it has the shell of the tests.
 */
export async function imageMachine(options: ImageMachineOptions): Promise<Machine> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-image-machine-'));
  try {
    const build = [join(ROOT, 'packaging/image/build.ts'), '--quick', '--out', folder];
    await run(process.execPath, build, { maxBuffer: MIB });
    const card = join(folder, readdirSync(folder).find((name) => name.endsWith('.img')) ?? '');
    await run('truncate', ['-s', `${options.cardMegabytes}M`, card]);
    await addShell(card, folder);
    const boot = ['-i', `${card}@@${LAYOUT.boot.startMib}M`];
    writeFileSync(join(folder, 'setup'), options.setup);
    await run('mcopy', [...boot, '-o', join(folder, 'setup'), '::perch-setup.txt']);
    for (const name of ['vmlinuz', 'initrd.img', 'cmdline.txt']) {
      await run('mcopy', [...boot, `::${name}`, join(folder, name)]);
    }
    const usb = join(folder, 'usb.disk');
    await run('truncate', ['-s', '300M', usb]);
    await run('mke2fs', ['-q', '-t', 'ext4', '-L', options.usb, usb]);
    return new ImageMachine(folder, [
      ...[
        'qemu-system-aarch64',
        '-accel',
        'tcg,thread=multi',
        '-M',
        'virt',
        '-cpu',
        'cortex-a72',
        '-m',
        '1024',
        '-smp',
        '2',
      ],
      ...['-kernel', join(folder, 'vmlinuz'), '-initrd', join(folder, 'initrd.img')],
      ...['-append', `${readFileSync(join(folder, 'cmdline.txt'), 'utf8').trim()} console=ttyAMA0 ${PATIENT}`],
      ...['-drive', `file=${card},format=raw,if=none,id=card`, '-device', 'virtio-blk-pci,drive=card'],
      ...[
        '-drive',
        `file=${usb},format=raw,if=none,id=usb`,
        '-device',
        'qemu-xhci',
        '-device',
        'usb-storage,drive=usb',
      ],
      // A router that gives addresses and leads nowhere.
      ...['-nic', 'user,model=virtio-net-pci,restrict=on'],
    ]);
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
}

class ImageMachine extends Machine {
  readonly #folder: string;

  constructor(folder: string, command: readonly string[]) {
    super({ command, folder });
    this.#folder = folder;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }
}

/** Into the file system of the root, without mounting it. */
async function addShell(card: string, folder: string): Promise<void> {
  const stage = join(folder, 'files');
  await mkdir(stage);
  layShell(stage);
  const units = 'etc/systemd/system';
  const commands = [
    'cd /usr/local/bin',
    `write ${join(stage, 'usr/local/bin/perch-shell')} perch-shell`,
    'set_inode_field perch-shell mode 0100755',
    `cd /${units}`,
    `write ${join(stage, units, 'perch-shell.service')} perch-shell.service`,
    'cd multi-user.target.wants',
    `symlink perch-shell.service /${units}/perch-shell.service`,
  ];
  writeFileSync(join(folder, 'commands'), `${commands.join('\n')}\n`);
  await run('debugfs', ['-w', '-f', join(folder, 'commands'), `${card}?offset=${LAYOUT.root.startMib * MIB}`]);
}
