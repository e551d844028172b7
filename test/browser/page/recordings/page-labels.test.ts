import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { recordClock } from '../../../support/disks/recorded-clock.ts';

describeWith(['chromium', 'ffmpeg'], 'what was found in the pictures of events', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let motionMs: number;

  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}] })]);
    await box.claim();
    await box.adopt();
    const motionZones = ['Steps: 0,0.5 0.5,0.5 0.5,1 0,1', '0.5,0 1,0 1,1 0.5,1'];
    await box.api('PATCH', 'config/paths/patch/front_door', { motionZones });
    motionMs = Math.floor(Date.now() / 1000) * 1000 - 60_000;
    await recordClock(join(box.folder, 'data/recordings'), 'front_door', motionMs - 10_000, 40);
    await report('front_door', motionMs, ['person', 'person', 'animal']);
    await report('garden', motionMs - 200_000, ['vehicle']);
    await report('garden', motionMs - 400_000);
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  /** Motion, with what was found in a picture two seconds later. */
  const report = (path: string, ms: number, types?: readonly string[]) => {
    const at = new Date(ms + 2_000).toISOString();
    const area = { x: 0.2, y: 0.3, width: 0.1, height: 0.5 };
    const labels = types?.map((type) => ({ type, score: 0.8, box: area, at }));
    const [start, end] = [ms, ms + 5_000].map((one) => new Date(one).toISOString());
    return box.api('POST', 'events', { path, type: 'motion', start, end, ...(labels && { labels }) });
  };
  const open = async (size: Size, place: string, locale = 'en-GB') => {
    const theme = size === 'phone' ? 'light' : 'dark';
    const visitor = await visit(viewer.browser, box, { size, locale, theme, isNoon: true });
    await visitor.logIn(place);
    return visitor;
  };

  test.for(sizesInTurn())('on a %s it is shown instead of motion, and is a filter', async (size) => {
    await using visitor = await open(size, '#/events');
    const { page, complaints } = visitor;
    await settled(page, '.events-page li .thumb canvas[width="192"]');
    const rows = page.locator('.events-page li');
    const seen = [/^Person.*Animal/, /^Vehicle/, /^Motion/].map((text) => expect.stringMatching(text));
    expect(await rows.locator('.kinds').allTextContents()).toEqual(seen);
    expect(await rows.first().locator('.kinds .icon').count()).toBe(2);
    await page.getByText(/^3 events: Motion\s3/).waitFor();
    expect(await axeFindings(page)).toEqual([]);

    await page.getByRole('button', { name: 'Animal', exact: true }).click();
    await expect.poll(() => rows.locator('.kinds').allTextContents()).toEqual(seen.slice(0, 1));
    await page.getByRole('button', { name: 'Mark as seen: Person, Animal' }).waitFor();
    await page.getByRole('button', { name: 'Animal', exact: true }).click();
    await expect.poll(() => rows.count()).toBe(3);
    expect(complaints).toEqual([]);
  });

  test.for(sizesInTurn())(
    'on a %s the zone in which it stood is named, and is a filter in the address',
    async (size) => {
      await using visitor = await open(size, '#/events');
      const { page, complaints } = visitor;
      const rows = page.locator('.events-page li');
      await rows.first().getByText('Steps').waitFor();
      const zone = page.getByRole('combobox', { name: 'Zone' });
      expect(await zone.locator('option').allTextContents()).toEqual(['Anywhere', 'Steps']);
      await zone.selectOption('Steps');
      await expect.poll(() => page.url()).toContain('#/events/?zone=Steps');
      await expect.poll(() => rows.count()).toBe(1);
      expect(await axeFindings(page)).toEqual([]);
      await page.reload();
      await expect.poll(() => rows.count()).toBe(1);
      await page.goto(page.url().replace('zone=Steps', 'zone=Zone%202'));
      await page.getByRole('heading', { name: 'No matching events' }).waitFor();
      expect(await zone.evaluate((one: HTMLSelectElement) => one.value)).toBe('Zone 2');
      expect(complaints).toEqual([]);
    },
  );

  test.for(sizesInTurn())('on a %s it is counted in the events of a recorded day', async (size) => {
    await using visitor = await open(size, `#/rec/front_door?t=${new Date(motionMs - 3_000).toISOString()}`);
    const { page, complaints } = visitor;
    await settled(page, '.recording-screen video');
    const found = page.locator('.day-list .kinds, .event-thumbnails .kinds').first();
    // The timeline has no room for numbers.
    await found.getByText(size === 'phone' ? 'Person' : 'Person × 2').waitFor();
    expect(await found.locator('.icon').count()).toBe(2);
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('in Chinese it has the words of the other events', async () => {
    await using visitor = await open('phone', '#/events', 'zh-CN');
    const { page } = visitor;
    await expect
      .poll(() => page.locator('.events-page .kinds').allTextContents())
      .toEqual([/有人.*动物/, /有车/, /移动侦测/].map((text) => expect.stringMatching(text)));
  });

  test('a live tile names it once it is found', async () => {
    await using visitor = await open('desktop', '#/live');
    const { page } = visitor;
    await page.locator('.grid .surface.playing').nth(1).waitFor();
    await report('garden', Date.now() - 2_000, ['person']);
    await page.getByRole('link', { name: 'Garden, Person' }).waitFor();
  });
});
