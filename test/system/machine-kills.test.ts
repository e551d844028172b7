import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../peers/programs/peers.ts';
import { HEALTHY, PerchMachine } from './machine/perch-machine.ts';

const MINUTES = Number(process.env['PERCH_FAULT_MINUTES'] ?? 5);
const KILL_EVERY_SECONDS = 10;
const RECORDINGS = '/var/lib/perch/recordings';

describeWith(['root', 'qemu', 'mmdebstrap', 'dpkg-deb', 'ffmpeg'], 'the service on a machine without a network', () => {
  let box: PerchMachine;
  beforeAll(async () => {
    box = await PerchMachine.boot();
    await box.install();
  });
  afterAll(() => box?.[Symbol.asyncDispose]());

  test('it starts with the machine, records, and no unit has failed', async () => {
    const { machine } = box;
    await machine.shutDown();
    await machine.boot();
    expect(await machine.must('ls /sys/class/net')).toBe('lo');
    await box.goesOn(RECORDINGS);
    expect(await machine.must('systemctl list-units --failed --plain --no-legend')).toBe('');
    expect(await box.ills()).toBe('');
    await box.isWholeAndGoesOn(RECORDINGS);
  });

  test('a network that appears later is found, and its addresses serve the page', async () => {
    const { machine } = box;
    const pid = await box.mainPid();
    await machine.must(
      'ip link add late0 type dummy && ip address add 192.168.77.2/24 dev late0 && ip link set late0 up',
    );
    await expect.poll(async () => JSON.stringify(await box.ask('GET', 'system'))).toContain('192.168.77.2');
    await machine.until(HEALTHY.replace('127.0.0.1', '192.168.77.2'));
    expect(await box.mainPid()).toBe(pid);
    await box.isWholeAndGoesOn(RECORDINGS);
  });

  test(`killed every ${KILL_EVERY_SECONDS} s for ${MINUTES} minutes it returns each time, and its recordings are complete`, {
    timeout: (MINUTES * 10 + 15) * 60_000,
  }, async () => {
    const { machine } = box;
    const restarts = async () =>
      Number(await machine.must('systemctl show perch.service --property=NRestarts --value'));
    const kills = (MINUTES * 60) / KILL_EVERY_SECONDS;
    const [before, files] = [await restarts(), await box.filesIn(RECORDINGS)];
    for (let kill = 0; kill < kills; kill += 1) {
      await machine.until('systemctl is-active --quiet perch.service');
      // By the machine's own clock: however slowly it goes, something has been recorded then.
      await machine.must(`sleep ${KILL_EVERY_SECONDS}`);
      await machine.must('systemctl kill --signal=KILL --kill-whom=main perch.service');
      await machine.until(`[ "$(systemctl show perch.service --property=NRestarts --value)" -gt ${before + kill} ]`);
    }
    await box.goesOn(RECORDINGS);
    expect(await restarts()).toBe(before + kills);
    const after = await box.filesIn(RECORDINGS);
    expect(after).toEqual(expect.arrayContaining(files));
    expect(after.length).toBeGreaterThanOrEqual(files.length + kills);
    expect(await box.ills()).toBe('');
    await box.isWholeAndGoesOn(RECORDINGS);
  });
});
