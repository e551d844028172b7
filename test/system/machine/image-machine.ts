import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { LAYOUT } from '../../../packaging/image/disk.ts';
import { bootPartition, builtCard, readBootFiles, writeSetup } from './card.ts';
import { CLOCK, layShell, Machine } from './machine.ts';

const run = promisify(execFile);
const MIB = 2 ** 20;

export interface ImageMachineOptions {
  /** The size of the card, in megabytes. */
  readonly cardMegabytes: number;
  /** `perch-setup.txt`, as its owner writes it. */
  readonly setup: string;
  /** A USB disk, with these files. */
  readonly usb: { readonly label: string; readonly files: readonly string[] };
}

/**
 * The image for the Raspberry Pi on a card, in a QEMU machine with a Pi's processor only; it is off. In addition to
 * the owner's settings it has the shell of the tests.
 */
export async function imageMachine(options: ImageMachineOptions): Promise<ImageMachine> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-image-machine-'));
  try {
    const card = await builtCard(folder);
    await addShell(card, folder);
    await run('cp', ['--sparse=always', card, `${card}.other`]);
    for (const one of [card, `${card}.other`]) {
      await run('truncate', ['-s', `${options.cardMegabytes}M`, one]);
    }
    await writeSetup(card, options.setup);
    await makeUsb(join(folder, 'usb'), options.usb);
    return new ImageMachine(folder, card);
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
}

async function makeUsb(disk: string, { label, files }: ImageMachineOptions['usb']): Promise<void> {
  const stage = `${disk}.files`;
  await mkdir(stage);
  for (const file of files) {
    await copyFile(file, join(stage, basename(file)));
  }
  await run('mke2fs', ['-q', '-t', 'ext4', '-L', label, '-d', stage, disk, '500M']);
}

export interface ImageStart {
  /** A kernel of the boot partition. */
  readonly kernel?: 'vmlinuz' | 'vmlinuz-pi5';
  /** A card with the same image is found before the one that it boots from. */
  readonly withOtherCard?: boolean;
}

export class ImageMachine extends Machine {
  readonly #folder: string;
  readonly #card: string;
  readonly #command: string[];

  constructor(folder: string, card: string) {
    const command: string[] = [];
    super({ command, folder });
    this.#folder = folder;
    this.#card = card;
    this.#command = command;
  }

  /** Like the firmware at each start: with the present files of the boot partition. */
  override async boot({ kernel = 'vmlinuz', withOtherCard = false }: ImageStart = {}): Promise<void> {
    await readBootFiles(this.#card, [kernel, 'initrd.img', 'cmdline.txt'], this.#folder);
    const commandLine = readFileSync(join(this.#folder, 'cmdline.txt'), 'utf8').trim();
    const board = ['-M', 'virt', '-cpu', 'cortex-a72', '-m', '1024', '-smp', '2'];
    this.#command.splice(
      0,
      this.#command.length,
      ...['qemu-system-aarch64', ...CLOCK, ...board],
      ...['-kernel', join(this.#folder, kernel), '-initrd', join(this.#folder, 'initrd.img')],
      ...['-append', `${commandLine} console=ttyAMA0`],
      ...(withOtherCard ? disk(`${this.#card}.other`, 'other', ['virtio-blk-pci']) : []),
      ...disk(this.#card, 'card', ['virtio-blk-pci']),
      ...disk(join(this.#folder, 'usb'), 'usb', ['qemu-xhci', 'usb-storage']),
      // A router that gives addresses and leads nowhere.
      ...['-nic', 'user,model=virtio-net-pci,restrict=on'],
    );
    await super.boot();
  }

  /** The card as it is after a power cut in the first start: its command line has the disk's own number, the disk the image's. */
  async numberAgain(imageNumber: string): Promise<void> {
    await run('sfdisk', ['--disk-id', this.#card, `0x${imageNumber}`]);
    const file = join(this.#folder, 'cmdline.txt');
    await readBootFiles(this.#card, ['cmdline.txt'], this.#folder);
    const line = readFileSync(file, 'utf8').replace('perch.written=00000000', `perch.written=${imageNumber}`);
    writeFileSync(file, line);
    await run('mcopy', ['-i', bootPartition(this.#card), '-o', file, '::cmdline.txt']);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }
}

/** @param devices the last one is the disk */
const disk = (file: string, id: string, devices: readonly string[]): string[] => [
  ...['-drive', `file=${file},format=raw,if=none,id=${id}`],
  ...devices.flatMap((device, at) => ['-device', at === devices.length - 1 ? `${device},drive=${id}` : device]),
];

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
