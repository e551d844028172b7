import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith, inShort } from '../../../peers/programs/peers.ts';
import { recordClock } from '../../../support/disks/recorded-clock.ts';

const ANNA = { password: 'a wren in the hedge', recordings: true };
const DAY_MS = 86_400_000;
/** More than two pages of the list; each event is a card, because they are farther apart than the events of one. */
const MANY = 120;

describeWith(['chromium', 'ffmpeg'], 'the page of events', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let doorbellMs: number;

  beforeAll(async () => {
    const config = 'pathDefaults:\n  record: true\n  recordPartDuration: 500ms\n';
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}], config })]);
    await box.claim();
    await box.adopt();
    doorbellMs = Math.floor(Date.now() / 1000) * 1000 - 30_000;
    await recordClock(join(box.folder, 'data/recordings'), 'front_door', doorbellMs - 10_000, 15);
    const report = (path: string, type: string, ms: number) =>
      box.api('POST', 'events', { path, type, start: new Date(ms).toISOString() });
    for (let i = 0; i < MANY; i += 1) {
      await report('garden', 'motion', doorbellMs - 2 * DAY_MS - i * 120_000);
    }
    for (const s of [0, 8, 16]) {
      await report('garden', 'vehicle', doorbellMs - DAY_MS + s * 1_000);
    }
    await report('garden', 'person', doorbellMs - 60_000);
    // Too short for two pictures.
    const [start, end] = [doorbellMs, doorbellMs + 1_000].map((ms) => new Date(ms).toISOString());
    await box.api('POST', 'events', { path: 'front_door', type: 'doorbell', start, end });
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  async function open(size: Size, place = '#/events') {
    const visitor = await visit(viewer.browser, box, { size });
    await visitor.logIn(place);
    return visitor;
  }

  /** A viewer without marks, also in another try: single marks cannot be removed. @returns the name */
  async function addViewer(): Promise<string> {
    const name = `anna ${randomUUID().slice(0, 4)}`;
    await box.addUser({ ...ANNA, name });
    return name;
  }

  /** As a viewer: each has marks of their own. */
  async function openAs(user: string, size: Size, place = '#/events') {
    const visitor = await visit(viewer.browser, box, { size });
    const headers = { 'Sec-Fetch-Site': 'same-origin' };
    await visitor.context.request.post(`${visitor.url}/v3/session`, {
      data: { user, password: ANNA.password },
      headers,
    });
    await visitor.go(place);
    await visitor.page.getByRole('navigation').waitFor();
    visitor.complaints.length = 0;
    return visitor;
  }

  test.for(inShort(['phone', 'desktop'] as const, 'phone'))(
    'on a %s it is one tap away, newest first with the numbers of the day; a tap plays the event, which is then seen on every device',
    async (size) => {
      const user = await addViewer();
      await using visitor = await openAs(user, size, '#/live');
      const { page, complaints } = visitor;
      await page.getByRole('link', { name: /^Events/ }).click();
      await settled(page, '.events-page li .thumb canvas[width="192"]');
      const rows = page.locator('.events-page li');
      expect(await rows.first().textContent()).toMatch(/^Doorbell.*Front door/);
      expect(await rows.nth(1).textContent()).toMatch(/^Person.*Garden/);
      await page.getByText(/2 events: (Doorbell\s1\s· Person\s1|Person\s1\s· Doorbell\s1)/).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      // Older pages load when they become visible.
      await expect
        .poll(async () => {
          await page.mouse.wheel(0, 4_000);
          return rows.count();
        })
        .toBe(MANY + 3);

      await rows.first().getByRole('link').click();
      await settled(page, '.recording-screen video');
      const t = new URLSearchParams(page.url().split('?')[1]).get('t') ?? '';
      expect(Math.abs(Date.parse(t) - (doorbellMs - 3_000))).toBeLessThan(10_000);
      await page.getByRole('button', { name: 'Pause' }).waitFor();

      await using other = await openAs(user, size);
      const seen = other.page.locator('.events-page li');
      await seen.first().waitFor();
      expect(await seen.first().getByText('New').count()).toBe(0);
      expect(await seen.nth(1).getByText('New').count()).toBe(1);
      await other.page.getByRole('button', { name: /^Mark as seen: Person/ }).click();
      await expect.poll(() => seen.nth(1).getByText('New').count()).toBe(0);
      expect([...complaints, ...other.complaints]).toEqual([]);
    },
  );

  test.for(sizesInTurn())(
    'on a %s cards have seconds, a placeholder for a missing picture, and events that follow each other are one card',
    async (size) => {
      await using visitor = await open(size);
      const { page, complaints } = visitor;
      await settled(page, '.events-page li .thumb canvas[width="192"]');
      const rows = page.locator('.events-page li');
      const texts = await rows.allTextContents();
      expect(texts.filter((text) => !/\d\d:\d\d:\d\d/.test(text))).toEqual([]);
      expect(texts.filter((text) => text.includes('Vehicle'))).toEqual([
        expect.stringMatching(/^Vehicle at .*Garden.*21 s/),
      ]);
      const withPicture = rows.filter({ hasText: 'Doorbell' });
      const without = rows.filter({ hasText: 'Person' });
      expect(await without.locator('.thumb canvas').getAttribute('width')).toBe('16');
      const icon = await without.locator('.thumb .icon').boundingBox();
      const [frame, picture] = await Promise.all(
        [without, withPicture].map((row) => row.locator('.card-strip').boundingBox()),
      );
      expect([frame?.width, frame?.height]).toEqual([picture?.width, picture?.height]);
      expect(
        Math.abs((icon?.x ?? 0) + (icon?.width ?? 0) / 2 - (frame?.x ?? 0) - (frame?.width ?? 0) / 2),
      ).toBeLessThan(2);
      expect(complaints).toEqual([]);
    },
  );

  test('filters by camera, kind and new events; without a match a link shows all events again', async () => {
    await box.api('POST', 'events/seen', { upTo: new Date(doorbellMs - 5_000).toISOString() });
    await using visitor = await open('desktop');
    const { page, complaints } = visitor;
    const rows = page.locator('.events-page li');
    await page.getByRole('combobox', { name: 'Camera' }).selectOption('Garden');
    await expect.poll(() => page.url()).toContain('#/events/garden');
    await expect.poll(() => rows.first().textContent()).toMatch(/^Person/);
    await page.getByRole('button', { name: 'Motion' }).click();
    await expect.poll(() => rows.first().textContent()).toMatch(/^Motion/);
    await page.getByRole('button', { name: 'New', exact: true }).click();
    await page.getByRole('heading', { name: 'No matching events' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('link', { name: 'Show all events' }).click();
    await expect.poll(() => rows.first().textContent()).toMatch(/^Doorbell/);
    expect(complaints).toEqual([]);
  });

  test('all events are marked as seen at once, with Undo; a viewer has separate marks', async () => {
    await box.api('POST', 'events/seen', { upTo: '1970-01-01T00:00:00Z' });
    await using visitor = await open('desktop');
    const { page, complaints } = visitor;
    const fresh = page.locator('.events-page .new');
    await fresh.first().waitFor();
    await page.getByRole('button', { name: 'Mark all as seen' }).click();
    await expect.poll(() => fresh.count()).toBe(0);
    await page.getByRole('button', { name: 'Undo' }).click();
    await fresh.first().waitFor();
    await page.getByRole('button', { name: 'Mark all as seen' }).click();
    await page.getByText('All events marked as seen.').waitFor();

    await using other = await openAs(await addViewer(), 'desktop');
    await other.page.locator('.events-page .new').first().waitFor();
    await other.page.getByRole('button', { name: /^Mark as seen: Doorbell/ }).click();
    await expect.poll(() => other.page.locator('.events-page li').first().getByText('New').count()).toBe(0);
    expect([...complaints, ...other.complaints]).toEqual([]);
  });

  test('the navigation has a dot with words while there are unseen events, and asks for them once the page is idle', async () => {
    await box.api('POST', 'events/seen', { upTo: '1970-01-01T00:00:00Z' });
    await using visitor = await open('phone', '#/live');
    const { page, complaints } = visitor;
    const place = page.getByRole('navigation').getByRole('link', { name: /^Events/ });
    const words = () => place.textContent();
    await page.getByRole('link', { name: 'Events New events', exact: true }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await place.click();
    await page.getByRole('button', { name: 'Mark all as seen' }).click();
    await expect.poll(words).toBe('Events');
    await visitor.go('#/live');
    await box.api('POST', 'events', { path: 'garden', type: 'person', start: new Date().toISOString() });
    await page.getByRole('link', { name: 'Events New events', exact: true }).waitFor();
    await place.click();
    await page.getByRole('button', { name: 'Mark all as seen' }).click();
    await expect.poll(words).toBe('Events');
    expect(complaints).toEqual([]);
  });

  test('the first rows are those that are known already, without waiting for the box', async () => {
    await using visitor = await open('phone', '#/live');
    const { page } = visitor;
    await box.api('POST', 'events/seen', { upTo: '1970-01-01T00:00:00Z' });
    await page.reload();
    await page.getByRole('link', { name: 'Events New events', exact: true }).waitFor();
    let hasAnswer = false;
    await page.route('**/v3/reviews?**', async (route) => {
      await new Promise((answer) => setTimeout(answer, 3_000));
      hasAnswer = true;
      await route.continue();
    });
    await page.getByRole('link', { name: /^Events/ }).click();
    const rows = page.locator('.events-page li');
    await rows.first().waitFor();
    expect(hasAnswer).toBe(false);
    // The rest follows with the next frame.
    await expect.poll(() => rows.count()).toBeGreaterThan(40);
    expect(hasAnswer).toBe(false);
  });

  test('the page of a camera leads to its events', async () => {
    await using visitor = await open('phone', '#/live/garden');
    const { page, complaints } = visitor;
    await page.getByRole('link', { name: /^Events/ }).click();
    await expect.poll(() => page.locator('.events-page li').first().textContent()).toMatch(/^Person/);
    expect(page.url()).toContain('#/events/garden');
    expect(complaints).toEqual([]);
  });
});
