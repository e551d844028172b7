import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { byLength, describeWith } from '../../../peers/programs/peers.ts';
import { recordClock } from '../../../support/disks/recorded-clock.ts';

const EVENTS = 400;
const CAMERAS = ['front_door', 'garden', 'driveway'] as const;

/** A day of 400 events: visits that two cameras see, and motion at a third one. */
describeWith(['chromium', 'ffmpeg'], 'cards of events', () => {
  let viewer: Viewer;
  let box: PageHarness;
  /** Start of the newest visit, of which there are recordings. */
  let visitMs: number;

  beforeAll(async () => {
    const config = 'pathDefaults:\n  record: true\n  recordPartDuration: 500ms\n';
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}, {}], config })]);
    await box.claim();
    await box.adopt();
    await box.api('POST', 'layouts/replace/Front', {
      kind: 'group',
      cameras: [{ path: 'front_door' }, { path: 'garden' }],
    });
    visitMs = Math.floor(Date.now() / 1000) * 1000 - 120_000;
    const recordings = join(box.folder, 'data/recordings');
    await Promise.all(CAMERAS.map((path) => recordClock(recordings, path, visitMs - 10_000, 45)));
    const report = (path: string, type: string, ms: number, seconds: number) =>
      box.api('POST', 'events', {
        ...{ path, type, start: new Date(ms).toISOString() },
        end: new Date(ms + 1000 * seconds).toISOString(),
      });
    for (let i = 0; i < EVENTS; i += 4) {
      const ms = visitMs - i * 53_000;
      await report('garden', 'motion', ms, 1);
      await report('front_door', 'person', ms + 2_000, 18);
      await report('garden', 'motion', ms + 3_000, 1);
      await report('driveway', i % 40 ? 'motion' : 'vehicle', ms - 90_000, 4);
    }
  }, 300_000);
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  async function open(size: Size, place = '#/events') {
    const visitor = await visit(viewer.browser, box, { size });
    await visitor.logIn(place);
    return visitor;
  }

  test.for(['phone'] as const)(
    'on a %s a day of 400 events is 200 cards, which are there at once and scroll',
    async (size) => {
      await using visitor = await open(size, '#/live');
      const { page, complaints } = visitor;
      const cards = page.locator('.events-page li');
      await page.getByRole('link', { name: 'Events New events', exact: true }).waitFor();
      const startMs = Date.now();
      await page.getByRole('link', { name: /^Events/ }).click();
      await cards.first().waitFor();
      expect(Date.now() - startMs).toBeLessThan(byLength(5_000, 2_000));
      expect((await cards.first().textContent())?.replaceAll(/[\u2068\u2069]/g, '')).toMatch(
        /^.*Person at Front door, motion at Garden\d\d:\d\d:\d\d20 s/,
      );
      await settled(page, '.events-page li .thumb canvas[width="192"]');
      expect(await cards.first().locator('.thumb').count()).toBeGreaterThan(3);
      expect(await axeFindings(page)).toEqual([]);
      await expect
        .poll(
          async () => {
            await page.mouse.wheel(0, 6_000);
            return cards.count();
          },
          { timeout: 30_000 },
        )
        .toBe(EVENTS / 2);
      expect(complaints).toEqual([]);
    },
  );

  test('filters are in the address: they survive a reload and Back, and can be bookmarked', async () => {
    await using visitor = await open('phone');
    const { page, complaints } = visitor;
    const cards = page.locator('.events-page li');
    await page.getByRole('button', { name: 'Vehicle', exact: true }).click();
    await expect.poll(() => page.url()).toContain('#/events/?types=vehicle');
    await expect.poll(() => cards.count()).toBe(EVENTS / 40);
    await page.getByRole('combobox', { name: 'Time of day' }).selectOption('22:00-06:00');
    await expect.poll(() => page.url()).toContain('types=vehicle&hours=22:00-06:00');
    const times = async () => (await cards.allTextContents()).map((text) => Number(/(\d\d):\d\d:\d\d/.exec(text)?.[1]));
    await expect.poll(async () => (await times()).every((hour) => hour >= 22 || hour < 6)).toBe(true);
    await page.getByRole('combobox', { name: 'Time of day' }).selectOption('Any time');
    await page.reload();
    await expect.poll(() => cards.count()).toBe(EVENTS / 40);
    expect(await page.getByRole('button', { name: 'Vehicle', exact: true }).getAttribute('aria-pressed')).toBe('true');
    await cards.first().getByRole('link').click();
    await page.waitForURL(/#\/rec\/driveway/);
    await page.goBack();
    await expect.poll(() => page.url()).toContain('types=vehicle');
    await expect.poll(() => cards.count()).toBe(EVENTS / 40);
    await page.getByRole('combobox', { name: 'Camera' }).selectOption('Front door');
    await expect.poll(() => page.url()).toContain('#/events/front_door?types=vehicle');
    await page.getByRole('heading', { name: 'No matching events' }).waitFor();
    // A card begins with the camera that was chosen, also if another one was earlier.
    await page.getByRole('button', { name: 'Vehicle', exact: true }).click();
    await cards.first().getByRole('link').click();
    await page.waitForURL(/#\/rec\/front_door\?t=.*card=/);
    expect(complaints).toEqual([]);
  });

  test('J and K go from card to card, M marks one as seen, Enter plays it', async () => {
    await using visitor = await open('desktop');
    const { page, complaints } = visitor;
    const cards = page.locator('.events-page li');
    await cards.nth(3).waitFor();
    const focused = () => cards.evaluateAll((all) => all.findIndex((one) => one.contains(document.activeElement)));
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('ArrowDown');
    expect(await focused()).toBe(2);
    await page.keyboard.press('k');
    expect(await focused()).toBe(1);
    await page.keyboard.press('m');
    await expect.poll(() => cards.nth(1).getByText('New').count()).toBe(0);
    expect(await focused()).toBe(1);
    // The first one was played before.
    expect(await cards.nth(2).getByText('New').count()).toBe(1);
    await page.keyboard.press('?');
    await page.getByText('Next and previous event').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await page.waitForURL(/#\/rec\/garden\?t=.*card=/);
    expect(complaints).toEqual([]);
  });

  test('a card plays its cameras in turn', async () => {
    await using visitor = await open('desktop');
    const { page, complaints } = visitor;
    await page.locator('.events-page li').first().getByRole('link').click();
    await page.waitForURL(/#\/rec\/garden\?t=.*card=/);
    await settled(page, '.recording-screen video');
    await page.getByText(/Person at/).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    // What the garden saw lasts 4 s; then follows the front door, which saw something 2 s after it.
    await page.waitForURL(/#\/rec\/front_door\?t=.*card=/, { timeout: 40_000 });
    const t = Date.parse(new URLSearchParams(page.url().split('?')[1]).get('t') ?? '');
    expect(Math.abs(t - (visitMs - 1_000))).toBeLessThan(4_000);
    expect(complaints).toEqual([]);
  });

  test.for(sizesInTurn())('on a %s a card plays its cameras in sync', async (size) => {
    await using visitor = await open(size);
    const { page, complaints } = visitor;
    await page.locator('.events-page li').first().getByRole('link').click();
    await page.waitForURL(/#\/rec\/garden\?t=.*card=/);
    await page.getByRole('radio', { name: 'In sync' }).check();
    await expect.poll(() => page.locator('.viewer').getAttribute('data-count')).toBe('2');
    await page.waitForURL(/card=.*&sync/);
    await page.reload();
    await expect.poll(() => page.locator('.viewer').getAttribute('data-count')).toBe('2');
    expect(await page.getByRole('radio', { name: 'In sync' }).isChecked()).toBe(true);
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
