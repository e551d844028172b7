import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith } from '../peers/programs/peers.ts';
import { PerchMachine } from './machine/perch-machine.ts';

const RECORDINGS = '/var/lib/perch/recordings';
const REQUESTS = '/var/lib/perch/requests';
const REQUEST = `${REQUESTS}/clock.json`;
/** Clock of the machine: a day of 1985. */
const LONG_AGO = 500_000_000;
/** Allowed difference between the clocks of an emulated machine and the host. */
const NEAR_MS = 10 * 60_000;
const HOUR_MS = 3_600_000;
const ID = '0123456789abcdef0123456789abcdef';

describeWith(['root', 'qemu', 'mmdebstrap', 'dpkg-deb', 'ffmpeg'], 'on a machine whose battery is dead', () => {
  let box: PerchMachine;
  beforeAll(async () => {
    box = await PerchMachine.boot({ batteryTime: '1970-01-01T00:00:00' });
    await box.machine.must(`date -s @${LONG_AGO}`);
    await box.install();
    await box.ask('PATCH', 'config/pathdefaults/patch', { recordDeleteAfter: '1d' });
  });
  afterAll(() => box?.[Symbol.asyncDispose]());

  const wallMs = async () => Number(await box.machine.must('date +%s')) * 1_000;
  const isLongAgo = async () => expect(await wallMs()).toBeLessThan((LONG_AGO + 86_400) * 1_000);
  const clock = async () => (await box.ask<{ clock: { set: boolean; canBeSet: boolean } }>('GET', 'system')).clock;
  const setByPhone = () => box.asked<{ text?: string }>('POST', 'clock', { time: new Date().toISOString() });
  /** A busy machine may set it after the time limit: then it is requested again. */
  const phonePutsItRight = () =>
    expect
      .poll(async () => {
        const { status } = await setByPhone();
        return [status === 200 || status === 409, await clock()];
      })
      .toMatchObject([true, { set: true, canBeSet: false }]);
  const isRight = async () => expect(Math.abs((await wallMs()) - Date.now())).toBeLessThan(NEAR_MS);
  /** Deletions by age are held, with this reason. */
  const holds = async () => {
    const { items } = await box.ask<{ items: { deletionsHeldWhy: string | null }[] }>('GET', 'disks');
    return items[0]?.deletionsHeldWhy;
  };
  const starts = async () =>
    (await box.ask<{ segments: { start: string }[] }>('GET', 'recordings/get/demo')).segments.map(({ start }) =>
      Date.parse(start),
    );

  test('it records, says that it does not know the time, and deletes nothing', async () => {
    await box.goesOn(RECORDINGS);
    await isLongAgo();
    await expect.poll(clock).toMatchObject({ set: false, canBeSet: true });
    await expect.poll(holds).toBe('clock');
    await expect.poll(() => box.ills()).toMatch(/^bad the clock may be wrong/m);
    await box.isWholeAndGoesOn(RECORDINGS);
  });

  describe('requests to set the clock that the agent rejects:', () => {
    /** With the rights of the agent, which is taken for an enemy here. */
    const asAgent = (script: string) =>
      box.machine.must(`runuser -u perch -- sh -eu << 'END'\ncd ${REQUESTS}\n${script}\nEND`);
    const good = (unixMs: number | string, upMs = 0) =>
      `up=$(cut -d ' ' -f 1 /proc/uptime | tr -d .)0\nprintf '{"id":"${ID}","unixMs":%s,"uptimeMs":%s}\\n' '${unixMs}' $((up + ${upMs})) > new`;
    const now = 1_795_219_200_000;

    beforeAll(() => box.machine.must(`runuser -u perch -- mkdir -p ${REQUESTS}`));

    test.for([
      ["a link to a file of root's", 'ln -s /etc/shadow clock.json'],
      ['a link to a good request', `${good(now)}\nmv new ../elsewhere.json\nln -s ../elsewhere.json clock.json`],
      ['a gigabyte of nothing', 'truncate -s 1G new && mv new clock.json'],
      ['a long number', `${good(`1${'0'.repeat(5_000)}`)}\nmv new clock.json`],
      ['a pipe without a writer', 'mkfifo clock.json'],
      ['a folder with files in it', 'mkdir new && touch new/file && mv new clock.json'],
      ['a time of 2025', `${good(1_767_225_600_000 - HOUR_MS)}\nmv new clock.json`],
      ['a time of 2100', `${good(4_102_444_800_000)}\nmv new clock.json`],
      ['a time of two minutes ago', `${good(now, -120_000)}\nmv new clock.json`],
      ['a time of in an hour', `${good(now, HOUR_MS)}\nmv new clock.json`],
      ['an octal number', `${good(`0${now}`)}\nmv new clock.json`],
      ['a command', `${good('$(touch /run/perch-clock-set)')}\nmv new clock.json`],
      ['two requests in one', `${good(now)}\nsed 's/}/,"more":1}/' new > clock.json && rm new`],
    ] as const)('%s', async ([, script]) => {
      const shadow = await box.machine.must('sha256sum /etc/shadow');
      await asAgent(script);
      await box.machine.until(`[ ! -e ${REQUEST} ] && [ ! -L ${REQUEST} ]`);
      await box.machine.until(
        '[ "$(systemctl show perch-clock.service --property=ActiveState --value)" != activating ]',
      );
      await isLongAgo();
      expect(await box.machine.must('sha256sum /etc/shadow')).toBe(shadow);
      expect(await box.machine.must('ls /run | grep -c ^perch-clock-set || true')).toBe('0');
      expect(await box.machine.must('systemctl is-active perch-clock.path')).toBe('active');
    });

    test('a folder of requests that is a link to another', async () => {
      await box.machine.must(`mkdir -m 755 /srv/of-root`);
      await asAgent(`${good(now)}\ncat new`).then((text) =>
        box.machine.must(`echo '${text}' > /srv/of-root/clock.json`),
      );
      await asAgent(`rm new && cd .. && mv requests aside && ln -s /srv/of-root requests`);
      await box.machine.until(`journalctl --unit=perch-clock.service | grep 'is not a folder of its own'`);
      await isLongAgo();
      expect(await box.machine.must('ls /srv/of-root')).toBe('clock.json');
      await asAgent('cd .. && rm requests && mv aside requests');
    });

    test('and none of them stops recording', () => box.isWholeAndGoesOn(RECORDINGS));
  });

  test("the owner's phone sets the clock, and earlier recordings get their true time", async () => {
    const before = await box.filesIn(RECORDINGS);
    const since = Date.now();
    await phonePutsItRight();
    await isRight();
    expect(await setByPhone()).toMatchObject({ status: 409 });
    const known = before.length;
    await expect
      .poll(async () => (await starts()).filter((ms) => Math.abs(ms - since) < 86_400_000).length)
      .toBeGreaterThan(known);
    expect((await starts()).filter((ms) => Math.abs(ms - since) >= 86_400_000)).toEqual([]);
    await expect.poll(holds).toBe(null);
    await expect.poll(() => box.ills()).toBe('');
    await box.isWholeAndGoesOn(RECORDINGS);
    expect((await box.filesIn(RECORDINGS)).length).toBeGreaterThan(known);
  });

  test.for([
    ['a year ahead', '1 year'],
    ['a hundred days back', '100 days ago'],
  ] as const)('set %s by mistake it continues and deletes nothing, and the phone corrects it', async ([, by]) => {
    const before = await box.filesIn(RECORDINGS);
    await box.machine.must(`date -s '${by}'`);
    await expect.poll(clock).toMatchObject({ set: false, canBeSet: true });
    await expect.poll(holds).toMatch(/^(date|clock)$/);
    await box.goesOn(RECORDINGS);
    expect(await box.filesIn(RECORDINGS)).toEqual(expect.arrayContaining(before));
    await phonePutsItRight();
    await isRight();
    await expect.poll(holds).toBe(null);
    await box.isWholeAndGoesOn(RECORDINGS);
    expect(await box.filesIn(RECORDINGS)).toEqual(expect.arrayContaining(before));
  });

  test('after a power cut the time is unknown, and it records', async () => {
    const before = await box.filesIn(RECORDINGS);
    await box.machine.must('sync');
    await box.machine.powerCut();
    await box.machine.boot();
    await box.goesOn(RECORDINGS);
    await expect.poll(clock).toMatchObject({ set: false, canBeSet: true });
    await box.isWholeAndGoesOn(RECORDINGS);
    expect(await box.filesIn(RECORDINGS)).toEqual(expect.arrayContaining(before));
  });
});
