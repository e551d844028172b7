import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { VIDEO_FPS } from '../../../agent/demo-camera/demo-streams.ts';
import { BAR_TOP } from '../../../agent/demo-camera/picture.ts';
import { recordClock } from '../../support/disks/recorded-clock.ts';
import { readTimeBar } from '../../support/media/time-bar.ts';
import { until } from '../agent/agent.ts';
import { startViewer, type Viewer } from './browser.ts';
import { type PageHarness, startPageHarness } from './page-harness.ts';
import { type Size, settled, type Visit, visit } from './page-visit.ts';

/** Lengths of the two recordings and of the gap between them. Most tests play the second: it is longer than a busy machine takes. */
export const RECORDED_MS = 8_000;
const SECOND_MS = 30_000;
export const GAP_MS = 2_500;
/** The cameras send ten pictures a second, which limits the precision of the recordings' labels. */
export const FRAME_MS = 1_000 / VIDEO_FPS;
export const EXACT_MS = 250;

interface Recorded {
  readonly startMs: number;
  readonly endMs: number;
}

/** The clocks in simultaneous pictures of elements: videos or canvases. */
export async function clocksIn(page: Page, ...selectors: readonly string[]): Promise<readonly (number | undefined)[]> {
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

export const clockIn = async (page: Page, selector: string): Promise<number | undefined> =>
  (await clocksIn(page, selector))[0];

/** The picture of the chosen camera. */
export const MAIN = '.recording-screen:not(.synced) video';

/** Perch with two recordings of the front door and, at the time of the second, one of the garden. */
export class RecordedCameras implements AsyncDisposable {
  readonly viewer: Viewer;
  readonly box: PageHarness;
  readonly first: Recorded;
  readonly second: Recorded;

  private constructor(viewer: Viewer, box: PageHarness) {
    this.viewer = viewer;
    this.box = box;
    const startMs = Math.floor(Date.now() / 1000) * 1000 - 60_000;
    const first = { startMs, endMs: startMs + RECORDED_MS };
    this.first = first;
    this.second = { startMs: first.endMs + GAP_MS, endMs: first.endMs + GAP_MS + SECOND_MS };
  }

  static async start(): Promise<RecordedCameras> {
    const config = 'pathDefaults:\n  record: true\n  recordPartDuration: 500ms\n';
    const [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}], config })]);
    const cameras = new RecordedCameras(viewer, box);
    const { first, second } = cameras;
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
    return cameras;
  }

  /** Opens the page at a moment of the front door, where it plays. */
  async open(size: Size, atMs: number): Promise<Visit> {
    const visitor = await visit(this.viewer.browser, this.box, { size });
    await visitor.logIn(`#/rec/front_door?t=${new Date(atMs).toISOString()}`);
    await settled(visitor.page, MAIN);
    return visitor;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.viewer[Symbol.asyncDispose]();
    await this.box[Symbol.asyncDispose]();
  }
}

/** The picture's own clock, once it is at a moment or later. */
export const clockAfter = (page: Page, ms: number) =>
  until(async () => {
    const clock = await clockIn(page, MAIN);
    return clock !== undefined && clock >= ms ? clock : undefined;
  });

/** The picture's own clock is near a moment. */
export const clockNear = (page: Page, ms: number, withinMs = EXACT_MS) =>
  until(async () => {
    const clock = await clockIn(page, MAIN);
    return clock !== undefined && Math.abs(clock - ms) <= withinMs ? clock : undefined;
  });

/** The moment in the address, Unix milliseconds. */
export const inAddress = (page: Page) => Date.parse(new URLSearchParams(page.url().split('?')[1]).get('t') ?? '');

/** Times in addresses and in pictures are rounded differently. */
const ROUNDING_MS = 2;

/** The paused picture is near a moment, and the address has its time: the player knows which picture it shows. */
export const pausedNear = (page: Page, ms: number, withinMs = EXACT_MS) =>
  until(async () => {
    const clock = await clockIn(page, MAIN);
    if (clock === undefined || Math.abs(clock - ms) > withinMs) {
      return undefined;
    }
    const sinceMs = inAddress(page) - clock;
    return sinceMs > -ROUNDING_MS && sinceMs < FRAME_MS ? clock : undefined;
  });

/** Pauses playback. */
export async function halt(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
}

/** The position once the address has that moment: the last picture may come after it has stopped. */
export async function haltedAt(page: Page, withinMs = EXACT_MS): Promise<number> {
  await halt(page);
  return until(async () => {
    const clock = await clockIn(page, MAIN);
    return clock !== undefined && Math.abs(inAddress(page) - clock) < withinMs ? clock : undefined;
  });
}

/** The window of the timeline and the position of the picture, to the second. */
export const slider = (page: Page) =>
  page.getByRole('slider', { name: 'Timeline' }).evaluate((element) => {
    const of = (name: string) => Number(element.getAttribute(name));
    return { fromS: of('aria-valuemin'), toS: of('aria-valuemax'), text: element.getAttribute('aria-valuetext') };
  });

/** Middle and size of the timeline, CSS pixels. */
export const middleOf = async (page: Page) => {
  const { x, y, width, height } = (await page.locator('.time').boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
  return { x: x + width / 2, y: y + height / 2, width, height };
};
