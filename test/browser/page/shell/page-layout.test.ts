import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { layoutFaults } from '../../../peers/browser/page-layout.ts';
import { closeSheets, enterSetupCode, settled, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith, inShort } from '../../../peers/programs/peers.ts';
import { ownersShots, type Shot, WORDS } from '../../../screenshots/shots.ts';
import { recordClock } from '../../../support/disks/recorded-clock.ts';

/** CSS pixels of the usual letters. */
const LETTERS_PX = 16;
const ALL_WINDOWS = [
  ['320 px', { width: 320, height: 568 }, LETTERS_PX],
  ['390 px', { width: 390, height: 844 }, LETTERS_PX],
  ['a phone held sideways', { width: 844, height: 390 }, LETTERS_PX],
  ['820 px', { width: 820, height: 1180 }, LETTERS_PX],
  ['1440 px', { width: 1440, height: 900 }, LETTERS_PX],
  ['letters of twice the size on a phone', { width: 390, height: 844 }, 2 * LETTERS_PX],
  ['letters of twice the size at 320 px', { width: 320, height: 568 }, 2 * LETTERS_PX],
  ['letters of twice the size at 1440 px', { width: 1440, height: 900 }, 2 * LETTERS_PX],
] as const;
/** The timeline keeps its scale, and the network of the cameras its last answer. */
const IN_NEW_DOCUMENT = /^(?:recordings|calendar|clip|trust|camera-network)/;
const WINDOWS = inShort(ALL_WINDOWS, 'a phone held sideways', 'letters of twice the size at 320 px');

describeWith(['chromium'], 'the page in every window', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let shots: readonly Shot[];
  let door: string;
  beforeAll(async () => {
    const cameras = [
      { quirks: { ptz: 'full', backChannel: 'when asked', masks: 'rectangles' } },
      {},
      {},
      {},
      {},
      {},
    ] as const;
    const config = 'pathDefaults:\n  record: true\n  recordPartDuration: 500ms\n';
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras, config })]);
    await box.claim();
    const [first = '', , , , paused = '', offline = ''] = await box.adopt();
    door = first;
    const visitMs = Math.floor(Date.now() / 1000) * 1000 - 60_000;
    await recordClock(join(box.folder, 'data/recordings'), door, visitMs - 10_000, 20);
    await box.api('POST', 'users', { name: 'Ann', password: 'a wren in the hedge', cameras: 'all', recordings: true });
    for (const [i, type] of ['person', 'motion', 'vehicle', 'doorbell'].entries()) {
      await box.api('POST', 'events', { path: door, type, start: new Date(visitMs - 7_000 + i * 4_000).toISOString() });
    }
    const clip = { start: new Date(visitMs - 5_000).toISOString(), end: new Date(visitMs).toISOString() };
    await box.api('POST', 'recordings/protect', { path: door, ...clip, note: 'A parcel' });
    await box.api('PATCH', `cameras/patch/${paused}`, { paused: true });
    await box.cameras[5]?.stop({ isSilent: true });
    shots = [...ownersShots({ door, paused, offline, visitMs, viewer: 'Ann' }), wrongAddress];
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  test.for([
    ['pictures', (place: string) => !place.startsWith('#/settings')],
    ['the settings', (place: string) => place.startsWith('#/settings')],
  ] as const)(
    'texts of %s lie neither on each other nor outside of their frames, and every control can be reached',
    { timeout: 300_000 },
    async ([, isWanted]) => {
      await using visitor = await visit(viewer.browser, box, { size: 'phone', isCalm: true });
      const { page } = visitor;
      const browser = await visitor.context.newCDPSession(page);
      await visitor.logIn();
      for (const [list, longItems] of [
        ['**/v3/events/list**', longEvents],
        ['**/v3/reviews?**', longCards],
      ] as const) {
        await page.route(list, async (route) => {
          const answer = await route.fetch();
          const listed = await answer.json();
          await route.fulfill({ response: answer, json: { ...listed, items: [...longItems(), ...listed.items] } });
        });
      }
      const found: string[] = [];
      // The order turns each time: a picture begins in the window that the one before has ended in.
      let windows: readonly (typeof WINDOWS)[number][] = WINDOWS;
      for (const { name, place, sign, act } of shots.filter((shot) => isWanted(shot.place))) {
        await closeSheets(page);
        if (IN_NEW_DOCUMENT.test(name)) {
          await page.goto('about:blank');
        }
        await visitor.go(place);
        await settled(page, sign);
        await act?.(page, WORDS.en);
        for (const [window, size, standard] of windows) {
          await page.setViewportSize(size);
          await browser.send('Page.setFontSizes', { fontSizes: { standard, fixed: standard } });
          await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
          await settled(page, 'body');
          found.push(...(await layoutFaults(page)).map((fault) => `${name}, ${window}: ${fault}`));
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          found.push(...(wide > 0 ? [`${name}, ${window}: the page is ${wide} px too wide`] : []));
        }
        windows = windows.toReversed();
      }
      expect(found).toEqual([]);
    },
  );

  const ENDS = ['320 px', '1440 px', 'a phone held sideways', 'letters of twice the size at 320 px'];
  test.for(inShort(ALL_WINDOWS, ...ENDS))(
    '%s: sound, snapshot and talking are seen without scrolling below a camera that turns',
    async ([, size, standard]) => {
      await using visitor = await visit(viewer.browser, box, { size: 'phone', isCalm: true });
      const { page } = visitor;
      const browser = await visitor.context.newCDPSession(page);
      await browser.send('Page.setFontSizes', { fontSizes: { standard, fixed: standard } });
      await page.setViewportSize(size);
      await visitor.logIn(`#/live/${door}`);
      await page.locator('.camera-view .surface.playing').first().waitFor();
      await settled(page, '.pad');
      const actions = await page.locator('.actions button').all();
      expect(actions.length).toBeGreaterThanOrEqual(4);
      for (const action of actions) {
        expect(await isInView(action), String(await action.textContent())).toBe(true);
      }
    },
  );
});

/** Without scrolling. */
async function isInView(control: Locator): Promise<boolean> {
  const box = await control.boundingBox();
  const size = control.page().viewportSize();
  return (
    !!box && !!size && box.x >= 0 && box.y >= 0 && box.x + box.width <= size.width && box.y + box.height <= size.height
  );
}

const LOW_WINDOWS = [
  ['320 px', { width: 320, height: 568 }],
  ['a phone held sideways', { width: 844, height: 390 }],
] as const;

describeWith(['chromium'], 'the first start in low windows', () => {
  test.for(LOW_WINDOWS)('%s: the next step is visible without scrolling', async ([, window]) => {
    const credentials = { user: 'admin', password: 'osprey' };
    await using viewer = await startViewer();
    await using box = await startPageHarness({ cameras: [{ credentials }, { credentials }, { credentials }] });
    await using visitor = await visit(viewer.browser, box, { size: 'phone', isCalm: true });
    const { page } = visitor;
    await page.setViewportSize(window);
    await visitor.go('#/start');
    const password = page.getByLabel('Your password', { exact: true });
    await password.waitFor();
    expect(await isInView(password)).toBe(true);
    expect(await layoutFaults(page)).toEqual([]);
    await password.fill(OWNER_PASSWORD);
    await enterSetupCode(page, box.app.accounts.setup?.code);
    await page.getByRole('button', { name: 'Find my cameras' }).click();
    await page.getByRole('heading', { name: 'Three cameras found' }).waitFor();
    expect(await layoutFaults(page)).toEqual([]);
    await page.getByLabel('Camera password', { exact: true }).fill('heron');
    await page.getByRole('button', { name: 'Add 3 cameras' }).click();
    await page.getByText('3 cameras reject this password.').waitFor();
    await page.getByRole('heading', { name: 'No camera added yet' }).waitFor();
    await page.evaluate(() => scrollTo(0, 0));
    const enter = page.getByRole('button', { name: 'Enter password' });
    expect(await enter.getAttribute('class')).toContain('main');
    expect(await isInView(enter)).toBe(true);
    expect(await isInView(page.getByRole('button', { name: 'One by one' }))).toBe(true);
    expect(await layoutFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'One by one' }).click();
    expect(await layoutFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Enter password' }).first().click();
    const sheet = page.getByRole('dialog', { name: 'Password for Front door' });
    await sheet.waitFor();
    await settled(page, '.sheet');
    expect(await isInView(sheet.getByLabel('Camera password', { exact: true }))).toBe(true);
    expect(await isInView(sheet.getByRole('button', { name: 'Add one camera' }))).toBe(true);
    expect(await layoutFaults(page)).toEqual([]);
  });
});

/** Whatever the cameras report, the lists have long names of cameras, every kind of row and one that stands for several events. */
interface LongEvent {
  readonly id: string;
  readonly path: string;
  readonly type: string;
  readonly start: string;
  readonly end: string | null;
}

/** A card of two cameras, with the longest words, and one for each of the other events. */
function longCards(): readonly object[] {
  const events = longEvents();
  const together = events.filter(({ type }) => type === 'person' || type === 'LineCrossingDetectedByAnalytics');
  return [together, ...events.filter((one) => !together.includes(one)).map((one) => [one])].map((of) => {
    const cameras = [...new Set(of.map(({ path }) => path))].map((path) => {
      const types = [...new Set(of.filter((one) => one.path === path).map(({ type }) => type))];
      return { path, types, start: of[0]?.start, end: null };
    });
    const pictures = of.slice(0, 6).map(({ path, start }) => ({ path, time: start }));
    const { id = '', start, end = null } = of[0] ?? {};
    return { id, start, end, group: null, cameras, pictures, events: of, eventCount: of.length, seen: false };
  });
}

function longEvents(): readonly LongEvent[] {
  const at = (secondsAgo: number) => new Date(Date.now() - secondsAgo * 1000).toISOString();
  const event = { end: null, text: '', picture: null, seen: false };
  const path = 'kindergarten_entrance_on_the_north_side';
  return [
    { ...event, id: 'l1', path, type: 'doorbell', start: at(1) },
    ...[2, 3, 4].map((ago) => ({ ...event, id: `l${ago}`, path, type: 'person', start: at(ago) })),
    { ...event, id: 'l5', path, type: 'vehicle', start: at(5), text: 'A white van that stops for a parcel' },
    { ...event, id: 'l6', path, type: 'perch.offline', start: at(400), end: at(200) },
    { ...event, id: 'l7', path: 'gate', type: 'perch.moved', start: at(401) },
    { ...event, id: 'l8', path: 'gate', type: 'tamper', start: at(402) },
    { ...event, id: 'l9', path: 'gate', type: 'LineCrossingDetectedByAnalytics', start: at(403) },
  ];
}

const wrongAddress: Shot = {
  name: 'add-wrong',
  place: '#/settings/cameras/add',
  sign: '.adding',
  act: async (page: Page, { start }) => {
    await page.getByRole('button', { name: start.cameraMissing }).first().click();
    await settled(page, '.sheet');
    await page.locator('.sheet [name=address]').fill('rtsp://what is this');
    await page.locator('.sheet footer .main').click();
    await page.locator('.sheet .hint.bad').waitFor();
  },
};
