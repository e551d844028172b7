import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { addressOf, onlyBy, SIZES, type Size, type VisitOptions, visit } from '../../../peers/browser/page-visit.ts';
import { byLength, describeWith, inShort } from '../../../peers/programs/peers.ts';

/** The places of the navigation and their positions. */
const drawnPlaces = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() =>
    Array.from(document.querySelectorAll('nav svg'), (svg) => {
      const { x, y, width, height } = svg.getBoundingClientRect();
      return `${svg.querySelector('path')?.getAttribute('d')} at ${x},${y} ${width}×${height}`;
    }),
  );

describeWith(['chromium'], 'the picture before the page is loaded', () => {
  let viewer: Viewer;
  let box: PageHarness;
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness()]);
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  /** A page under its own security policy, which other tests bypass, and the browser's complaints about it. */
  async function open(by: VisitOptions, options: BrowserContextOptions = {}, visited = box) {
    const context = await viewer.browser.newContext({
      ...{ locale: 'en-GB', serviceWorkers: 'block' },
      ...SIZES[by.size],
      ...options,
    });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', ({ message }) => complaints.push(message));
    return { page, url: addressOf(visited, by), complaints, [Symbol.asyncDispose]: () => context.close() };
  }

  /** Holds the page's own scripts and style back until the returned function is called. */
  async function holdBack(page: Page): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    await page.route(/\.(?:js|css)$/, async (route) => {
      await promise;
      await route.continue();
    });
    return resolve;
  }

  /** Opens the live page; its scripts and style arrive after its first paint. */
  async function paintedFirst(page: Page, url: string): Promise<readonly string[]> {
    await page.addInitScript(() => {
      const seen = { shifts: 0, styles: 0 };
      Object.assign(window, { seen });
      new PerformanceObserver((list) => {
        for (const { sources = [] } of list.getEntries() as (PerformanceEntry & { sources?: { node?: Node }[] })[]) {
          seen.shifts += sources.filter(
            ({ node }) => node?.parentElement?.closest('nav') || node?.nodeName === 'NAV',
          ).length;
        }
      }).observe({ type: 'layout-shift', buffered: true });
      new MutationObserver((_, observer) => {
        if (document.querySelector('nav[aria-label]')) {
          seen.styles = document.styleSheets.length;
          observer.disconnect();
        }
      }).observe(document, { subtree: true, childList: true, attributes: true });
    });
    const goOn = await holdBack(page);
    await page.goto(`${url}/#/live`, { waitUntil: 'commit' });
    await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
    const places = await drawnPlaces(page);
    goOn();
    return places;
  }
  const seenIn = (page: Page) =>
    page.evaluate(() => (window as unknown as { seen: { shifts: number; styles: number } }).seen);
  /** The page is drawn with all of its style. */
  const STEADY = { shifts: 0, styles: 2 };

  onlyBy('localhost', () =>
    test.for(byLength<readonly Size[]>(['desktop'], ['phone', 'desktop']))(
      'on a %s the four places are painted before any script or style arrives, and do not move',
      async (size) => {
        await using owned = await startPageHarness();
        await owned.claim();
        await using visitor = await open({ size, openBy: 'localhost' }, {}, owned);
        const { page, url, complaints } = visitor;
        const headers = { 'Sec-Fetch-Site': 'same-origin' };
        await page.request.post(`${url}/v3/session`, { data: { password: OWNER_PASSWORD }, headers });
        const before = await paintedFirst(page, url);
        expect(before).toHaveLength(5);
        await page.getByRole('link', { name: 'Recordings' }).waitFor();
        expect(await drawnPlaces(page)).toEqual(before);
        expect(await page.locator('[data-first]').count()).toBe(0);
        expect(await seenIn(page)).toEqual(STEADY);
        expect(complaints).toEqual([]);
      },
    ),
  );
  onlyBy('plain', () =>
    test.for(byLength<readonly Size[]>(['phone'], ['phone', 'desktop']))(
      'on a %s the four places are painted at once before the claim as well',
      async (size) => {
        await using visitor = await open({ size, openBy: 'plain' });
        const { page, url, complaints } = visitor;
        expect(await paintedFirst(page, url)).toHaveLength(5);
        await page.getByRole('heading', { name: 'Make this box yours' }).waitFor();
        expect(await seenIn(page)).toEqual(STEADY);
        expect(complaints.filter((line) => !line.includes('401'))).toEqual([]);
      },
    ),
  );

  test('it has the chosen theme, with any system theme', async () => {
    await using visitor = await open({ size: 'phone' }, { colorScheme: 'dark' });
    const { page, url } = visitor;
    await page.goto(`${url}/#/live`);
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await background()).toBe('rgb(11, 14, 15)');
    await page.evaluate(() => localStorage.setItem('perch-appearance', 'light'));
    await holdBack(page);
    await page.reload({ waitUntil: 'commit' });
    await page.locator('nav[data-first]').waitFor();
    expect(await background()).toBe('rgb(245, 243, 238)');
  });

  test.for(inShort(['#/wall', '#/live/garden', '#/start', '#/guest/abc'], '#/live/garden'))(
    '%s has no navigation, not even at first',
    async (place) => {
      await using visitor = await open({ size: 'phone' });
      await holdBack(visitor.page);
      await visitor.page.goto(`${visitor.url}/${place}`, { waitUntil: 'commit' });
      await visitor.page.locator('nav[data-first]').waitFor({ state: 'attached' });
      expect(await visitor.page.locator('nav').isVisible()).toBe(false);
    },
  );

  const TOO_OLD = ['too old for Perch', '浏览器版本过旧'];
  const SWITCHED_OFF = ['JavaScript is turned off', '已关闭 JavaScript'];
  const isSeen = (page: Page, texts: readonly string[]): Promise<boolean[]> =>
    Promise.all(texts.map((text) => page.getByText(text).isVisible()));

  test('without JavaScript it says so, in both languages', async () => {
    await using visitor = await open({ size: 'phone' }, { javaScriptEnabled: false });
    await visitor.page.goto(visitor.url);
    const notices = visitor.page.locator('noscript p');
    expect(await notices.allTextContents()).toEqual(SWITCHED_OFF.map((text) => expect.stringContaining(text)));
    expect([await notices.first().isVisible(), await notices.last().isVisible()]).toEqual([true, true]);
    expect(await isSeen(visitor.page, TOO_OLD)).toEqual([false, false]);
  });

  test('a browser without modules is pointed to others, in both languages', async () => {
    await using visitor = await open({ size: 'phone' });
    await visitor.page.addInitScript(() => {
      Reflect.deleteProperty(HTMLScriptElement.prototype, 'noModule');
    });
    await visitor.page.goto(visitor.url);
    expect(await isSeen(visitor.page, TOO_OLD)).toEqual([true, true]);
    expect(await visitor.page.locator('#app').isVisible()).toBe(false);
  });

  test("a browser that does not parse the page's script is pointed to others", async () => {
    await using visitor = await open({ size: 'phone' });
    // Syntax that this browser does not know, either.
    await visitor.page.route(/\/main-\w+\.js$/, (route) =>
      route.fulfill({ contentType: 'text/javascript', body: 'let a = b ???= c;' }),
    );
    await visitor.page.goto(visitor.url);
    await visitor.page.getByText('too old for Perch').waitFor();
    expect(await isSeen(visitor.page, TOO_OLD)).toEqual([true, true]);
  });

  test('a browser that cannot play live pictures is pointed to others; everything else works', async () => {
    await using owned = await startPageHarness();
    await owned.claim();
    await using visitor = await visit(viewer.browser, owned, { size: 'phone' });
    await visitor.page.addInitScript(() => {
      for (const name of ['RTCPeerConnection', 'MediaSource', 'ManagedMediaSource']) {
        Reflect.deleteProperty(window, name);
      }
      const ask = HTMLMediaElement.prototype.canPlayType;
      HTMLMediaElement.prototype.canPlayType = function canPlayType(type) {
        return type.includes('mpegurl') ? '' : ask.call(this, type);
      };
    });
    await visitor.logIn();
    await visitor.page.getByRole('alert').filter({ hasText: 'too old for live video' }).waitFor();
    await visitor.page.getByRole('link', { name: 'Settings' }).waitFor();
  });

  test('a current browser shows none of these notes', async () => {
    await using visitor = await open({ size: 'phone' });
    await visitor.page.goto(visitor.url);
    // By the machine's address the box must be claimed first.
    await visitor.page.locator('nav:not([data-first]), form').first().waitFor();
    expect(await isSeen(visitor.page, [...TOO_OLD, 'too old for live'])).toEqual([false, false, false]);
  });
});
