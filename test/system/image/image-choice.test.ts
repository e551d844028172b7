import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { layBootScript } from '../../../packaging/image/boot.ts';
import { makeDisk } from '../../../packaging/image/disk.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';
import { CLOCK } from '../machine/machine.ts';
import {
  choiceOn,
  choose,
  copySystem,
  startedByUBoot,
  uBootForQemu,
  wipeSecondSystem,
} from '../machine/two-systems.ts';

/** An arm64 `Image` that does nothing for ever: a system that hangs. */
const HANGING = Buffer.alloc(4_096);
HANGING.writeUInt32LE(0x14_00_00_00, 0);
HANGING.writeBigUInt64LE(4_096n, 16);
// It may lie anywhere in memory.
HANGING.writeBigUInt64LE(0b1010n, 24);
HANGING.write('ARM\x64', 56, 'latin1');

/** The last one that was announced. */
const STARTED = /[\s\S]*Perch: system ([ab])[\s\S]*Starting kernel/;
const CHOSEN = /Perch: system ([ab])/g;
const CUTS = 20;
const PATIENCE_MS = 7_200_000;

describeWith(['root', 'mmdebstrap', 'qemu-arm'], 'the choice of one of two systems, by U-Boot in QEMU', () => {
  let [folder, card, uBoot] = ['', '', ''];
  let machine: RunningProcess | undefined;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'perch-choice-'));
    const [bootFolder, rootFolder] = [join(folder, 'boot'), join(folder, 'root')];
    mkdirSync(join(rootFolder, 'boot'), { recursive: true });
    mkdirSync(bootFolder);
    writeFileSync(join(rootFolder, 'boot/vmlinuz'), HANGING);
    writeFileSync(join(rootFolder, 'boot/initrd.img'), 'none\n');
    await layBootScript(bootFolder);
    card = join(folder, 'card');
    await makeDisk(card, { rootFolder, bootFolder, diskId: '0badcafe' });
    await copySystem(card);
    uBoot = await uBootForQemu(join(folder, 'u-boot'));
  }, PATIENCE_MS);
  afterEach(() => powerCut());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const powerCut = async () => {
    await machine?.stop('SIGKILL');
    machine = undefined;
  };
  const switchOn = () => {
    machine = startProcess('setpriv', [
      ...['--pdeathsig', 'KILL', 'qemu-system-aarch64', ...CLOCK, '-M', 'virt', '-cpu', 'cortex-a72', '-m', '512'],
      ...startedByUBoot(uBoot, 'console=ttyAMA0', folder),
      ...['-drive', `file=${card},format=raw,if=none,id=card`, '-device', 'virtio-blk-pci,drive=card'],
      ...['-display', 'none', '-monitor', 'none', '-no-reboot', '-serial', 'stdio', '-nic', 'none'],
    ]);
    return machine;
  };
  /** @returns the system that is started */
  const started = async () => (await switchOn().waitFor(STARTED))[1];

  test.for([
    ['the first one, with the card as it was written', 'system=a\n', 'a'],
    ['the second one, once it works', 'system=b\n', 'b'],
    ['the first one, where nothing is written', '', 'a'],
    ['the first one, where something else is written', '\xff\xfe=b\nsystem=c\ntrial=d\n', 'a'],
  ] as const)('it starts %s', { timeout: PATIENCE_MS }, async ([, choice, expected]) => {
    await choose(card, choice);
    expect(await started()).toBe(expected);
    expect(await choiceOn(card)).toBe(choice);
  });

  test('a system is tried once, and hangs: after the power cut the former one starts', {
    timeout: PATIENCE_MS,
  }, async () => {
    await choose(card, 'system=a\ntrial=b\n');
    expect(await started()).toBe('b');
    expect(await choiceOn(card)).toBe('system=a\n');
    await powerCut();
    expect(await started()).toBe('a');
  });

  test(`the power is cut at ${CUTS} moments of the start of a trial: it is started once at most`, {
    timeout: PATIENCE_MS,
  }, async () => {
    await choose(card, 'system=a\ntrial=b\n');
    const beganMs = performance.now();
    expect(await started()).toBe('b');
    const spanMs = 1.1 * (performance.now() - beganMs);
    for (let cut = 0; cut < CUTS; cut += 1) {
      await powerCut();
      await choose(card, 'system=a\ntrial=b\n');
      const { output } = switchOn();
      await delay((spanMs * (cut + Math.random())) / CUTS);
      await powerCut();
      const systems = [...output().matchAll(CHOSEN)].map(([, system]) => system);
      while (systems.at(-1) !== 'a') {
        systems.push(await started());
        await powerCut();
      }
      expect(systems.filter((system) => system === 'b').length, systems.join()).toBeLessThan(2);
    }
  });

  test.for(['system=b\n', 'system=a\ntrial=b\n'])(
    'a system that cannot be read is skipped',
    { timeout: PATIENCE_MS },
    async (choice) => {
      await wipeSecondSystem(card);
      await choose(card, choice);
      expect(await started()).toBe('a');
      expect(machine?.output()).toContain('Perch: system b');
    },
  );
});
