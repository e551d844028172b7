import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTimeBar } from '../../agent/sources/demo/time-bar.ts';
import { type PageBox, startPageBox } from '../page-box.ts';
import { until } from '../peers/agent.ts';
import { startViewer, type Viewer } from '../peers/browser.ts';
import { axeFindings, type Size, settled, type Visit, visit } from '../peers/page-visit.ts';
import { describeWith } from '../peers/peers.ts';

/** Of each of the two recordings, and of the gap between them. */
const RECORDED_MS = 8_000;
const GAP_MS = 2_500;
/** The cameras send ten pictures a second; labels of recordings are that exact. */
const EXACT_MS = 250;
/** A still is a key frame, of which there is one every two seconds. */
const STILL_MS = 2_500;

interface Recorded {
  readonly startMs: number;
  readonly endMs: number;
}

/** The clock in what an element shows: a video or a canvas. */
async function clockIn(page: Page, selector: string): Promise<number | undefined> {
  const picture = await page.evaluate((wanted) => {
    const element = document.querySelector(wanted) as HTMLVideoElement | HTMLCanvasElement | null;
    const isVideo = element instanceof HTMLVideoElement;
    if (!element || element.hidden || (isVideo && (element.readyState < 2 || element.seeking))) {
      return undefined;
    }
    const [width, height] = isVideo ? [element.videoWidth, element.videoHeight] : [element.width, element.height];
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext('2d') as CanvasRenderingContext2D;
    context.drawImage(element, 0, 0);
    return { width, height, green: [...context.getImageData(0, 0, width, height).data.filter((_, i) => i % 4 === 1)] };
  }, selector);
  return picture && readTimeBar(Uint8Array.from(picture.green), picture.width, picture.height, picture.width);
}

const MAIN = '.recording-screen:not(.follower) video';

describeWith(['chromium'], 'the page of recordings', () => {
  let viewer: Viewer;
  let box: PageBox;
  let first: Recorded;
  let second: Recorded;
  const beganMs = Date.now();

  const recorded = async (): Promise<readonly Recorded[]> => {
    const times = { from: new Date(beganMs).toISOString(), to: new Date(beganMs + 60_000).toISOString() };
    const query = new URLSearchParams({ ...times, resolution: '0.1' });
    const { coverage } = await box.api<{ coverage: [number, number][] }>('GET', `timeline/front_door?${query}`);
    return coverage.map(([at, length]) => ({
      startMs: beganMs + at * 1000,
      endMs: beganMs + (at + length) * 1000,
    }));
  };
  const lasting = (i: number) =>
    until(async () => {
      const span = (await recorded())[i];
      return span && span.endMs - span.startMs >= RECORDED_MS ? span : undefined;
    });
  const pause = (paused: boolean) => box.api('PATCH', 'cameras/patch/front_door', { paused });

  beforeAll(async () => {
    const config = 'pathDefaults:\n  record: true\n  recordPartDuration: 500ms\n';
    [viewer, box] = await Promise.all([startViewer(), startPageBox({ cameras: [{}, {}], config })]);
    await box.claim();
    await box.adopt();
    await lasting(0);
    await pause(true);
    const stopped = Date.now();
    await until(async () => (Date.now() - stopped >= GAP_MS ? true : undefined));
    await pause(false);
    second = await lasting(1);
    first = (await recorded())[0] as Recorded;
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
    const way = size === 'phone' ? box.plainUrl : box.url;
    const visitor = await visit(viewer.browser, way ?? '', { size });
    await visitor.logIn();
    await visitor.go(`#/rec/front_door?t=${new Date(atMs).toISOString()}`);
    await settled(visitor.page, MAIN);
    return visitor;
  }

  /** The picture's own clock, once it is at a moment or behind it. */
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

  test.for(['phone', 'desktop'] as const)(
    'on a %s it plays from the moment of the link; the clock in the picture is that of the address; steps are pictures; events begin 3 s before',
    async (size) => {
      await using visitor = await open(size, first.startMs + 1_000);
      const { page, complaints } = visitor;
      await clockAfter(page, first.startMs + 1_500);
      await halt(page);
      const halted = (await clockIn(page, MAIN)) ?? Number.NaN;
      expect(halted).toBeLessThan(first.endMs);
      await until(async () => (Math.abs(inAddress(page) - halted) < EXACT_MS ? true : undefined));

      await page.getByRole('button', { name: 'One picture on' }).click();
      const next = await clockAfter(page, halted + 1);
      expect(next - halted).toBeLessThan(EXACT_MS);
      await page.keyboard.press(',');
      await clockNear(page, halted, 20);

      await page.getByRole('button', { name: 'Next event' }).click();
      const to = first.startMs + 2_000;
      await clockNear(page, halted > to - 500 ? second.startMs + 1_000 : to);
      await page.keyboard.press(']');
      await clockNear(page, second.startMs + 1_000);
      await page.getByRole('button', { name: 'Previous event' }).click();
      await clockNear(page, to);
      expect(await axeFindings(page)).toEqual([]);
      expect(complaints).toEqual([]);
    },
  );

  test('it plays over a gap, at eight times the speed as well, and the moment stays right', async () => {
    await using visitor = await open('desktop', first.endMs - 1_500);
    const { page, complaints } = visitor;
    await clockAfter(page, second.startMs);
    await page.getByLabel('Speed').selectOption('8');
    await page.goto(`${box.url}/#/rec/front_door?t=${new Date(first.startMs + 500).toISOString()}`);
    await clockAfter(page, second.startMs + 1_000);
    await halt(page);
    // Key frames alone: each stands until the next.
    const clock = (await clockIn(page, MAIN)) ?? Number.NaN;
    await until(async () => (Math.abs(inAddress(page) - clock) < STILL_MS ? true : undefined));
    await page.getByLabel('Speed').selectOption('1');
    await page.getByRole('slider').focus();
    await page.keyboard.press('Home');
    await page.getByText('No recording here').waitFor();
    expect(complaints).toEqual([]);
  });
});
