import type { Browser, BrowserContext } from 'playwright-core';
import { openHttpSink } from '../../support/servers/http-sink.ts';

/** Serves a page of one word, as the baseline of a measurement. */
export const openBarePage = () =>
  openHttpSink(() => ({
    status: 200,
    text: '<!doctype html><meta name="viewport" content="width=device-width"><title>Bare</title><p>Bare</p>',
    headers: { 'Content-Type': 'text/html' },
  }));

interface PaintOptions {
  /** Chromium's CPU is slowed down by this factor. */
  readonly slowDown?: number;
  /** Called before the page is opened: logs in. */
  readonly prepare?: (context: BrowserContext) => Promise<void>;
}

/** @returns ms from the request for a page to its first contentful paint, with an empty cache */
export async function firstPaintMs(browser: Browser, url: string, options: PaintOptions = {}): Promise<number> {
  const { slowDown = 1, prepare } = options;
  // Each context has a separate cache.
  await using context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  await prepare?.(context);
  const page = await context.newPage();
  if (slowDown > 1) {
    const devtools = await context.newCDPSession(page);
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: slowDown });
  }
  await page.goto(url);
  const paint = await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
  return (await paint.jsonValue()) ?? Number.NaN;
}

interface TilesOptions {
  readonly count: number;
  readonly prepare?: (context: BrowserContext) => Promise<void>;
}

/** @returns ms from the request for the live page to the frame in which the last tile plays, with an empty cache */
export async function tilesPlayMs(browser: Browser, url: string, { count, prepare }: TilesOptions): Promise<number> {
  await using context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await prepare?.(context);
  await context.addInitScript((wanted) => {
    const look = () => {
      if (document.querySelectorAll('.tile .surface.playing').length >= wanted) {
        Object.assign(window, { allPlayMs: performance.now() });
      } else {
        requestAnimationFrame(look);
      }
    };
    look();
  }, count);
  const page = await context.newPage();
  await page.goto(url);
  const played = await page.waitForFunction(() => (window as { allPlayMs?: number }).allPlayMs);
  return (await played.jsonValue()) ?? Number.NaN;
}

/** @param url a place without live pictures @returns ms from a tap on Events to the frame with its first rows */
export async function eventRowsMs(browser: Browser, url: string, options: PaintOptions): Promise<number> {
  const { slowDown = 1, prepare } = options;
  await using context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  await prepare?.(context);
  const page = await context.newPage();
  await page.goto(url);
  // The page asks for the newest events when it is idle, and marks the unseen ones.
  await page.locator('nav .fresh').waitFor();
  const devtools = await context.newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: slowDown });
  return await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const fromMs = performance.now();
        const look = () =>
          document.querySelector('.events-page li') ? resolve(performance.now() - fromMs) : requestAnimationFrame(look);
        document.querySelector<HTMLElement>('nav a[href^="#/events"]')?.click();
        requestAnimationFrame(look);
      }),
  );
}
