import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VIDEO_FPS } from '../../../agent/sources/demo/demo-streams.ts';
import { BAR_TOP } from '../../../agent/sources/demo/time-bar.ts';
import { until } from '../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, type Visit, visit } from '../../peers/browser/page-visit.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';
import { GROUP_MS, recordClock } from '../../support/disks/recorded-clock.ts';
import { readTimeBar } from '../../support/media/time-bar.ts';

/** Of the two recordings, and of the gap between them. Most tests play the second: it is longer than a busy machine takes. */
const RECORDED_MS = 8_000;
const SECOND_MS = 30_000;
const GAP_MS = 2_500;
/** The cameras send ten pictures a second, which limits the precision of the recordings' labels. */
const FRAME_MS = 1_000 / VIDEO_FPS;
const EXACT_MS = 250;

interface Recorded {
  readonly startMs: number;
  readonly endMs: number;
}

/** The clocks in simultaneous pictures of elements: videos or canvases. */
async function clocksIn(page: Page, ...selectors: readonly string[]): Promise<readonly (number | undefined)[]> {
  const pictures = await page.evaluate(
    ([from, wanted]) =>
      wanted.map((selector) => {
        const element = document.querySelector(selector) as HTMLVideoElement | HTMLCanvasElement | null;
        const isVideo = element instanceof HTMLVideoElement;
        if (!element || element.hidden || (isVideo && (element.readyState < 2 || element.seeking))) {
          return undefined;
        }
        const [width, height] = isVideo ? [element.videoWidth, element.videoHeight] : [element.width, element.height];
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [width, height];
        const context = canvas.getContext('2d') as CanvasRenderingContext2D;
        context.drawImage(element, 0, 0);
        const top = Math.floor(height * from);
        const { data } = context.getImageData(0, top, width, height - top);
        let green = '';
        for (let i = 1; i < data.length; i += 4) {
          green += String.fromCharCode(data[i] ?? 0);
        }
        return { width, height, top, base64: btoa(green) };
      }),
    [BAR_TOP, selectors] as const,
  );
  return pictures.map((picture) => {
    const { width = 0, height = 0, top = 0, base64 = '' } = picture ?? {};
    const luma = new Uint8Array(width * height);
    luma.set(Buffer.from(base64, 'base64'), width * top);
    return picture && readTimeBar(luma, width, height, width);
  });
}

const clockIn = async (page: Page, selector: string): Promise<number | undefined> =>
  (await clocksIn(page, selector))[0];

const MAIN = '.recording-screen:not(.synced) video';

describeWith(['chromium'], 'the page of recordings', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let first: Recorded;
  let second: Recorded;

  beforeAll(async () => {
    const config = 'pathDefaults:\n  record: true\n  recordPartDuration: 500ms\n';
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}], config })]);
    const startMs = Math.floor(Date.now() / 1000) * 1000 - 60_000;
    first = { startMs, endMs: startMs + RECORDED_MS };
    second = { startMs: first.endMs + GAP_MS, endMs: first.endMs + GAP_MS + SECOND_MS };
    const folder = join(box.folder, 'data/recordings');
    for (const [camera, span] of [
      ['front_door', first],
      ['front_door', second],
      ['garden', second],
    ] as const) {
      await recordClock(folder, camera, span.startMs, (span.endMs - span.startMs) / 1000);
    }
    await box.claim();
    await box.adopt();
    for (const ms of [first.startMs + 5_000, second.startMs + 4_000]) {
      await box.api('POST', 'events', { path: 'front_door', type: 'motion', start: new Date(ms).toISOString() });
    }
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  /** Opens the page at a moment of the front door, where it plays. */
  async function open(size: Size, atMs: number): Promise<Visit> {
    const visitor = await visit(viewer.browser, box, { size });
    await visitor.logIn(`#/rec/front_door?t=${new Date(atMs).toISOString()}`);
    await settled(visitor.page, MAIN);
    return visitor;
  }

  /** The picture's own clock, once it is at a moment or later. */
  const clockAfter = (page: Page, ms: number) =>
    until(async () => {
      const clock = await clockIn(page, MAIN);
      return clock !== undefined && clock >= ms ? clock : undefined;
    });
  /** The picture's own clock is near a moment. */
  const clockNear = (page: Page, ms: number, withinMs = EXACT_MS) =>
    until(async () => {
      const clock = await clockIn(page, MAIN);
      return clock !== undefined && Math.abs(clock - ms) <= withinMs ? clock : undefined;
    });
  const inAddress = (page: Page) => Date.parse(new URLSearchParams(page.url().split('?')[1]).get('t') ?? '');
  async function halt(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  }
  /** The position once the address has that moment: the last picture may come after it has stopped. */
  async function haltedAt(page: Page, withinMs = EXACT_MS): Promise<number> {
    await halt(page);
    return until(async () => {
      const clock = await clockIn(page, MAIN);
      return clock !== undefined && Math.abs(inAddress(page) - clock) < withinMs ? clock : undefined;
    });
  }

  test.for(inShort(['phone', 'desktop'] as const, 'phone'))(
    'on a %s it plays from the moment of the link; picture and address have the same time; steps are pictures; events begin 3 s earlier',
    async (size) => {
      await using visitor = await open(size, first.startMs + 1_000);
      const { page, complaints } = visitor;
      await clockAfter(page, first.startMs + 1_500);
      expect(await haltedAt(page)).toBeLessThan(first.endMs);

      // However far a slow machine has played, twice 5 s back is before the recording.
      await page.keyboard.press('ArrowLeft');
      await page.keyboard.press('ArrowLeft');
      await page.getByText('No recording here').waitFor();
      const [to, later] = [first.startMs + 2_000, second.startMs + 1_000];
      await page.getByRole('button', { name: 'Next event' }).click();
      const shown = await clockNear(page, to);
      await page.getByRole('button', { name: 'Next frame' }).click();
      await clockNear(page, shown + FRAME_MS, 20);
      await page.keyboard.press(',');
      await clockNear(page, shown, 20);

      await page.keyboard.press(']');
      await clockNear(page, later);
      await page.getByRole('button', { name: 'Previous event' }).click();
      await clockNear(page, to);
      expect(await axeFindings(page)).toEqual([]);
      expect(complaints).toEqual([]);
    },
  );

  test('plays across a gap, at eight times the speed as well, and the time stays correct', async () => {
    await using visitor = await open('desktop', first.endMs - 1_500);
    const { page, complaints } = visitor;
    await clockAfter(page, second.startMs);
    await page.getByLabel('Speed').selectOption('8');
    await visitor.go(`#/rec/front_door?t=${new Date(first.startMs + 500).toISOString()}`);
    await clockAfter(page, second.startMs + 1_000);
    // Key frames only: each stays until the next.
    await haltedAt(page, GROUP_MS + EXACT_MS);
    await page.getByLabel('Speed').selectOption('1');
    await page.getByRole('slider').focus();
    await page.keyboard.press('Home');
    await page.getByText('No recording here').waitFor();
    expect(complaints).toEqual([]);
  });

  /** The window of the timeline and the position of the picture, to the second. */
  const slider = (page: Page) =>
    page.getByRole('slider', { name: 'Timeline' }).evaluate((element) => {
      const of = (name: string) => Number(element.getAttribute(name));
      return { fromS: of('aria-valuemin'), toS: of('aria-valuemax'), text: element.getAttribute('aria-valuetext') };
    });
  async function closer(page: Page, steps: number): Promise<void> {
    for (let i = 0; i < steps; i += 1) {
      await page.keyboard.press('+');
    }
  }
  const middleOf = async (page: Page) => {
    const { x, y, width, height } = (await page.locator('.time').boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    return { x: x + width / 2, y: y + height / 2, width, height };
  };

  test('on a phone two fingers zoom, and one moves the time under the playhead: first a still, then the exact picture', async () => {
    await using visitor = await open('phone', second.startMs + 1_000);
    const { page, complaints } = visitor;
    await clockAfter(page, second.startMs + 1_000);
    const before = await haltedAt(page);
    await closer(page, 5);
    const touch = await visitor.context.newCDPSession(page);
    const finger = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...points: { x: number; y: number }[]) =>
      touch.send('Input.dispatchTouchEvent', { type, touchPoints: points.map((point, id) => ({ ...point, id })) });
    const { x, y, height } = await middleOf(page);

    const wide = await slider(page);
    await finger('touchStart', { x, y: y - 30 }, { x, y: y + 30 });
    await finger('touchMove', { x, y: y - 60 }, { x, y: y + 60 });
    await finger('touchEnd');
    const narrow = await slider(page);
    expect((wide.toS - wide.fromS) / (narrow.toS - narrow.fromS)).toBeGreaterThan(1.5);

    const lengthMs = (narrow.toS - narrow.fromS) * 1000;
    const px = Math.round((3_000 / lengthMs) * height);
    await finger('touchStart', { x, y });
    for (let moved = 10; moved < px; moved += 10) {
      await finger('touchMove', { x, y: y + moved });
    }
    await finger('touchMove', { x, y: y + px });
    const wanted = before + 3_000;
    // The finger rests, and has not been lifted.
    const exact = await clockNear(page, wanted, 1_200);
    await finger('touchEnd');
    await until(async () => (Math.abs(inAddress(page) - exact) < EXACT_MS ? true : undefined));

    // The strip covers part of the page, and pushes nothing under the navigation.
    await page.locator('.strip').evaluate((strip: HTMLElement) => {
      strip.hidden = false;
      strip.textContent = 'No connection to the box';
    });
    const bottomOf = (part: string) => page.locator(part).evaluate((element) => element.getBoundingClientRect().bottom);
    const navTop = await page.locator('nav').evaluate((element) => element.getBoundingClientRect().top);
    expect(await bottomOf('.transport')).toBeLessThanOrEqual(navTop + 0.5);
    expect(await bottomOf('nav')).toBeLessThanOrEqual((await page.evaluate(() => innerHeight)) + 0.5);

    // Without room for their buttons, steps are in the menu of speeds.
    await page.setViewportSize({ width: 340, height: 740 });
    await page.getByRole('button', { name: 'Next frame' }).waitFor({ state: 'detached' });
    const still = (await clockIn(page, MAIN)) ?? Number.NaN;
    await page.getByLabel('Speed').selectOption({ label: 'Next frame' });
    expect((await clockAfter(page, still + 1)) - still).toBeLessThan(EXACT_MS);
    expect(await page.getByLabel('Speed').inputValue()).toBe('1');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(340);
    expect(complaints).toEqual([]);
  });

  test('on a desktop the pointer shows the time below it, dragging shows stills, and a gap is labelled', async () => {
    await using visitor = await open('desktop', second.startMs + 2_000);
    const { page, complaints } = visitor;
    await clockAfter(page, second.startMs + 2_000);
    const shownMs = await haltedAt(page);
    // Minutes are recorded: both recordings are visible from the beginning.
    const { fromS, toS } = await slider(page);
    expect(fromS * 1000).toBeLessThan(first.startMs);
    expect(toS - fromS).toBeLessThan(15 * 60);
    const { y, width } = await middleOf(page);
    const shownPx = await page.locator('.time .playhead').evaluate((element) => element.getBoundingClientRect().left);
    const pxOf = (ms: number) => shownPx + ((ms - shownMs) / 1000 / (toS - fromS)) * width;

    // The bubble covers no control of the picture.
    await page.mouse.move(pxOf(first.startMs + 2_500), y - 20);
    const bubble = await page.locator('.bubble').boundingBox();
    const transport = await page.locator('.transport').boundingBox();
    expect((bubble?.y ?? 0) + (bubble?.height ?? 0)).toBeLessThanOrEqual(transport?.y ?? 0);

    // For each moment the key frame of its group of pictures.
    for (const groups of [0, 1]) {
      const keyMs = first.startMs + groups * GROUP_MS;
      await page.mouse.move(pxOf(keyMs + 2_500), y - 20);
      await until(async () => ((await clockIn(page, '.bubble canvas')) === keyMs ? true : undefined));
    }

    await page.mouse.move(pxOf(second.startMs + 2_000), y - 20);
    await page.mouse.down();
    await page.mouse.move(pxOf(first.startMs + 5_000), y - 20, { steps: 5 });
    await clockNear(page, first.startMs + 5_000, 800);
    await page.mouse.move(pxOf((first.endMs + second.startMs) / 2), y - 20, { steps: 5 });
    await page.getByText('No recording here').waitFor();
    expect((await slider(page)).text).toContain('No recording');
    await page.mouse.up();
    await page.getByText('No recording here').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('a gap shows its cause: the camera was paused', async () => {
    const paused = (isPaused: boolean) => box.api('PATCH', 'cameras/patch/front_door', { paused: isPaused });
    const timeline = () => {
      const times = { from: new Date(second.endMs).toISOString(), to: new Date(Date.now() + 60_000).toISOString() };
      const address = `timeline/front_door?${new URLSearchParams({ ...times, resolution: '0.5' })}`;
      return box.api<{ coverage: [number, number][]; reasons: [number, number, string][] }>('GET', address);
    };
    const sinceEnd = () => (Date.now() - second.endMs) / 1000;
    await paused(true);
    // Longer than a step back.
    const [at] = await until(async () =>
      (await timeline()).reasons.find(([start, , reason]) => reason === 'paused' && sinceEnd() > start + 6.5),
    );
    await paused(false);
    const [next] = await until(async () => (await timeline()).coverage.find(([start]) => start > at));
    await using visitor = await open('desktop', second.endMs + next * 1000 + 100);
    const { page, complaints } = visitor;
    await halt(page);
    const said = page.getByText('No recording here: paused');
    await until(async () => {
      await page.keyboard.press('ArrowLeft');
      return (await said.isVisible()) || undefined;
    });
    const items = [{ folder: '/mnt/disk/recordings', state: 'vanished' }];
    await page.route('**/v3/disks', (route) => route.fulfill({ json: { items } }));
    await page.reload();
    await page.getByText('The disk of /mnt/disk/recordings is missing.').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  const SEEN = [
    ['front_door', 'motion', 5_000],
    ['garden', 'person', 5_000],
    ['front_door', 'car', 12_500],
  ] as const;
  test.for(['phone', 'desktop'] as const)(
    'on a %s the events of all cameras are one list: by kind, with pictures, and a tap plays one',
    async (size) => {
      for (const [path, type, ms] of SEEN) {
        const start = new Date(first.startMs + ms + (path === 'garden' ? RECORDED_MS + GAP_MS : 0)).toISOString();
        await box.api('POST', 'events', { path, type, start, id: `${type}-${path}` });
      }
      await using visitor = await open(size, second.startMs + 2_000);
      const { page, complaints } = visitor;
      await clockAfter(page, second.startMs + 2_000);
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
      expect(Math.abs(still - second.startMs - 5_000)).toBeLessThan(GROUP_MS + EXACT_MS);

      await person.click();
      await page.locator('.recording-screen .caption', { hasText: 'Garden' }).waitFor();
      const clock = await clockAfter(page, second.startMs + 1_000);
      expect(clock).toBeLessThan(second.endMs);
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
    await box.api('POST', 'config/paths/replace/attic', { source: 'publisher', record: false });
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
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
    const tenth = new Date(now.getFullYear(), now.getMonth() - 1, 10);
    const format = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long' });
    await page.getByRole('button', { name: format.format(tenth), exact: true }).click();
    await page.getByText('No events on this day.').waitFor();
    await box.api('DELETE', 'config/paths/delete/attic');
  });

  test('on a phone another camera shows the same moment below', async () => {
    await using visitor = await open('phone', second.startMs + 500);
    const { page, complaints } = visitor;
    await page.getByLabel('Another camera at the same time').selectOption({ label: 'Garden' });
    await clockAfter(page, second.startMs + 2_000);
    await halt(page);
    await until(async () => {
      const [one, other] = await clocksIn(page, MAIN, '.synced video');
      return one !== undefined && other !== undefined && Math.abs(one - other) < 450 ? true : undefined;
    });
    const [above, below] = await Promise.all([MAIN, '.synced video'].map((one) => page.locator(one).boundingBox()));
    expect((above?.y ?? 0) + (above?.height ?? 0)).toBeLessThanOrEqual(below?.y ?? 0);
    expect((await page.locator('.time').boundingBox())?.height).toBeGreaterThan(100);
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Stop playing Garden in sync' }).click();
    await page.locator('.synced').waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  test("a Shift-tap on a camera's lane plays it in sync: both clocks agree; a tap changes to it", async () => {
    await using visitor = await open('desktop', second.startMs + 500);
    const { page, complaints } = visitor;
    await page.getByRole('button', { name: 'Show Garden' }).click({ modifiers: ['Shift'] });
    await clockAfter(page, second.startMs + 2_000);
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

  /** As if the device had twelve cameras; eleven of them have only a name. */
  async function showTwelve(page: Page): Promise<void> {
    const names = ['front_door', ...Array.from({ length: 11 }, (_, i) => `yard_${i + 1}`)];
    await page.route('**/v3/recordings/list?*', (route) =>
      route.fulfill({ json: { itemCount: names.length, pageCount: 1, items: names.map((name) => ({ name })) } }),
    );
    await page.route('**/v3/timeline/yard_*', (route) => {
      const of = (key: string) => new URL(route.request().url()).searchParams.get(key);
      const lists = { coverage: [], reasons: [], events: [], eventCounts: [], protected: [] };
      return route.fulfill({ json: { from: of('from'), to: of('to'), ...lists } });
    });
  }
  const isOnTop = (button: Locator) =>
    button.evaluate((element) => {
      const { left, top, height } = element.getBoundingClientRect();
      return element.contains(document.elementFromPoint(left + 5, top + height / 2));
    });

  test('the last lane of twelve cameras is reached by wheel and by key, and the chosen one stays; the keys are listed on request', async () => {
    await using visitor = await open('desktop', second.startMs + 500);
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
    await using visitor = await open('phone', second.startMs + 500);
    const { page } = visitor;
    await showTwelve(page);
    await page.setViewportSize({ width: 1024, height: 600 });
    await page.reload();
    await settled(page, MAIN);
    await clockAfter(page, second.startMs + 500);
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
    const start = new Date(second.startMs + 5_000).toISOString();
    await box.api('POST', 'events', { path: 'garden', type: 'person', start, id: 'person-garden' });
    await using visitor = await open('desktop', second.startMs + 1_000);
    const { page, complaints } = visitor;
    await clockNear(page, second.startMs + 1_000, 2_000);
    await halt(page);
    await visitor.go(`#/rec/front_door?t=${new Date(second.startMs + 1_000).toISOString()}&all`);
    const caption = (title: string) => page.locator('.recording-screen .caption', { hasText: title }).waitFor();
    await caption('Front door');
    await clockNear(page, second.startMs + 1_000);
    await page.getByRole('button', { name: 'Next event' }).click();
    await caption('Garden');
    await page.waitForURL(/rec\/garden.*all/);
    await clockNear(page, second.startMs + 2_000);
    await page.getByRole('button', { name: 'Previous event' }).click();
    await caption('Front door');
    await clockNear(page, second.startMs + 1_000);
    expect(complaints).toEqual([]);
  });
});
