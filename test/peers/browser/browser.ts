import { type Browser, chromium, type Page } from 'playwright-core';
import { BAR_TOP } from '../../../agent/demo-camera/picture.ts';
import { readTimeBar } from '../../support/media/time-bar.ts';
import { until } from '../agent/agent.ts';
import { HEADLESS } from '../programs/peers.ts';

export interface Viewer extends AsyncDisposable {
  readonly browser: Browser;
  open(url: string, size?: { width: number; height: number }): Promise<Page>;
}

/**
 * Parts of Chromium that are off: Playwright's list, which a second one replaces, and invisible processes that Chromium
 * prepares for its own windows with each page; one alone costs as much as the page.
 */
const OFF = [
  ...['AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsUpgrades', 'LensOverlay'],
  ...['HttpsFirstBalancedModeAutoEnable', 'MediaRouter', 'PaintHolding', 'ThirdPartyStoragePartitioning'],
  ...['AvoidCorsURLLoaderRestartOnRedirect', 'OptimizationHints', 'NetworkTimeServiceQuerying', 'PreconnectToSearch'],
  ...['PreloadTopChromeWebUI', 'PreloadTopChromeWebUILessNavigations', 'WebUITabStrip', 'WebUIOmniboxPopup'],
  ...['WebUIOmniboxAimPopup', 'SpareRendererForSitePerProcess'],
];

function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--autoplay-policy=no-user-gesture-required',
      '--disable-background-networking',
      `--disable-features=${OFF.join(',')}`,
      // A fake camera and microphone, without a permission prompt.
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
    ],
  });
}

/** Browsers without a viewer by their program, for the next suite of this worker: a start takes almost a second of a core. */
const idle = new Map<string, Browser[]>();
const IS_KEPT = process.env['VITEST'] !== undefined;

/** Ends its pages; their storage, cookies and caches are gone with them. */
async function release(browser: Browser, program: string): Promise<void> {
  if (IS_KEPT && browser.isConnected()) {
    await Promise.all(browser.contexts().map((context) => context.close()));
    idle.set(program, [...(idle.get(program) ?? []), browser]);
  } else {
    await browser.close();
  }
}

/** Chromium from the system's packages. @param program CHROMIUM for what its shell lacks, such as notifications */
export async function startViewer(program = HEADLESS): Promise<Viewer> {
  const kept = idle.get(program)?.pop();
  const browser = kept?.isConnected() ? kept : await launch(program);
  return {
    browser,
    open: async (url, size = { width: 390, height: 844 }) => {
      const page = await browser.newPage({ viewport: size });
      await page.goto(url);
      return page;
    },
    [Symbol.asyncDispose]: () => release(browser, program),
  };
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** One byte a pixel. */
  readonly luma: Uint8Array;
}

/**
 * The state of the page's first `<video>`.
 * @param from the part of its height above which it is left out, and black
 */
export async function pictureOf(page: Page, from = 0): Promise<Picture> {
  const { width, height, top, base64 } = await page.evaluate((part) => {
    const video = document.querySelector('video') as HTMLVideoElement;
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    const context = canvas.getContext('2d') as CanvasRenderingContext2D;
    context.drawImage(video, 0, 0);
    const first = Math.floor(canvas.height * part);
    const { data } = context.getImageData(0, first, canvas.width, canvas.height - first);
    let text = '';
    for (let i = 0; i < data.length; i += 4) {
      const [r = 0, g = 0, b = 0] = [data[i], data[i + 1], data[i + 2]];
      text += String.fromCharCode(Math.round(0.299 * r + 0.587 * g + 0.114 * b));
    }
    return { width: canvas.width, height: canvas.height, top: first, base64: btoa(text) };
  }, from);
  const luma = new Uint8Array(width * height);
  luma.set(Buffer.from(base64, 'base64'), width * top);
  return { width, height, luma };
}

/** Waits until the page's first `<video>` has decoded at least `frames` pictures. */
export async function framesDecoded(page: Page, frames: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => {
      const video = document.querySelector('video');
      return video !== null && video.getVideoPlaybackQuality().totalVideoFrames >= wanted;
    },
    frames,
    // The test's own time limit is the end. Asked at each picture of the page the browser would paint sixty of them a second.
    { timeout: 0, polling: 100 },
  );
}

/** The time in the demo camera's picture, as Unix milliseconds; undefined before the first such picture. */
export async function timeShown(page: Page): Promise<number | undefined> {
  // There may be no video yet, or one without a picture.
  const picture = await pictureOf(page, BAR_TOP).catch(() => undefined);
  return picture && readTimeBar(picture.luma, picture.width, picture.height, picture.width);
}

/** Waits for a picture of that moment or later, which has passed the whole chain since. */
export const timeShownAfter = (page: Page, unixMs: number): Promise<number> =>
  until(async () => {
    const shown = await timeShown(page);
    return shown !== undefined && shown >= unixMs ? shown : undefined;
  });
