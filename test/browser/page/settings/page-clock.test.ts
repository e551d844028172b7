import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../../agent/base/clock.ts';
import { until } from '../../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

/** A board without a battery, whose clock starts at an arbitrary time, and root's service that sets it. */
function lostMachine() {
  const host = mkdtempSync(join(tmpdir(), 'perch-clock-'));
  let offsetMs = 0;
  const lose = () => {
    offsetMs = Date.UTC(1986, 0, 1) - Date.now();
  };
  lose();
  return {
    host,
    lose,
    /** As a time server would. */
    find: () => {
      offsetMs = 0;
    },
    clock: { ...systemClock, wallMs: () => Date.now() + offsetMs },
    /** Sets the data folder that the service watches. */
    ready: (dataDir: string) => {
      mkdirSync(host, { recursive: true });
      writeFileSync(join(host, 'clock.ready'), `${dataDir}\n`);
    },
    /** Carries out the next request. @returns the time that was set */
    setOnce: async (dataDir: string): Promise<number> => {
      const file = join(dataDir, 'requests/clock.json');
      const request = await until(() => {
        try {
          return JSON.parse(readFileSync(file, 'utf8')) as { id: string; unixMs: number };
        } catch {
          return undefined;
        }
      });
      rmSync(file);
      offsetMs = request.unixMs - Date.now();
      writeFileSync(join(host, 'clock.json'), JSON.stringify({ id: request.id, ok: true, text: 'the clock was set' }));
      return request.unixMs;
    },
  };
}

describeWith(['chromium'], 'a box that does not know the time', () => {
  const machine = lostMachine();
  let viewer: Viewer;
  let box: PageHarness;
  beforeAll(async () => {
    const { clock, host: hostAnswers } = machine;
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ clock, hostAnswers })]);
    machine.ready(join(box.folder, 'data'));
    await box.claim();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
    rmSync(machine.host, { recursive: true });
  });
  const isSet = async () => (await box.api<{ clock: { set: boolean } }>('GET', 'system')).clock.set;

  test.for([...sizesInTurn()].flatMap((size) => [[size, '#/'] as const, [size, '#/settings/system'] as const]))(
    'is offered the time of the %s with which its owner logs in, on %s',
    async ([size, place]) => {
      machine.lose();
      expect(await until(async () => ((await isSet()) ? undefined : 'lost'))).toBe('lost');
      await using owner = await visit(viewer.browser, box, { size });
      await owner.logIn(place);
      const { page, complaints } = owner;
      await page.getByText('The box does not know the time yet.').waitFor();
      await page.getByText('Your browser says').waitFor();
      expect(await axeFindings(page)).toEqual([]);
      const setting = machine.setOnce(join(box.folder, 'data'));
      await page.getByRole('button', { name: 'Use this time' }).click();
      expect(Math.abs((await setting) - Date.now())).toBeLessThan(60_000);
      await page.getByText('Clock set.').waitFor();
      await page.getByText('The box does not know the time yet.').waitFor({ state: 'hidden' });
      await until(async () => ((await isSet()) ? true : undefined));
      // A box with the correct time takes none.
      await expect(box.api('POST', 'clock', { time: '2027-01-01T00:00:00Z' })).rejects.toThrow(
        /409.*already knows the time/,
      );
      expect(complaints).toEqual([]);
    },
  );

  test('is no longer offered once the network has set the time', async () => {
    machine.lose();
    expect(await until(async () => ((await isSet()) ? undefined : 'lost'))).toBe('lost');
    await using owner = await visit(viewer.browser, box, { size: 'phone' });
    await owner.logIn('#/');
    await owner.page.getByText('Your browser says').waitFor();
    machine.find();
    await owner.page.getByText('Your browser says').waitFor({ state: 'hidden' });
    expect(owner.complaints).toEqual([]);
  });
});
