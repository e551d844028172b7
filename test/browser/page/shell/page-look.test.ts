import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, closeSheets, settled, type Visit, visit } from '../../../peers/browser/page-visit.ts';
import { byLength, describeWith, inShort } from '../../../peers/programs/peers.ts';
import { ownersShots, type Shot, WORDS } from '../../../screenshots/shots.ts';
import { guestsShots, troublesShots, viewersShots } from '../../../screenshots/shots-others.ts';

/** Names that users may choose, and hostile ones. */
const LONG = 'The camera above the door of the old barn';
const WORD = 'Donaudampfschifffahrtsgesellschaftskapitän';
const MIXED = '<b>باب البيت الأمامي</b> 🐦🏡 前门';

/** Half a minute on an idle machine. */
const PATIENT = { timeout: byLength(150_000, 900_000) };

/** Elements that are wider than their container and scroll sideways in it. */
const sideways = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() => {
    const frames = [
      document.documentElement,
      ...document.querySelectorAll('main, .camera-view, .sheet-content, .settings-page'),
    ];
    return frames
      .filter((one) => one.scrollWidth > one.clientWidth && getComputedStyle(one).overflowX !== 'hidden')
      .map(({ tagName, className, scrollWidth, clientWidth }) => {
        const wide = [...document.querySelectorAll('body *')].filter((one) => {
          const { right, width } = one.getBoundingClientRect();
          return width > 0 && right > innerWidth + 1 && !one.closest('.sections');
        });
        const names = wide.slice(0, 4).map((one) => `${one.tagName}.${one.getAttribute('class')}`);
        return `${tagName}.${className}: ${scrollWidth} in ${clientWidth}: ${names.join(', ')}`;
      });
  });

describeWith(['chromium'], 'appearance of the page', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let shots: readonly Shot[];
  beforeAll(async () => {
    const config = 'pathDefaults:\n  record: yes\n';
    [viewer, box] = await Promise.all([
      startViewer(),
      startPageHarness({ cameras: [{ quirks: { masks: 'polygons' } }, {}, {}], config }),
    ]);
    await box.claim();
    const names = await box.adopt();
    for (const [i, title] of [LONG, WORD, MIXED].entries()) {
      await box.api('PATCH', `cameras/patch/${names[i]}`, { title });
    }
    const [door = '', paused = '', offline = ''] = names;
    await box.api('POST', 'users', { name: LONG, password: 'a wren in the hedge', cameras: 'all', recordings: true });
    await box.api('POST', 'events', { path: door, type: 'doorbell', text: WORD });
    const clip = { start: new Date(Date.now() - 5_000).toISOString(), end: new Date().toISOString() };
    for (const note of ['', LONG, WORD]) {
      await box.api('POST', 'recordings/protect', { path: door, ...clip, note });
    }
    await box.api('PATCH', `cameras/patch/${paused}`, { paused: true });
    const ofAll = names.map((path) => ({ path }));
    await box.api('POST', `layouts/replace/${encodeURIComponent(MIXED)}`, { kind: 'group', cameras: ofAll.slice(1) });
    await box.api('POST', `layouts/replace/${encodeURIComponent(WORD)}`, { kind: 'wall', cameras: ofAll });
    await box.cameras[2]?.stop({ isSilent: true });
    shots = ownersShots({ door, paused, offline, visitMs: Date.now(), viewer: LONG });
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  async function open(hasClock = false): Promise<Visit> {
    const visitor = await visit(viewer.browser, box, { size: 'desktop', isCalm: true, hasClock });
    await visitor.logIn();
    return visitor;
  }

  const ALL_WINDOWS = [
    ['320 px', { width: 320, height: 568 }, 100],
    ['letters of twice the size', { width: 390, height: 844 }, 200],
    ['a phone held sideways', { width: 844, height: 390 }, 100],
    ['3840 px', { width: 3840, height: 2160 }, 100],
  ] as const;
  const WINDOWS = inShort(ALL_WINDOWS, '320 px', 'letters of twice the size');
  /** The elements that scroll sideways, by window. */
  async function sidewaysInAll(page: Page, name: string): Promise<readonly string[]> {
    const found: string[] = [];
    for (const [window, size, percent] of WINDOWS) {
      await page.setViewportSize(size);
      await page.evaluate((part) => {
        document.documentElement.style.fontSize = `${part}%`;
        return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      }, percent);
      found.push(...(await sideways(page)).map((what) => `${name}, ${window}: ${what}`));
    }
    await page.evaluate(() => document.documentElement.removeAttribute('style'));
    await page.setViewportSize({ width: 390, height: 844 });
    return found;
  }

  test('no place scrolls sideways, in windows of any size and with any names', PATIENT, async () => {
    await using visitor = await open();
    const found: string[] = [];
    for (const { name, place, sign } of shots.filter(({ act }) => !act)) {
      await visitor.go(place);
      await settled(visitor.page, sign);
      found.push(...(await sidewaysInAll(visitor.page, name)));
    }
    expect(found).toEqual([]);
    expect(visitor.complaints).toEqual([]);
  });

  test.for([
    ['pictures', false],
    ['the settings', true],
  ] as const)('no sheet of %s scrolls sideways, and axe finds nothing in any', PATIENT, async ([, isSettings]) => {
    await using visitor = await open();
    const { page } = visitor;
    const found: string[] = [];
    await page.setViewportSize({ width: 390, height: 844 });
    for (const [i, { name, place, sign, act }] of shots.entries()) {
      if (act && place.startsWith('#/settings') === isSettings) {
        await visitor.go(place);
        await settled(page, sign);
        await act(page, WORDS.en);
        found.push(...(await sidewaysInAll(page, name)));
        for (const theme of byLength([i % 2 === 0 ? 'dark' : 'light'] as const, ['dark', 'light'] as const)) {
          await page.emulateMedia({ colorScheme: theme });
          found.push(...(await axeFindings(page)).map((finding) => `${name}, ${theme}: ${finding}`));
        }
        await page.emulateMedia({ colorScheme: 'dark' });
        await closeSheets(page);
      }
    }
    expect(found).toEqual([]);
    expect(visitor.complaints).toEqual([]);
  });

  const TROUBLES = troublesShots.map((shot) => [shot.name, shot] as const);
  test.for(inShort(TROUBLES, 'restore', 'restarting', 'box-away', 'session-ended'))(
    'axe finds nothing in unusual states: %s',
    async ([, { place, sign, act }]) => {
      await using visitor = await open();
      const { page } = visitor;
      await visitor.go(place);
      await settled(page, sign);
      await act?.(page, WORDS.en);
      expect(await axeFindings(page)).toEqual([]);
    },
  );

  test('axe finds nothing on the pages of viewers and guests', async () => {
    const door =
      shots
        .find(({ name }) => name === 'camera')
        ?.place.split('/')
        .at(-1) ?? '';
    const headers = { 'Sec-Fetch-Site': 'same-origin' };
    const until = new Date(Date.now() + 86_400_000).toISOString();
    const { token } = await box.api<{ token: string }>('POST', 'guests', { paths: [door], until });
    const logIns = [
      ['session', { user: LONG, password: 'a wren in the hedge' }, viewersShots(door)],
      ['guest', { token }, guestsShots],
    ] as const;
    for (const [address, data, seen] of logIns) {
      await using visitor = await visit(viewer.browser, box, { size: 'phone', theme: 'light', isCalm: true });
      await visitor.context.request.post(`${visitor.url}/v3/${address}`, { data, headers });
      for (const { name, place, sign } of seen) {
        await visitor.go(place);
        await settled(visitor.page, sign);
        expect(await axeFindings(visitor.page), name).toEqual([]);
      }
      expect(visitor.complaints).toEqual([]);
    }
  });

  test('on a phone in landscape nothing covers the buttons below a recording', async () => {
    await using visitor = await open();
    const { page } = visitor;
    await page.setViewportSize({ width: 844, height: 390 });
    const { place = '', sign = '' } = shots.find(({ name }) => name === 'recordings') ?? {};
    await visitor.go(place);
    await settled(page, sign);
    const covered = await page.locator('.transport button').evaluateAll((all) =>
      all.map((one) => {
        const { left, top, width, height } = one.getBoundingClientRect();
        const there = document.elementFromPoint(left + width / 2, top + height / 2);
        return one.contains(there) ? 'free' : `${one.getAttribute('aria-label')}: ${there?.className}`;
      }),
    );
    expect(covered.length).toBeGreaterThan(4);
    expect(new Set(covered)).toEqual(new Set(['free']));
  });

  test("reduced motion shows none, and with the system's colours every control has an edge", async () => {
    await using visitor = await open();
    const { page } = visitor;
    await page.emulateMedia({ reducedMotion: 'reduce', forcedColors: 'active' });
    await visitor.go('#/settings/people');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.locator('.sheet[open]').waitFor();
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
    const edges = await page
      .locator('.button, .chip, .sheet, .input, .segment > div')
      .evaluateAll((all) => all.map((one) => getComputedStyle(one).borderTopStyle));
    expect(edges.length).toBeGreaterThan(4);
    expect(new Set(edges)).toEqual(new Set(['solid']));
  });

  test('a screen reader announces that a camera has disappeared, and that it has returned', async () => {
    await using visitor = await open(true);
    const { page } = visitor;
    await page.getByRole('link', { name: `${LONG}, Live` }).waitFor();
    await box.cameras[0]?.stop({ isSilent: true });
    await page.getByRole('link', { name: `${LONG}, Reconnecting…` }).waitFor();
    await page.clock.fastForward(10_000);
    await page
      .getByRole('alert')
      .filter({ hasText: `${LONG}: Offline` })
      .waitFor();
    await box.cameras[0]?.start();
    await page
      .getByRole('status')
      .filter({ hasText: `${LONG}: Live` })
      .waitFor();
    expect(await axeFindings(page)).toEqual([]);
  });
});
