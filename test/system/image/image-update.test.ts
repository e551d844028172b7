import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../../peers/programs/peers.ts';
import type { ImageMachine } from '../machine/image-machine.ts';
import { install, machineWithUpdates, recordsOn, restart, send, shown, systemOf } from '../machine/updated-image.ts';

const PATIENCE_MS = 7_200_000;
const POLL = { timeout: PATIENCE_MS, interval: 1_000 };

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

  test('a system that does not boot, installed while the data disk is full: the former one starts', {
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

describeWith(['root', 'mmdebstrap', 'qemu-arm'], 'an update of the whole system, with power cuts', () => {
  let machine: ImageMachine;
  /** The recordings before the update, and the number of log entries after each step. */
  let before: readonly string[] = [];
  const places = { begun: 0, installed: 0, restarted: 0, booted: 0, kept: 0 };
  beforeAll(async () => {
    machine = await machineWithUpdates({ good: [] });
    await machine.boot({ isLogged: true });
  }, PATIENCE_MS);
  afterAll(() => machine?.[Symbol.asyncDispose](), PATIENCE_MS);

  test('a good system that the page was given is tried, and kept after five minutes', {
    timeout: PATIENCE_MS,
  }, async () => {
    before = await recordsOn(machine);
    // What is lost otherwise is not the update's doing.
    await machine.must('sync');
    places.begun = await machine.logged();
    expect(await send(machine, 'good')).toContain('"version":"99.0.0"');
    await expect.poll(() => shown(machine), POLL).toMatchObject({ state: 'installing', percent: expect.any(Number) });
    await expect.poll(() => machine.choice(), POLL).toBe('system=a\ntrial=b\n');
    places.installed = await machine.logged();
    await machine.untilOff();
    places.restarted = await machine.logged();
    await machine.boot({ isLogged: true });
    expect(await systemOf(machine)).toBe('b');
    expect(await machine.choice()).toBe('system=a\n');
    await expect(install(machine, 'good')).rejects.toThrow('is being tried');
    expect(await shown(machine)).toMatchObject({ ok: true, state: 'waiting', to: '99.0.0' });
    await recordsOn(machine, before);
    places.booted = await machine.logged();
    await expect.poll(() => machine.choice(), POLL).toBe('system=b\n');
    places.kept = await machine.logged();
    await expect.poll(() => shown(machine), POLL).toMatchObject({ ok: true, state: 'good', to: '99.0.0' });
    await machine.powerCut();
    await machine.boot();
    expect(await systemOf(machine)).toBe('b');
    expect(await machine.must('perch-system')).toBe('system b runs\nsystem b with version 99.0.0 was kept');
    expect(await machine.must('cat /etc/hostname')).toBe('barn');
    await recordsOn(machine);
    await machine.powerCut();
  });

  /** Numbers of log entries after which the power is cut, from each part of the update. */
  const randomMoments = (count: number): number[] => {
    const { begun, installed, restarted, booted, kept } = places;
    const parts = [
      [begun, installed, 0.6],
      [installed, restarted, 0.1],
      [restarted, booted, 0.15],
      [booted, kept, 0.15],
    ] as const;
    return parts.flatMap(([from, to, share]) =>
      Array.from({ length: Math.round(count * share) }, () => from + Math.floor(Math.random() * (to - from))),
    );
  };

  test('the power is cut at 40 random moments: the system that starts is whole, and recordings are there', {
    timeout: PATIENCE_MS,
  }, async () => {
    for (const place of randomMoments(40)) {
      const choice = await machine.expectWhole({ place, files: before });
      process.stdout.write(`cut after ${place} writes: ${JSON.stringify(choice)}\n`);
    }
  });

  test('the power is cut at 20 random moments: it records on, with the former recordings', {
    timeout: PATIENCE_MS,
  }, async () => {
    const moments = randomMoments(20);
    const next = async (): Promise<void> => {
      for (let place = moments.pop(); place !== undefined; place = moments.pop()) {
        await expectRecording(place);
      }
    };
    await Promise.all([next(), next()]);
  });

  async function expectRecording(place: number): Promise<void> {
    await using cut = await machine.cutAt(place);
    const choice = await cut.choice();
    await cut.boot();
    const system = await systemOf(cut);
    process.stdout.write(`cut after ${place} writes: ${JSON.stringify(choice)} starts ${system}\n`);
    expect(system).toBe(/trial=b|system=b/.test(choice) ? 'b' : 'a');
    const there = await recordsOn(cut, before);
    if (choice.includes('trial')) {
      // A recording that is younger than `recordSyncInterval` may be lost.
      await cut.must('sleep 15');
      await cut.powerCut();
      await cut.boot();
      expect(await systemOf(cut)).toBe('a');
      await recordsOn(cut, there);
    }
  }
});
