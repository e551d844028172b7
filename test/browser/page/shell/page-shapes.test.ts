import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { layoutFaults } from '../../../peers/browser/page-layout.ts';
import { axeFindings, settled, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith, inShort } from '../../../peers/programs/peers.ts';
import { recordClock } from '../../../support/disks/recorded-clock.ts';

const RECORDED_S = 20;
const VIDEO = '.recording-screen video';
const PATIENT = { timeout: 180_000 };
const TABLET = { width: 820, height: 1180 };

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

async function boxOf(element: Locator): Promise<Box> {
  const { x, y, width, height } = (await element.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
  return { left: x, top: y, right: x + width, bottom: y + height };
}

const areaOf = ({ left, top, right, bottom }: Box): number => Math.max(0, right - left) * Math.max(0, bottom - top);

const overlap = (one: Box, other: Box): number =>
  areaOf({
    left: Math.max(one.left, other.left),
    top: Math.max(one.top, other.top),
    right: Math.min(one.right, other.right),
    bottom: Math.min(one.bottom, other.bottom),
  });

/** Runs in the page: notes when the colours behind a live picture are drawn. */
function watchAmbient(): void {
  const draws: number[] = [];
  Object.assign(window, { draws });
  const { drawImage } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.drawImage = function (this: CanvasRenderingContext2D, ...picture: unknown[]) {
    if (this.canvas instanceof HTMLCanvasElement && this.canvas.className === 'ambient') {
      draws.push(performance.now());
    }
    return Reflect.apply(drawImage, this, picture);
  };
}

const ambientDraws = (page: Page): Promise<readonly number[]> =>
  page.evaluate(() => (window as unknown as { draws: readonly number[] }).draws);

interface Colours {
  /** sRGB values, 0 to 255: the largest channel, the largest difference of two channels in a pixel, and of two neighbouring pixels. */
  readonly brightest: number;
  readonly mostSaturated: number;
  readonly steepest: number;
}

/** Colours of the screen when the picture behind the controls has the strongest colours. */
async function ambientColours(page: Page): Promise<Colours> {
  await page.locator('canvas.ambient').evaluate((canvas: HTMLCanvasElement) => {
    const context = canvas.getContext('2d');
    for (const [i, colour] of ['#fff', '#f00', '#00f', '#ff0'].entries()) {
      Object.assign(context ?? {}, { fillStyle: colour });
      context?.fillRect(i * 8, 0, 8, 18);
    }
    for (const one of document.querySelectorAll<HTMLElement>('.camera-view > :not(.ambient)')) {
      one.style.display = 'none';
    }
  });
  const png = (await page.screenshot()).toString('base64');
  return page.evaluate(async (text) => {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes]));
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext('2d');
    context?.drawImage(bitmap, 0, 0);
    const data = context?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray();
    let [brightest, mostSaturated, steepest] = [0, 0, 0];
    for (let i = 0; i < data.length; i += 4) {
      const [red = 0, green = 0, blue = 0] = data.subarray(i, i + 3);
      brightest = Math.max(brightest, red, green, blue);
      mostSaturated = Math.max(mostSaturated, Math.max(red, green, blue) - Math.min(red, green, blue));
      if (i % (width * 4) > 0) {
        const channels = [red, green, blue].map((value, channel) => Math.abs(value - (data[i - 4 + channel] ?? 0)));
        steepest = Math.max(steepest, ...channels);
      }
    }
    return { brightest, mostSaturated, steepest };
  }, png);
}

describeWith(['chromium'], 'the page in windows of every shape', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let startMs: number;
  beforeAll(async () => {
    const cameras = [{ quirks: { ptz: 'full', backChannel: 'when asked' } }, {}] as const;
    const config = 'pathDefaults:\n  record: true\n  recordPartDuration: 500ms\n';
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras, config })]);
    startMs = Math.floor(Date.now() / 1000) * 1000 - 60_000;
    await recordClock(join(box.folder, 'data/recordings'), 'front_door', startMs, RECORDED_S);
    await box.claim();
    await box.adopt();
    for (const s of [3, 7, 11, 15]) {
      const start = new Date(startMs + s * 1000).toISOString();
      await box.api('POST', 'events', { path: 'front_door', type: `kind-${s}`, start });
    }
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  const moment = () => `#/rec/front_door?t=${new Date(startMs + 10_000).toISOString()}`;
  async function open(window: { width: number; height: number }, place: string) {
    const visitor = await visit(viewer.browser, box, { size: 'phone', isCalm: true });
    await visitor.page.setViewportSize(window);
    await visitor.logIn(place);
    return visitor;
  }

  /** Loads the page with this many cameras; those that the box lacks are paused. */
  async function showCameras(page: Page, count: number): Promise<void> {
    await page.route('**/v3/paths/list**', async (route) => {
      const { items } = await box.api<{ items: readonly { name: string }[] }>('GET', 'paths/list');
      const [first] = items.filter(({ name }) => name === 'front_door');
      const more = Array.from({ length: count - 1 }, (_, i) => ({
        ...{ ...first, name: `yard_${i}`, title: `Yard ${i}` },
        ...{ paused: true, ready: false, order: 10 + i },
      }));
      await route.fulfill({ json: { items: [first, ...more] } });
    });
    await page.reload();
    await page
      .locator('.tile')
      .nth(count - 1)
      .waitFor();
  }

  test.for(inShort([5, 6, 9], '5', '9'))(
    'on an upright tablet %i tiles fill the window and nothing scrolls',
    async (count) => {
      await using visitor = await open(TABLET, '#/live');
      const { page } = visitor;
      await showCameras(page, count);
      const tiles = await Promise.all((await page.locator('.tile').all()).map(boxOf));
      const covered = tiles.reduce((sum, tile) => sum + areaOf(tile), 0);
      expect(covered / (TABLET.width * TABLET.height)).toBeGreaterThan(0.5);
      expect(Math.max(...tiles.map(({ bottom }) => bottom))).toBeLessThanOrEqual(TABLET.height);
    },
  );

  const GRIDS = [
    ['1280 × 800', { width: 1280, height: 800 }],
    ['1920 × 1080', { width: 1920, height: 1080 }],
    ['3840 × 2160', { width: 3840, height: 2160 }],
    ['1080 × 1920', { width: 1080, height: 1920 }],
  ] as const;
  const WINDOWS = inShort(GRIDS, '1280 × 800', '3840 × 2160', '1080 × 1920');
  test('2 to 12 cameras leave no large part of a window empty, and none of them needs scrolling', PATIENT, async () => {
    await using visitor = await open(GRIDS[0][1], '#/live');
    const { page } = visitor;
    for (const count of inShort([2, 3, 5, 7, 10, 11, 12], '2', '3', '7', '11', '12')) {
      await page.unrouteAll();
      await showCameras(page, count);
      for (const [name, window] of WINDOWS) {
        await page.setViewportSize(window);
        const about = `${count} cameras, ${name}`;
        const tiles = async () => Promise.all((await page.locator('.tile').all()).map(boxOf));
        const bottom = async () => Math.max(...(await tiles()).map((tile) => tile.bottom));
        await expect.poll(bottom, { message: about }).toBeLessThanOrEqual(window.height);
        // Two or three pictures of 16:9 cover no more of a window.
        const least = window.height > window.width ? [0.5, 0.5, 0.5] : [0.4, 0.62, 0.75];
        const share = async () => {
          const { left, top, right } = await boxOf(page.locator('.grid'));
          const covered = (await tiles()).reduce((sum, tile) => sum + areaOf(tile), 0);
          return covered / ((right - left) * (window.height - top));
        };
        await expect.poll(share, { message: about }).toBeGreaterThan(least[Math.min(count, 4) - 2] ?? 1);
      }
    }
  });

  test('many cameras: the odd tile of a phone is not larger than the others and has a neighbour, eleven fill a wide window, and lists are searched', async () => {
    await using visitor = await open({ width: 390, height: 844 }, '#/live');
    const { page } = visitor;
    await showCameras(page, 11);
    const sizes = async () => (await Promise.all((await page.locator('.tile').all()).map(boxOf))).map(areaOf);
    const [first = 0, second = 0, ...others] = await sizes();
    expect(others.at(-1)).toBeCloseTo(second, 0);
    expect(first).toBeGreaterThan(3 * second);
    await page.setViewportSize({ width: 1440, height: 900 });
    const ends = async () =>
      Math.max(
        ...(
          await page
            .locator('.tile')
            .all()
            .then((all) => Promise.all(all.map(boxOf)))
        ).map(({ bottom }) => bottom),
      );
    await expect.poll(ends).toBeLessThanOrEqual(900);
    const textPx = () => page.evaluate(() => Number.parseFloat(getComputedStyle(document.body).fontSize));
    expect(await textPx()).toBe(15);
    await page.setViewportSize({ width: 3840, height: 2160 });
    expect(await textPx()).toBe(22.5);
    await page.setViewportSize({ width: 390, height: 844 });
    await visitor.go('#/settings/cameras');
    const search = page.getByRole('searchbox', { name: 'Find a camera' });
    await search.waitFor();
    const add = page.locator('.add-one:visible');
    expect((await add.boundingBox())?.y).toBeLessThan(400);
    await search.fill('yard 7');
    await expect.poll(() => page.locator('.camera-list li').count()).toBe(1);
  });

  test('on an upright tablet the recorded picture is as wide as the page, with the events below it', async () => {
    await using visitor = await open(TABLET, moment());
    const { page, complaints } = visitor;
    await settled(page, VIDEO);
    const screen = await boxOf(page.locator('.recording-screen'));
    expect(screen.right - screen.left).toBeGreaterThan(650);
    expect((screen.right - screen.left) / (screen.bottom - screen.top)).toBeCloseTo(16 / 9, 1);
    const list = await boxOf(page.locator('.day-list'));
    expect(list.top).toBeGreaterThanOrEqual(screen.bottom);
    expect((await boxOf(page.locator('.time'))).bottom).toBeLessThanOrEqual(TABLET.height);
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  const SIDEWAYS = [
    ['844 × 390', { width: 844, height: 390 }],
    ['667 × 375', { width: 667, height: 375 }],
  ] as const;
  test.for(inShort(SIDEWAYS, '844 × 390'))(
    'on a phone held sideways, %s, picture, buttons and timeline are seen at once',
    async ([, window]) => {
      await using visitor = await open(window, moment());
      const { page, complaints } = visitor;
      await settled(page, VIDEO);
      await page.locator('.day-list li').first().waitFor();
      const screen = await boxOf(page.locator('.recording-screen'));
      expect(screen.bottom - screen.top).toBeGreaterThan(window.height * 0.45);
      const parts = await Promise.all(
        ['.recording-screen', '.transport', '.time', '.day-list'].map((part) => boxOf(page.locator(part))),
      );
      for (const [i, one] of parts.entries()) {
        expect(one.top).toBeGreaterThanOrEqual(0);
        expect(one.bottom).toBeLessThanOrEqual(window.height);
        expect(parts.slice(i + 1).reduce((sum, other) => sum + overlap(one, other), 0)).toBe(0);
      }
      expect(await axeFindings(page)).toEqual([]);
      expect(complaints).toEqual([]);
    },
  );

  test('on a phone held sideways a clip leaves its timeline and every button within the window', async () => {
    const clip = `clip=${startMs + 4_000}-${startMs + 14_000}`;
    await using visitor = await open({ width: 844, height: 390 }, `${moment()}&${clip}`);
    const { page, complaints } = visitor;
    await settled(page, '.clip-panel');
    const window = { left: 0, top: 0, right: 844, bottom: 390 };
    for (const part of [page.locator('.time'), ...(await page.locator('.transport button').all())]) {
      const bounds = await boxOf(part);
      expect(overlap(bounds, window), await part.textContent().then(String)).toBe(areaOf(bounds));
    }
    await page.getByRole('switch', { name: /Save clip/ }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('on a phone held sideways the PTZ controls leave most of the picture free', async () => {
    await using visitor = await open({ width: 844, height: 390 }, '#/live/front_door');
    const { page, complaints } = visitor;
    await page.locator('.camera-view .surface.playing').first().waitFor();
    await page.locator('.rewind .time').waitFor();
    const width = (390 * 16) / 9;
    const picture = { left: (844 - width) / 2, right: (844 + width) / 2, top: 0, bottom: 390 };
    const controls = await Promise.all([boxOf(page.locator('.pad')), boxOf(page.locator('.rocker'))]);
    const covered = controls.reduce((sum, one) => sum + overlap(one, picture), 0);
    expect(covered / areaOf(picture)).toBeLessThan(0.12);
    const strip = await boxOf(page.locator('.rewind .time'));
    expect(controls.map((one) => overlap(one, strip))).toEqual([0, 0]);
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('on a phone held sideways a button and a swipe open the next camera; the tap that shows the buttons presses neither', async () => {
    await using visitor = await open({ width: 844, height: 390 }, '#/live/front_door');
    const { page, complaints } = visitor;
    await page.locator('.camera-view .surface.playing').first().waitFor();
    const [next, back] = [
      page.getByRole('button', { name: 'Next camera' }),
      page.getByRole('button', { name: 'Previous camera' }),
    ];
    const screen = { left: 0, top: 0, right: 844, bottom: 390 };
    const others = await Promise.all(
      ['.pad', '.rocker', '.actions', '.camera-view header :is(a, button)'].map((part) =>
        boxOf(page.locator(part).last()),
      ),
    );
    for (const button of [next, back]) {
      const box = await boxOf(button);
      expect(box.right - box.left).toBeGreaterThanOrEqual(44);
      expect(overlap(box, screen)).toBe(areaOf(box));
      expect(others.map((one) => overlap(one, box)).filter((px) => px > 0)).toEqual([]);
    }
    const { left, top } = await boxOf(next);
    await page.locator('.camera-view.idle').waitFor({ timeout: 20_000 });
    await page.touchscreen.tap(left + 22, top + 22);
    await page.locator('.camera-view:not(.idle)').waitFor();
    expect(new URL(page.url()).hash).toBe('#/live/front_door');
    await next.tap();
    await page.waitForURL(/#\/live\/garden$/);
    await page.locator('.camera-view .surface.playing').first().waitFor();
    const touch = await visitor.context.newCDPSession(page);
    const send = (type: 'touchStart' | 'touchMove' | 'touchEnd', x?: number) =>
      touch.send('Input.dispatchTouchEvent', { type, touchPoints: x === undefined ? [] : [{ x, y: 160 }] });
    await send('touchStart', 300);
    for (let x = 330; x <= 560; x += 30) {
      await send('touchMove', x);
    }
    await send('touchEnd');
    await page.waitForURL(/#\/live\/front_door$/);
    expect(complaints).toEqual([]);
  });

  const RESUMED = [
    ['820 px', TABLET],
    ['1440 px', { width: 1440, height: 900 }],
  ] as const;
  test.for(inShort(RESUMED, '1440 px'))(
    'at %s a click in the middle of its button resumes a paused camera',
    async ([, window]) => {
      await box.api('PATCH', 'cameras/patch/front_door', { paused: true });
      await using visitor = await open(window, '#/live/front_door');
      const { page } = visitor;
      await page.locator('.rewind .time').waitFor();
      await page.getByRole('button', { name: 'Resume' }).click();
      await page.locator('.camera-view .surface.playing').first().waitFor();
    },
  );

  test('the strip over a live picture is low, on a gradient and without a box', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'desktop' });
    await visitor.logIn('#/live/front_door');
    const strip = visitor.page.locator('.rewind .time');
    await strip.waitFor();
    const { top, bottom } = await boxOf(strip);
    expect(bottom - top).toBeLessThanOrEqual(72);
    expect(await strip.evaluate((element) => getComputedStyle(element).backgroundColor)).toBe('rgba(0, 0, 0, 0)');
  });

  test("behind a phone's live picture its colours are dark, soft and change every ten seconds", async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    await page.addInitScript(watchAmbient);
    await visitor.logIn('#/live/front_door');
    await page.locator('.camera-view .picture:only-child .surface.playing').waitFor();
    await expect.poll(async () => (await ambientDraws(page)).length).toBeGreaterThan(0);
    const { brightest, mostSaturated, steepest } = await ambientColours(page);
    expect(brightest).toBeGreaterThan(8);
    // White text on it has a contrast of at least 12 : 1 (WCAG 2.2, 1.4.6 asks for 7 : 1).
    expect(brightest).toBeLessThanOrEqual(52);
    expect(mostSaturated).toBeLessThanOrEqual(40);
    expect(steepest).toBeLessThanOrEqual(3);
    const longest = (draws: readonly number[]) => Math.max(...draws.map((ms, i) => ms - (draws[i - 1] ?? ms)));
    await expect.poll(async () => longest(await ambientDraws(page)), { timeout: 20_000 }).toBeGreaterThan(9_900);
    // The three draws are those of the small picture, of the large one, and of the change.
    expect((await ambientDraws(page)).length).toBeLessThanOrEqual(3);
  });

  test('at 320 px both ends of a clip can be taken hold of above its sheet', async () => {
    const clip = `clip=${startMs + 4_000}-${startMs + 14_000}`;
    await using visitor = await open({ width: 320, height: 568 }, `${moment()}&${clip}`);
    const { page, complaints } = visitor;
    await settled(page, '.clip-panel');
    await page.locator('.clip-handle').nth(1).waitFor();
    const time = await boxOf(page.locator('.time'));
    expect(overlap(time, await boxOf(page.locator('.clip-panel')))).toBe(0);
    const reached = await page.locator('.clip-handle').evaluateAll((all) =>
      all.map((handle) => {
        const { left, top, width, height } = handle.getBoundingClientRect();
        return handle.contains(document.elementFromPoint(left + width / 2, top + height / 2));
      }),
    );
    expect(reached).toEqual([true, true]);
    for (const name of ['Start here', 'End here', 'Download']) {
      const button = await boxOf(page.getByRole('button', { name }));
      expect(button.bottom, name).toBeLessThanOrEqual(568);
    }
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('of many cameras five lanes are visible, complete and each high enough for a finger, and the others scroll', async () => {
    await using visitor = await open({ width: 1180, height: 820 }, '#/live');
    const { page } = visitor;
    const names = ['front_door', ...Array.from({ length: 9 }, (_, i) => `yard_${i}`)];
    await page.route('**/v3/recordings/list?*', (route) =>
      route.fulfill({ json: { itemCount: names.length, pageCount: 1, items: names.map((name) => ({ name })) } }),
    );
    await visitor.go(moment());
    await settled(page, VIDEO);
    const rows = await page.locator('.lane-names li').evaluateAll((all) => all.map((one) => one.clientHeight));
    expect(rows).toHaveLength(10);
    expect(Math.min(...rows)).toBeGreaterThanOrEqual(44);
    const toggles = page.locator('.sync-toggle');
    const { left, right, top, bottom } = await boxOf(toggles.first());
    expect(Math.min(right - left, bottom - top)).toBeGreaterThanOrEqual(44);
    const list = page.locator('.lane-names');
    const { clientHeight, scrollHeight } = await list.evaluate(({ clientHeight, scrollHeight }) => ({
      ...{ clientHeight, scrollHeight },
    }));
    expect(clientHeight - (rows[0] ?? 0) - 4 * (rows[1] ?? 0)).toBeCloseTo(4, 0);
    expect(scrollHeight).toBeGreaterThan(clientHeight);
    expect((await boxOf(list)).bottom).toBe((await boxOf(page.locator('.time'))).bottom);
  });

  const CLIPS = [
    ['390 px', 12_000, { width: 390, height: 844 }],
    ['390 px', 6 * 3_600_000, { width: 390, height: 844 }],
    ['1440 px', 12_000, { width: 1440, height: 900 }],
    ['1440 px', 6 * 3_600_000, { width: 1440, height: 900 }],
  ] as const;
  test.for(inShort(CLIPS, '390 px 12000', '1440 px 21600000'))(
    'at %s a link to a clip shows all of it, large enough to move its ends',
    async ([, ms, window]) => {
      const middle = startMs + 10_000;
      const clip = `clip=${middle - ms / 2}-${middle + ms / 2}`;
      await using visitor = await open(window, `${moment()}&${clip}`);
      const { page } = visitor;
      await settled(page, '.clip-panel');
      await page.locator('.clip-handle').nth(1).waitFor();
      const time = await boxOf(page.locator('.time'));
      const range = await boxOf(page.locator('.clip-range'));
      const share = Math.max(
        (range.right - range.left) / (time.right - time.left),
        (range.bottom - range.top) / (time.bottom - time.top),
      );
      expect(overlap(range, time) / areaOf(range)).toBeGreaterThan(0.99);
      expect(share).toBeGreaterThan(0.3);
    },
  );

  test('on an upright tablet the network addresses use the whole row next to their bit rate', async () => {
    await using visitor = await open(TABLET, '#/settings/system');
    const { page } = visitor;
    const row = page.locator('.values .line').filter({ hasText: 'Network' });
    await row.locator('.spark').waitFor({ state: 'attached' });
    const [text, value, whole] = [await boxOf(row.locator('.grow')), await boxOf(row.locator('b')), await boxOf(row)];
    // The icon, two gaps and the edges.
    expect(text.right - text.left + value.right - value.left).toBeGreaterThan(whole.right - whole.left - 100);
  });

  test("at 320 px with letters of twice the size an event's words have a separate line", async () => {
    await using visitor = await open({ width: 320, height: 568 }, '#/events');
    const { page } = visitor;
    const browser = await visitor.context.newCDPSession(page);
    await browser.send('Page.setFontSizes', { fontSizes: { standard: 32, fixed: 26 } });
    const words = page.locator('.events-page li .event-caption').first();
    await words.waitFor();
    const { left, right } = await boxOf(words);
    expect(right - left).toBeGreaterThan(200);
  });

  test("with the browser's letters twice as large no words lie on each other", async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    const browser = await visitor.context.newCDPSession(page);
    await browser.send('Page.setFontSizes', { fontSizes: { standard: 32, fixed: 26 } });
    await visitor.logIn(moment());
    await settled(page, VIDEO);
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).fontSize)).toBe('32px');
    // It would play on to a moment without events.
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    const shown = page.locator('.event-thumbnails .event-caption');
    await shown.first().waitFor();
    for (let i = 0; i < 6 || (i < 24 && (await shown.count()) < 2); i += 1) {
      await page.keyboard.press('+');
    }
    const boxes = () => shown.evaluateAll((all) => all.map((one) => one.getBoundingClientRect().toJSON() as DOMRect));
    // Each step renders the captions again.
    const captions = await vi.waitUntil(async () => boxes().then((all) => (all.length > 1 ? all : undefined)), 10_000);
    for (const [i, one] of captions.entries()) {
      expect(captions.slice(i + 1).map((other) => overlap(one, other))).toEqual(captions.slice(i + 1).map(() => 0));
    }
    for (const place of ['#/live', '#/live/front_door', moment(), '#/settings/storage']) {
      await visitor.go(place);
      await settled(page, '.tile.live, .camera-view .surface.playing, .recorded, .settings-page .card');
      expect(await layoutFaults(page), place).toEqual([]);
      if (place.startsWith('#/live/')) {
        const state = await boxOf(page.locator('.over .state'));
        expect(state.bottom).toBeLessThanOrEqual((await boxOf(page.locator('.screen'))).top);
      }
    }
  });
});
