import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgent } from '../../../peers/agent/agent.ts';
import { KeptAgent } from '../../../peers/agent/kept-agent.ts';
import { pageEverywhere } from '../../../peers/agent/owned-agent.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { KeptPages } from '../../../peers/browser/kept-pages.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import {
  axeFindings,
  onlyBy,
  settled,
  sizesInTurn,
  type Visit,
  type VisitOptions,
  visit,
} from '../../../peers/browser/page-visit.ts';
import { CHROMIUM, describeWith, inShort } from '../../../peers/programs/peers.ts';

const HOSTILE = '<img src=x onerror=alert(1)> 🐦 مرحبا ';

/** Resolves when this many tiles have shown ten more pictures. */
async function playsOn(page: Page, tiles: number): Promise<void> {
  const counts = () =>
    page.evaluate(() =>
      [...document.querySelectorAll('video')].map((video) => video.getVideoPlaybackQuality().totalVideoFrames),
    );
  const before = await counts();
  await page.waitForFunction(
    ({ tiles, before }) => {
      const shown = [...document.querySelectorAll('.tile video')].map((video, i) => {
        const count = (video as HTMLVideoElement).getVideoPlaybackQuality().totalVideoFrames;
        // Another connection starts a new count.
        return count < (before[i] ?? 0) ? count : count - (before[i] ?? 0);
      });
      return shown.filter((count) => count >= 10).length >= tiles;
    },
    { tiles, before },
  );
}

const boxesOf = (page: Page) =>
  page
    .locator('.grid .tile')
    .evaluateAll((tiles) =>
      tiles
        .map((tile) => tile.getBoundingClientRect())
        .map(({ x, y, width, height }) => [x, y, width, height].map(Math.round)),
    );

describeWith(['chromium'], 'live pictures of all cameras', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let cameras: readonly string[];
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}, {}, {}, {}] })]);
    await box.claim();
    cameras = await box.adopt();
    await box.api('POST', 'cameras/order', { paths: cameras });
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  const open = async (options: VisitOptions, { browser } = viewer) => {
    const visitor = await visit(browser, box, { ...options, isCalm: true });
    await visitor.logIn();
    return visitor;
  };
  const pages = new KeptPages(
    () => viewer,
    () => box,
  );
  const onPhone = () => pages.open({ size: 'phone', isCalm: true });

  test.for(sizesInTurn())("on a %s all play, in their owner's order", async (size) => {
    await using visitor = await open({ size });
    const { page, complaints } = visitor;
    // A phone plays the visible tiles and a few more.
    await playsOn(page, 5);
    const names = () => page.locator('.grid .tile').evaluateAll((tiles) => tiles.map((tile) => tile.ariaLabel));
    // On a busy machine one is late occasionally.
    await expect
      .poll(names)
      .toEqual(['Front door', 'Garden', 'Driveway', 'Barn', 'Hall'].map((name) => `${name}, Live`));
    const tiles = await boxesOf(page);
    const [first = [], second = []] = tiles;
    if (size === 'phone') {
      expect(tiles.map(([, , width]) => width)).toEqual([378, 378, 186, 186, 378]);
    } else {
      expect(first[2], 'the first is as wide as two').toBeGreaterThan(2 * (second[2] ?? 0));
      expect(Math.max(...tiles.map(([, y = 0, , height = 0]) => y + height))).toBeLessThanOrEqual(900);
    }
    await settled(page, '.tile.live');
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('the chosen view is kept for this browser, and arrows move to the visible neighbour', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page } = visitor;
    const arrange = page.getByRole('button', { name: 'Layout' });
    await arrange.click();
    await settled(page, '[role=menu]');
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('menuitemradio', { name: '2 × 2' }).click();
    await page.reload();
    await page.locator('.grid[data-columns="2"]').waitFor();
    await page.locator('.tile').first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    // The first arrow loads what moves the focus.
    await page.locator('.tile:focus[aria-label^="Barn"]').waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('/');
    await page.getByRole('searchbox', { name: 'Find a camera' }).fill('drive');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/#/live/${cameras[2]}`);
    await page.locator('.camera-view').waitFor();
    await page.goBack();
    await page.locator('.grid .surface.playing').first().waitFor();
    await page.keyboard.press('2');
    await page.waitForURL(`**/#/live/${cameras[1]}`);
  });

  test('a camera that disappears is marked, keeps its last picture, and plays again when it returns', async () => {
    await using visitor = await onPhone();
    const { page, complaints } = visitor;
    await playsOn(page, 5);
    await box.cameras[0]?.stop({ isSilent: true });
    await page.getByRole('link', { name: /^Front door, Offline since \d\d:\d\d, Why\?/ }).waitFor();
    expect(await page.getByRole('link', { name: '1 offline', exact: true }).getAttribute('href')).toBe(
      '#/settings/cameras',
    );
    const still = page.locator('.tile').first().locator('.surface.has-still:not(.playing) > canvas');
    expect(await still.evaluate((canvas) => (canvas as HTMLCanvasElement).width)).toBeGreaterThan(0);
    await box.cameras[0]?.start();
    await page.getByRole('link', { name: 'Front door, Live' }).waitFor();
    await page.getByRole('link', { name: '1 offline' }).waitFor({ state: 'detached' });
    await playsOn(page, 5);
    // A request for its picture may have been pending when it disappeared.
    expect(complaints.filter((line) => !/\/front_door\w*\/whep\)?$/.test(line))).toEqual([]);
  });

  // Two cameras: a repeated ring of one is the same event.
  const RUNG = [
    ['phone', 1, 'Garden'],
    ['desktop', 2, 'Driveway'],
  ] as const;
  test.for(inShort(RUNG, 'phone'))(
    'an event highlights its tile, on a %s, without moving or interrupting its picture',
    async ([size, camera, name]) => {
      await using visitor = await pages.open({ size, isCalm: true });
      const { page } = visitor;
      await page.getByRole('link', { name: `${name}, Live` }).waitFor();
      await playsOn(page, 1);
      const before = await boxesOf(page);
      box.cameras[camera]?.motion(true);
      await page.getByRole('link', { name: `${name}, Motion` }).waitFor();
      expect(await boxesOf(page)).toEqual(before);
      box.cameras[camera]?.motion(false);
    },
  );

  test('a long press on a tile offers a snapshot in the size of the picture, and a pause that can be undone', async () => {
    await using visitor = await onPhone();
    const { page } = visitor;
    await playsOn(page, 5);
    const tile = page.locator('.tile').nth(1);
    await tile.focus();
    await tile.press('Shift+F10');
    const menu = page.getByRole('menu', { name: 'Garden' });
    await menu.getByText('Garden').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    const saved = page.waitForEvent('download');
    await page.getByRole('menuitem', { name: 'Snapshot' }).click();
    const download = await saved;
    expect(download.suggestedFilename()).toMatch(/^Garden \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\.jpg$/);
    const jpeg = await download.createReadStream().then((stream) => stream.toArray());
    expect(sizeOfJpeg(Buffer.concat(jpeg))).toEqual([320, 180]);
    await tile.focus();
    await tile.press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Pause' }).click();
    const undo = page.getByRole('button', { name: 'Undo' });
    // A message with the focus stays.
    await undo.focus();
    await page.getByRole('link', { name: 'Garden, Paused' }).waitFor();
    await undo.click();
    await page.getByRole('link', { name: 'Garden, Live' }).waitFor();
  });

  test('shows names with any characters verbatim, and nothing scrolls sideways at 320 px', async () => {
    const title = HOSTILE + 'long '.repeat(30).trim();
    await box.api('PATCH', `cameras/patch/${cameras[3]}`, { title });
    await using visitor = await onPhone();
    const { page, complaints } = visitor;
    await page.setViewportSize({ width: 320, height: 640 });
    await page.getByRole('link', { name: `${title}, Live`, exact: true }).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    expect(complaints).toEqual([]);
    await box.api('PATCH', `cameras/patch/${cameras[3]}`, { title: 'Barn' });
  });

  test('the next visit shows names and last pictures before the box responds, until the logout', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page } = visitor;
    await playsOn(page, 5);
    await page.waitForFunction(
      () => Object.keys(localStorage).filter((key) => key.startsWith('perch-still:')).length === 5,
    );
    await page.route('**/v3/**', () => {});
    await page.reload();
    await page.locator('.tile.past .surface.has-still').nth(4).waitFor();
    await page.getByRole('link', { name: /^Garden, (\d+ s ago|\d\d:\d\d)$/ }).waitFor();
    expect(await page.locator('.tile').nth(2).textContent()).toContain('Driveway');
    await page.unroute('**/v3/**');
    await page.reload();
    await page.getByRole('link', { name: 'Garden, Live' }).waitFor();
    await visitor.go('#/settings/people');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    await page.waitForFunction(() => !Object.keys(localStorage).some((key) => /^perch-(still|cameras)/.test(key)));
  });

  /** Opens the wall, which plays all cameras without controls. */
  async function toWall(page: Page): Promise<void> {
    await page.keyboard.press('f');
    await page.locator('.wall .tile').nth(4).waitFor();
    await playsOn(page, 5);
    expect(await page.getByRole('navigation').count()).toBe(0);
    expect(await page.locator('.wall').evaluate((wall) => getComputedStyle(wall).cursor)).toBe('none');
    await settled(page, '.wall .tile.live');
    expect(await axeFindings(page)).toEqual([]);
  }
  async function leaveWall({ page, complaints }: Visit): Promise<void> {
    await page.keyboard.press('Escape');
    await page.getByRole('navigation').waitFor();
    expect(complaints).toEqual([]);
  }

  onlyBy('localhost', () =>
    test('the wall plays all at once without controls, and keeps the screen on with a wake lock', async () => {
      // Chromium's headless shell has no wake lock.
      await using whole = await startViewer(CHROMIUM);
      await using visitor = await open({ size: 'desktop', openBy: 'localhost' }, whole);
      const { page } = visitor;
      expect(await page.evaluate(() => isSecureContext)).toBe(true);
      await page.evaluate(() => {
        const { wakeLock } = navigator;
        const asked = window as { locks?: number };
        asked.locks = 0;
        const request = wakeLock.request.bind(wakeLock);
        wakeLock.request = (type) => {
          asked.locks = (asked.locks ?? 0) + 1;
          return request(type);
        };
      });
      await toWall(page);
      await page.waitForFunction(() => (window as { locks?: number }).locks === 1);
      expect(await page.locator('video.awake').count()).toBe(0);
      await leaveWall(visitor);
    }),
  );

  onlyBy('plain', () =>
    test('without a secure context the wall keeps the screen on with a silent video', async () => {
      await using visitor = await open({ size: 'desktop', openBy: 'plain' });
      const { page } = visitor;
      expect(await page.evaluate(() => isSecureContext)).toBe(false);
      await toWall(page);
      await page.waitForFunction(() =>
        [...document.querySelectorAll<HTMLVideoElement>('video.awake')].some(({ currentTime }) => currentTime > 0),
      );
      await leaveWall(visitor);
      await page.locator('video.awake').waitFor({ state: 'detached' });
    }),
  );
});

/** Width and height of a baseline JPEG: ITU-T T.81 §B.2.2, the frame header. */
function sizeOfJpeg(jpeg: Buffer): number[] {
  for (let at = 2; at < jpeg.length; at += 2 + jpeg.readUInt16BE(at + 2)) {
    const marker = jpeg.readUInt16BE(at);
    if (marker === 0xffc0 || marker === 0xffc2) {
      return [jpeg.readUInt16BE(at + 7), jpeg.readUInt16BE(at + 5)];
    }
  }
  return [];
}

const demoBox = new KeptAgent();

describeWith(['chromium'], 'a camera whose picture is the same on its tile and large', () => {
  test('one session continues from its tile to the large picture and back, also with its sound switched on', async () => {
    await using viewer = await startViewer();
    const agent = await demoBox.get();
    await using visitor = await visit(viewer.browser, agent, { size: 'desktop' });
    const { page, complaints } = visitor;
    const calls: string[] = [];
    page.on('request', (request) => request.url().includes('/webrtc/') && calls.push(request.method()));
    await visitor.logIn();
    await playsOn(page, 1);
    // With the later scripts one page takes over from the other.
    await page.waitForFunction(() =>
      performance.getEntriesByType('resource').some(({ name }) => /\/fallbacks-\w+\.js$/.test(name)),
    );
    await page.getByRole('link', { name: 'Demo camera, Live' }).press('Enter');
    await page.getByRole('button', { name: 'Sound on' }).click();
    const isHeard = () => page.evaluate(() => [...document.querySelectorAll('video')].some(({ muted }) => !muted));
    await expect.poll(isHeard).toBe(true);
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Sound off');
    await page.keyboard.press('Escape');
    await playsOn(page, 1);
    expect(await page.evaluate(() => document.activeElement?.ariaLabel)).toMatch(/^Demo camera/);
    expect(await isHeard()).toBe(false);
    expect(calls.filter((method) => method !== 'OPTIONS')).toEqual(['POST']);
    expect(complaints).toEqual([]);
  });
});

describeWith(['chromium'], 'the page while its box is away', () => {
  onlyBy('localhost', () =>
    test("pictures return by themselves after a restart; meanwhile the page opens from the browser's cache", async () => {
      await using viewer = await startViewer();
      const agent = await demoBox.get();
      await using visitor = await visit(viewer.browser, agent, { size: 'phone', openBy: 'localhost' });
      const { page } = visitor;
      await visitor.logIn();
      await playsOn(page, 1);
      await page.waitForFunction(async () => {
        const { active } = await navigator.serviceWorker.ready;
        return active?.state === 'activated' && (await caches.keys()).length === 1;
      });
      const kept = await page.evaluate(async () => {
        const [name = ''] = await caches.keys();
        return (await (await caches.open(name)).keys()).map((request) => new URL(request.url).pathname);
      });
      expect(kept.filter((path) => !/^\/$|-[0-9A-Z]{8}\.(?:js|css|svg)$/.test(path))).toEqual([]);
      const polls = () => page.waitForRequest((request) => request.url().includes('/v3/paths/list'));
      const tries: string[] = [];
      await agent.process.stop('SIGINT');
      await page.getByText('No connection to the box. Retrying…').waitFor();
      page.on('request', (request) => /webrtc|hls/.test(request.url()) && tries.push(request.url()));
      // Longer than a player waits before its next try.
      for (let poll = 0; poll < 4; poll += 1) {
        await polls();
      }
      expect(tries, 'what does not answer is not asked for pictures').toEqual([]);
      await page.locator('.tile .surface.has-still').waitFor();
      await page.reload();
      await page.getByText('No connection to the box. Retrying…').waitFor();
      const again = await startAgent({ dataDir: agent.dataDir, ports: agent.ports, listen: pageEverywhere });
      const end = async () => {
        await again[Symbol.asyncDispose]();
        await agent[Symbol.asyncDispose]();
      };
      demoBox.keep({ ...again, [Symbol.asyncDispose]: end });
      await page.getByRole('link', { name: 'Demo camera, Live' }).waitFor();
      await playsOn(page, 1);
      expect(again.url).toBe(agent.url);
    }),
  );
});

describeWith(['chromium'], 'a camera that goes for good', () => {
  test('the demo camera is not reported as removed while it stays; adding the first camera removes it everywhere, with a message', async () => {
    await using viewer = await startViewer();
    const agent = await demoBox.get();
    await using visitor = await visit(viewer.browser, agent, { size: 'phone', isCalm: true });
    const { page, complaints } = visitor;
    await visitor.logIn();
    await page.getByRole('link', { name: 'Demo camera, Live' }).waitFor();
    await visitor.go('#/settings/cameras/demo');
    await page.getByRole('button', { name: 'Pause or remove' }).click();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    const refused = page.waitForResponse((answer) => answer.url().includes('/v3/cameras/forget/demo'));
    await page.getByRole('button', { name: 'Remove camera' }).click();
    await refused;
    await page.getByText('This is the demo camera.').waitFor();
    await visitor.go('#/live');
    await page.getByRole('link', { name: 'Demo camera, Live' }).click();
    await page.getByRole('heading', { name: 'Demo camera' }).waitFor();
    const headers = { 'Sec-Fetch-Site': 'same-origin' };
    const data = { source: 'publisher' };
    await visitor.context.request.post(`${visitor.url}/v3/config/paths/add/yard`, { data, headers });
    await page.getByText('Demo camera has been removed.').waitFor();
    await page.getByRole('heading', { name: 'No such camera' }).waitFor();
    await page.getByRole('link', { name: 'Go to live' }).click();
    await page.getByRole('link', { name: /^Yard, / }).waitFor();
    expect(await page.locator('.tile').count()).toBe(1);
    expect(complaints.filter((line) => line.includes('/hls/'))).toEqual([]);
  });
});
