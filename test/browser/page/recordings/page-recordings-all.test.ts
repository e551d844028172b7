import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { axeFindings, nameOfDay, settled, visit } from '../../../peers/browser/page-visit.ts';
import {
  clockAfter,
  clockIn,
  clockNear,
  clocksIn,
  EXACT_MS,
  GAP_MS,
  halt,
  haltedAt,
  inAddress,
  MAIN,
  middleOf,
  RECORDED_MS,
  RecordedCameras,
  slider,
} from '../../../peers/browser/recorded-cameras.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { GROUP_MS } from '../../../support/disks/recorded-clock.ts';

describeWith(['chromium'], 'recordings of several cameras', () => {
  let cameras: RecordedCameras;
  beforeAll(async () => {
    cameras = await RecordedCameras.start();
  });
  afterAll(() => cameras[Symbol.asyncDispose]());

  const SEEN = [
    ['front_door', 'motion', 5_000],
    ['garden', 'person', 5_000],
    ['front_door', 'car', 12_500],
  ] as const;
  test.for(['phone', 'desktop'] as const)(
    'on a %s the events of all cameras are one list: by kind, with pictures, and a tap plays one',
    async (size) => {
      for (const [path, type, ms] of SEEN) {
        const start = new Date(
          cameras.first.startMs + ms + (path === 'garden' ? RECORDED_MS + GAP_MS : 0),
        ).toISOString();
        await cameras.box.api('POST', 'events', { path, type, start, id: `${type}-${path}` });
      }
      await using visitor = await cameras.open(size, cameras.second.startMs + 2_000);
      const { page, complaints } = visitor;
      await clockAfter(page, cameras.second.startMs + 2_000);
      await page.locator('.choice.title select').selectOption({ label: 'All cameras' });
      await page.getByRole('heading', { name: 'All cameras', level: 1 }).waitFor({ state: 'attached' });
      const list = page.getByRole('region', { name: 'Events on this day' });
      const person = list.getByRole('button', { name: /Person.*Garden/ });
      await person.waitFor();
      await list.getByRole('button', { name: /Vehicle.*Front door/ }).waitFor();
      await list.getByRole('button', { name: 'Person', exact: true }).click();
      await list.getByRole('button', { name: /Vehicle.*Front door/ }).waitFor({ state: 'detached' });
      // Its picture is the key frame before it.
      const still = await until(() => clockIn(page, '.day-list li canvas'));
      expect(Math.abs(still - cameras.second.startMs - 5_000)).toBeLessThan(GROUP_MS + EXACT_MS);

      await person.click();
      await page.locator('.recording-screen .caption', { hasText: 'Garden' }).waitFor();
      const clock = await clockAfter(page, cameras.second.startMs + 1_000);
      expect(clock).toBeLessThan(cameras.second.endMs);
      expect(await person.getAttribute('aria-current')).toBe('true');
      expect(page.url()).toContain('/rec/garden');
      expect(page.url()).toContain('all');
      await list.getByRole('button', { name: 'Person', exact: true }).click();
      await list.getByRole('button', { name: /Vehicle.*Front door/ }).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      expect(complaints).toEqual([]);
    },
  );

  test('the list of all cameras shows today if the chosen one has no recordings', async () => {
    await cameras.box.api('POST', 'config/paths/replace/attic', { source: 'publisher', record: false });
    await using visitor = await visit(cameras.viewer.browser, cameras.box, { size: 'phone' });
    const { page } = visitor;
    await visitor.logIn('#/rec/attic?all');
    await page.getByText('No recordings of Attic.').waitFor();
    await page
      .getByRole('button', { name: /Motion.*Front door/ })
      .first()
      .waitFor();
    // Any day can be chosen, with or without recordings of this camera.
    await page.getByRole('button', { name: 'Go to date' }).click();
    // The days of all cameras are marked.
    await page.locator('.day[data-recorded]').first().waitFor();
    await page.getByRole('button', { name: 'Previous month' }).click();
    const now = new Date();
    const tenth = new Date(now.getFullYear(), now.getMonth() - 1, 10).getTime();
    await page.getByRole('button', { name: nameOfDay(tenth) }).click();
    await page.getByText('No events on this day.').waitFor();
    await cameras.box.api('DELETE', 'config/paths/delete/attic');
  });

  test('on a phone another camera shows the same moment below', async () => {
    await using visitor = await cameras.open('phone', cameras.second.startMs + 500);
    const { page, complaints } = visitor;
    await page.getByLabel('Another camera at the same time').selectOption({ label: 'Garden' });
    await clockAfter(page, cameras.second.startMs + 2_000);
    await halt(page);
    await until(async () => {
      const [one, other] = await clocksIn(page, MAIN, '.synced video');
      return one !== undefined && other !== undefined && Math.abs(one - other) < 450 ? true : undefined;
    });
    const [above, below] = await Promise.all([MAIN, '.synced video'].map((one) => page.locator(one).boundingBox()));
    expect((above?.y ?? 0) + (above?.height ?? 0)).toBeLessThanOrEqual(below?.y ?? 0);
    expect((await page.locator('.time').boundingBox())?.height).toBeGreaterThan(100);
    expect(await axeFindings(page)).toEqual([]);
    expect(await page.locator('.viewer .caption').allTextContents()).toEqual(['Front door', 'Garden']);
    await page.getByRole('button', { name: 'Stop playing Garden in sync' }).click();
    await page.locator('.synced').waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  test("a Shift-tap on a camera's lane plays it in sync: both clocks agree; a tap changes to it", async () => {
    await using visitor = await cameras.open('desktop', cameras.second.startMs + 500);
    const { page, complaints } = visitor;
    await page.getByRole('button', { name: 'Show Garden' }).click({ modifiers: ['Shift'] });
    await clockAfter(page, cameras.second.startMs + 2_000);
    await until(async () => {
      const [one, other] = await clocksIn(page, MAIN, '.synced video');
      return one !== undefined && other !== undefined && Math.abs(one - other) < 600 ? true : undefined;
    });
    await halt(page);
    await until(async () => {
      const [one, other] = await clocksIn(page, MAIN, '.synced video');
      return one !== undefined && other !== undefined && Math.abs(one - other) < 450 ? true : undefined;
    });
    const clock = (await clockIn(page, MAIN)) ?? Number.NaN;
    await page.getByRole('button', { name: 'Stop playing Garden in sync' }).click();
    const inVain: string[] = [];
    page.on('requestfailed', (request) => /\/list\?/.test(request.url()) && inVain.push(request.url()));
    await page.getByRole('button', { name: 'Show Garden' }).click();
    await page.getByRole('button', { name: 'Show Front door' }).waitFor();
    await clockNear(page, clock);
    expect(inVain, 'what there is of it is asked for once').toEqual([]);
    expect(complaints).toEqual([]);
  });

  /** As if the box had twelve cameras; eleven of them have only a name. */
  async function showTwelve(page: Page): Promise<void> {
    const names = ['front_door', ...Array.from({ length: 11 }, (_, i) => `yard_${i + 1}`)];
    await page.route('**/v3/recordings/list?*', (route) =>
      route.fulfill({ json: { itemCount: names.length, pageCount: 1, items: names.map((name) => ({ name })) } }),
    );
    await page.route('**/v3/timeline/yard_*', (route) => {
      const of = (key: string) => new URL(route.request().url()).searchParams.get(key);
      const lists = { coverage: [], archived: [], reasons: [], events: [], eventCounts: [], protected: [] };
      return route.fulfill({ json: { from: of('from'), to: of('to'), ...lists } });
    });
  }
  const isOnTop = (button: Locator) =>
    button.evaluate((element) => {
      const { left, top, height } = element.getBoundingClientRect();
      return element.contains(document.elementFromPoint(left + 5, top + height / 2));
    });

  test('the last lane of twelve cameras is reached by wheel and by key, and the chosen one stays; the keys are listed on request', async () => {
    await using visitor = await cameras.open('desktop', cameras.second.startMs + 500);
    const { page, complaints } = visitor;
    await showTwelve(page);
    await page.setViewportSize({ width: 1366, height: 650 });
    await page.reload();
    await settled(page, MAIN);
    const last = page.getByRole('button', { name: 'Show Yard 11' });
    await last.waitFor();
    const isSeen = () => isOnTop(last);
    expect(await isSeen()).toBe(false);
    const { fromS, toS } = await slider(page);
    const { x, y, height } = await middleOf(page);
    await page.mouse.move(x, y + height / 2 - 10);
    await page.mouse.wheel(0, 2_000);
    await until(async () => ((await isSeen()) ? true : undefined));
    const wide = await slider(page);
    expect(wide.toS - wide.fromS).toBe(toS - fromS);
    await page.locator('.lane-names [aria-current]').waitFor();
    const isCut = (all: Element[]) =>
      all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent);
    expect(await page.locator('.lane-names bdi').evaluateAll(isCut)).toEqual([]);
    // The lanes have moved with their names: the last name is next to its lane.
    const lane = await last.boundingBox();
    expect((lane?.y ?? 0) + (lane?.height ?? 0)).toBeLessThanOrEqual(y + height / 2 + 1);
    await page.mouse.wheel(0, -2_000);
    await until(async () => ((await isSeen()) ? undefined : true));
    await last.focus();
    await until(async () => ((await isSeen()) ? true : undefined));
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    await help.getByText('Previous event · Next event').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    // Over the chosen camera's lane the wheel zooms.
    await page.mouse.move(x, y - height / 2 + 60);
    await page.mouse.wheel(0, -300);
    await until(async () => {
      const near = await slider(page);
      return near.toS - near.fromS < toS - fromS ? true : undefined;
    });
    expect(await axeFindings(page)).toEqual([]);
    await page.mouse.click(x, (lane?.y ?? 0) + (lane?.height ?? 0) / 2);
    await page.waitForURL(/yard_11/);
    expect(complaints.filter((line) => !line.includes('yard_'))).toEqual([]);
  });

  test('on a tablet a finger that moves up over the lanes of other cameras scrolls them, and does not move the time', async () => {
    await using visitor = await cameras.open('phone', cameras.second.startMs + 500);
    const { page } = visitor;
    await showTwelve(page);
    await page.setViewportSize({ width: 1024, height: 600 });
    await page.reload();
    await settled(page, MAIN);
    await clockAfter(page, cameras.second.startMs + 500);
    const halted = await haltedAt(page);
    const last = page.getByRole('button', { name: 'Show Yard 11' });
    await last.waitFor();
    expect(await isOnTop(last)).toBe(false);
    const touch = await visitor.context.newCDPSession(page);
    const { x, y, height } = await middleOf(page);
    const bottom = y + height / 2 - 10;
    const finger = (type: 'touchStart' | 'touchMove' | 'touchEnd', byPx?: number) =>
      touch.send('Input.dispatchTouchEvent', {
        type,
        touchPoints: byPx === undefined ? [] : [{ x, y: bottom - byPx }],
      });
    await finger('touchStart', 0);
    for (let px = 20; px <= 600; px += 20) {
      await finger('touchMove', px);
    }
    await finger('touchEnd');
    await until(async () => ((await isOnTop(last)) ? true : undefined));
    await clockNear(page, halted);
    expect(Math.abs(inAddress(page) - halted)).toBeLessThan(EXACT_MS);
  });

  test('with all cameras, next and previous event belong to any camera', async () => {
    const start = new Date(cameras.second.startMs + 5_000).toISOString();
    await cameras.box.api('POST', 'events', { path: 'garden', type: 'person', start, id: 'person-garden' });
    await using visitor = await cameras.open('desktop', cameras.second.startMs + 1_000);
    const { page, complaints } = visitor;
    await clockNear(page, cameras.second.startMs + 1_000, 2_000);
    await halt(page);
    await visitor.go(`#/rec/front_door?t=${new Date(cameras.second.startMs + 1_000).toISOString()}&all`);
    const caption = (title: string) => page.locator('.recording-screen .caption', { hasText: title }).waitFor();
    await caption('Front door');
    await clockNear(page, cameras.second.startMs + 1_000);
    await page.getByRole('button', { name: 'Next event' }).click();
    await caption('Garden');
    await page.waitForURL(/rec\/garden.*all/);
    await clockNear(page, cameras.second.startMs + 2_000);
    await page.getByRole('button', { name: 'Previous event' }).click();
    await caption('Front door');
    await clockNear(page, cameras.second.startMs + 1_000);
    expect(complaints).toEqual([]);
  });
});
