import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../peers/programs/peers.ts';
import type { ImageMachine } from './machine/image-machine.ts';
import { install, machineWithUpdates, recordsOn, restart, systemOf } from './machine/updated-image.ts';

const PATIENCE_MS = 7_200_000;

describeWith(['root', 'mmdebstrap', 'qemu-arm'], 'updates of whole systems that fail', () => {
  let machine: ImageMachine;
  beforeAll(async () => {
    machine = await machineWithUpdates({
      // The kernel panics.
      dead: ['rm /usr/sbin/init', 'rm /usr/lib/systemd/systemd'],
      silent: ['cd /usr/lib/perch/agent', 'rm perch.cjs', 'write IDLE perch.cjs'],
    });
    await machine.boot();
  }, PATIENCE_MS);
  afterAll(() => machine?.[Symbol.asyncDispose](), PATIENCE_MS);

  test('a system that does not boot, installed beside a full disk: the former one starts', {
    timeout: PATIENCE_MS,
  }, async () => {
    await recordsOn(machine);
    await machine.must('fallocate -l $(($(df --output=avail -B1 /data | tail -1) - 1000000)) /data/filler');
    await install(machine, 'dead');
    expect(await machine.choice()).toBe('system=a\ntrial=b\n');
    await machine.must('rm /data/filler');
    // Perch has removed older ones to have space.
    const before = await recordsOn(machine);
    await restart(machine);
    await expect(machine.boot()).rejects.toThrow('Kernel panic');
    expect(await machine.choice()).toBe('system=a\n');
    await machine.boot();
    expect(await systemOf(machine)).toBe('a');
    expect(await machine.until('perch-system | grep "not kept"')).toContain('99.0.0 was not kept: it did not start');
    await recordsOn(machine, before);
  });

  test('a system whose Perch does not come up restarts by itself, and the former one starts', {
    timeout: PATIENCE_MS,
  }, async () => {
    const before = await recordsOn(machine);
    await install(machine, 'silent');
    await restart(machine);
    await machine.boot();
    expect(await systemOf(machine)).toBe('b');
    expect(await machine.must('perch-system')).toContain('99.0.0 is being tried');
    await machine.untilOff();
    await machine.boot();
    expect(await systemOf(machine)).toBe('a');
    expect(await machine.must('perch-system')).toContain('99.0.0 was not kept: Perch was not healthy');
    await recordsOn(machine, before);
  });
});
