import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { LAYOUT } from '../../../packaging/image/disk.ts';
import { parseChoice } from '../../../packaging/image/system/choice.ts';
import { bootPartition, builtCard, readBootFiles, writeSetup } from './card.ts';
import { CLOCK, layShell, Machine } from './machine.ts';
import { choiceOn, choose, copySystem, dataSizes, isSystem, startedByUBoot, uBootForQemu } from './two-systems.ts';
import { cutAt, loggedDisk, readLog } from './write-log.ts';

const run = promisify(execFile);
const MIB = 2 ** 20;

export interface ImageMachineOptions {
  /** The size of the card, in megabytes. */
  readonly cardMegabytes: number;
  /** `perch-setup.txt`, as its owner writes it. */
  readonly setup: string;
  /** A USB disk, with these files. */
  readonly usb: { readonly label: string; readonly files: readonly string[] };
  /** Updates with its key are accepted. */
  readonly keyFile?: string;
  /** Makes more files for the USB disk, from the image. @returns their paths */
  readonly make?: (image: string, folder: string) => Promise<readonly string[]>;
}

/**
 * The image for the Raspberry Pi on a card, in a QEMU machine with a Pi's processor only; it is off. In addition to
 * the owner's settings it has the shell of the tests.
 */
export async function imageMachine(options: ImageMachineOptions): Promise<ImageMachine> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-image-machine-'));
  try {
    const { keyFile, usb, make } = options;
    const card = await builtCard(folder, keyFile === undefined ? [] : ['--sign', keyFile]);
    await addShell(card, folder);
    const made = (await make?.(card, folder)) ?? [];
    await run('cp', ['--sparse=always', card, `${card}.other`]);
    for (const one of [card, `${card}.other`]) {
      await run('truncate', ['-s', `${options.cardMegabytes}M`, one]);
    }
    await writeSetup(card, options.setup);
    await makeUsb(join(folder, 'usb'), { label: usb.label, files: [...usb.files, ...made] });
    return new ImageMachine(folder, card, await uBootForQemu(join(folder, 'u-boot')));
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
  await run('mke2fs', ['-q', '-t', 'ext4', '-L', label, '-d', stage, disk, '2G']);
}

export interface ImageStart {
  /** A kernel of the boot partition, without U-Boot. */
  readonly kernel?: 'vmlinuz' | 'vmlinuz-pi5';
  /** A card with the same image is found before the one that it boots from. */
  readonly withOtherCard?: boolean;
  /** What is written to the card is logged. */
  readonly isLogged?: boolean;
}

export class ImageMachine extends Machine {
  readonly #folder: string;
  readonly #card: string;
  readonly #uBoot: string;
  readonly #command: string[];

  constructor(folder: string, card: string, uBoot: string) {
    const command: string[] = [];
    super({ command, folder });
    this.#folder = folder;
    this.#card = card;
    this.#uBoot = uBoot;
    this.#command = command;
  }

  /** Starts like the firmware: with the present files of the boot partition. U-Boot is that for QEMU. */
  override async boot({ kernel, withOtherCard = false, isLogged = false }: ImageStart = {}): Promise<void> {
    const files = kernel === undefined ? [] : [kernel, 'initrd.img'];
    await readBootFiles(this.#card, [...files, 'cmdline.txt'], this.#folder);
    const at = (name: string) => join(this.#folder, name);
    const line = `${readFileSync(at('cmdline.txt'), 'utf8').trim()} console=ttyAMA0`;
    const board = ['-M', 'virt', '-cpu', 'cortex-a72', '-m', '1024', '-smp', '2'];
    this.#command.splice(
      0,
      this.#command.length,
      ...['qemu-system-aarch64', ...CLOCK, ...board],
      ...(kernel === undefined
        ? startedByUBoot(this.#uBoot, line, this.#folder)
        : ['-kernel', at(kernel), '-initrd', at('initrd.img'), '-append', line]),
      ...(withOtherCard ? disk(`${this.#card}.other`, 'other', ['virtio-blk-pci']) : []),
      ...(isLogged
        ? [...(await this.#logged()), '-device', 'virtio-blk-pci,drive=card']
        : disk(this.#card, 'card', ['virtio-blk-pci'])),
      ...(existsSync(at('usb')) ? disk(at('usb'), 'usb', ['qemu-xhci', 'usb-storage']) : []),
      // A router that gives addresses and leads nowhere.
      ...['-nic', 'user,model=virtio-net-pci,restrict=on'],
    );
    await super.boot();
  }

  /** Keeps the card as it was at the first start, in the folder of the log. */
  async #logged(): Promise<readonly string[]> {
    const log = `${this.#card}.log`;
    const isContinued = existsSync(log);
    if (!isContinued) {
      await run('cp', ['--sparse=always', this.#card, `${this.#card}.first`]);
      writeFileSync(log, '');
    }
    return loggedDisk(this.#card, log, isContinued);
  }

  /** How many writes and flushes are logged by now. */
  async logged(): Promise<number> {
    return (await readLog(`${this.#card}.log`)).length;
  }

  /** @returns another machine with the card as it is after a power cut at that place of the log; it is off */
  async cutAt(place: number): Promise<ImageMachine> {
    const folder = mkdtempSync(join(tmpdir(), 'perch-image-cut-'));
    const card = join(folder, 'card');
    await run('cp', ['--sparse=always', `${this.#card}.first`, card]);
    const log = `${this.#card}.log`;
    await cutAt(card, log, (await readLog(log)).slice(0, place));
    return new ImageMachine(folder, card, this.#uBoot);
  }

  /** Reads the card instead of starting it: what it would start is the whole system of the first card, and its data can be used. */
  async expectWhole({ place, files }: { readonly place: number; readonly files: readonly string[] }): Promise<string> {
    await using cut = await this.cutAt(place);
    const choice = await cut.choice();
    const { system, trial } = parseChoice(Buffer.from(choice));
    for (const one of [system, ...(trial ? [trial] : [])]) {
      expect(await isSystem(cut.#card, one, `${this.#card}.first`), `system ${one} after ${place} writes`).toBe(true);
    }
    const sizes = await dataSizes(cut.#card, files);
    expect(Math.min(...sizes), `recordings after ${place} writes`).toBeGreaterThan(100_000);
    return choice;
  }

  /** It is off. */
  choose(text: string): Promise<void> {
    return choose(this.#card, text);
  }

  /** It is off. */
  copySystem(): Promise<void> {
    return copySystem(this.#card);
  }

  choice(): Promise<string> {
    return choiceOn(this.#card);
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
