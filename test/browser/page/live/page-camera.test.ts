import type { Download, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { KeptPages } from '../../../peers/browser/kept-pages.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, onlyBy, settled, type VisitOptions, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

/** Size of the main stream of a simulated camera, in pixels. */
const MAIN_SIZE = [640, 360];

describeWith(['chromium'], 'one camera', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let garden: string;
  let plain: string;
  beforeAll(async () => {
    const cameras = [{ quirks: { ptz: 'full', backChannel: 'when asked' } }, { quirks: { ptz: 'none' } }] as const;
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras })]);
    await box.claim();
    [garden = '', plain = ''] = await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  const pages = new KeptPages(
    () => viewer,
    () => box,
  );
  const open = async (options: VisitOptions, camera = garden) => {
    const visitor = await pages.open({ ...options, isCalm: true }, `#/live/${camera}`);
    // The large one, without the small one above it that plays until then.
    await visitor.page.locator('.camera-view .picture:only-child .surface.playing').waitFor();
    // It appears later, and the pad makes room for it.
    await visitor.page.locator('.rewind .time').waitFor();
    return visitor;
  };

  onlyBy('localhost', () =>
    test('a tap on the microphone tells how to talk, and a camera that does not play the voice is named without log text', async () => {
      await using visitor = await open({ size: 'phone', openBy: 'localhost' });
      const { page } = visitor;
      const microphone = page.getByRole('button', { name: 'Hold to talk' });
      const said = (text: string) => page.getByRole('status').filter({ hasText: new RegExp(`^${text}$`) });
      const gate = Promise.withResolvers<void>();
      await page.route('**/talk', (route) =>
        route.request().method() === 'POST' ? gate.promise.then(() => route.continue()) : route.continue(),
      );
      const { x = 0, y = 0, width = 0, height = 0 } = (await microphone.boundingBox()) ?? {};
      await page.mouse.move(x + width / 2, y + height / 2);
      await page.mouse.down();
      await page.locator('.talk.opening').waitFor();
      await page.mouse.up();
      await said('Hold to talk').waitFor();
      gate.resolve();
      // The simulated camera rejects every voice.
      await page.mouse.down();
      await said('The camera does not play your voice\\. Someone else may be talking through it\\.').waitFor();
      await page.mouse.up();
      expect(await said('Hold to talk').count()).toBe(0);
    }),
  );

  test("the tile's picture grows and keeps playing until the large stream replaces it, and shrinks back likewise", async () => {
    await using visitor = await pages.open({ size: 'desktop' });
    const { page, complaints } = visitor;
    await page.locator('.grid .surface.playing').nth(1).waitFor();
    await onceCameraPageIsThere(page);
    const calls: string[] = [];
    page.on('request', (request) => {
      const [, path] = /\/webrtc\/([^/]+)\/whep/.exec(request.url()) ?? [];
      // By OPTIONS the page asks whether its session is still there, when pictures are late.
      if (request.method() !== 'OPTIONS' && (path === garden || path === `${garden}_sub`)) {
        calls.push(`${request.method()} ${path}`);
      }
    });
    await page.evaluate(watchForBlack);
    const seen = () => page.evaluate(() => ({ ...(window as unknown as { seen: object }).seen }));
    await page.locator('.tile').first().click();
    await page.waitForFunction((width) => {
      const videos = [...document.querySelectorAll<HTMLVideoElement>('.camera-view video')];
      return videos.length === 1 && videos[0]?.videoWidth === width && !document.querySelector('.picture-transition');
    }, MAIN_SIZE[0]);
    expect(calls).toEqual([`POST ${garden}`, `DELETE ${garden}_sub`]);
    expect(await seen()).toEqual({ black: 0, leaps: 1 });
    calls.length = 0;
    await page.goBack();
    await page.locator('.grid .surface.playing').nth(1).waitFor();
    await expect.poll(() => calls).toEqual([`POST ${garden}_sub`, `DELETE ${garden}`]);
    expect(await seen()).toEqual({ black: 0, leaps: 2 });
    expect(complaints).toEqual([]);
  });

  test('opening a camera by key focuses its heading, and going back focuses its tile', async () => {
    await using visitor = await pages.open({ size: 'desktop', isCalm: true });
    const { page } = visitor;
    const focused = () => page.evaluate(() => document.activeElement?.ariaLabel ?? document.activeElement?.textContent);
    await page.locator('.grid .surface.playing').nth(1).waitFor();
    await page.keyboard.press('2');
    await expect.poll(focused).toBe('Garden');
    const small = page.waitForRequest(/_sub\/whep/);
    await page.getByRole('button', { name: 'Quality' }).click();
    await page.getByRole('menuitemradio', { name: 'Low resolution' }).click();
    await small;
    await page.getByRole('button', { name: 'Quality' }).click();
    await page.getByRole('menuitemradio', { name: 'Automatic' }).click();
    await page.getByRole('button', { name: 'Next camera' }).click();
    await expect.poll(() => page.title()).not.toBe('Garden · Perch');
    await page.getByRole('button', { name: 'Previous camera' }).click();
    await expect.poll(() => page.title()).toBe('Garden · Perch');
    await page.keyboard.press('i');
    await page.locator('.info').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.info').waitFor({ state: 'detached' });
    expect(await page.title()).toBe('Garden · Perch');
    expect(await axeFindings(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await expect.poll(focused).toMatch(/^Garden, /);
    expect(await page.title()).toBe('Live · Perch');
  });

  test.for(['phone', 'desktop'] as const)(
    'on a %s the pad does not move when the strip appears next to it',
    async (size) => {
      await using visitor = await visit(viewer.browser, box, { size, isCalm: true });
      const { page } = visitor;
      const { promise, resolve } = Promise.withResolvers<void>();
      await page.route('**/playback/list**', (route) => promise.then(() => route.continue()));
      await visitor.logIn(`#/live/${garden}`);
      await page.locator('.presets').waitFor();
      const before = await page.locator('.pad').boundingBox();
      resolve();
      await page.locator('.rewind .time').waitFor();
      await settled(page, '.rewind');
      expect(await page.locator('.pad').boundingBox()).toEqual(before);
      const strip = await page.locator('.rewind').boundingBox();
      const [above, below] = size === 'phone' ? [strip, before] : [before, strip];
      expect((above?.y ?? 0) + (above?.height ?? 0)).toBeLessThanOrEqual(below?.y ?? 0);
      const beyond = await page.locator('.camera-view').evaluate((all) => all.scrollHeight - all.clientHeight);
      // On a phone the presets may need more space than is left.
      expect(size === 'phone' || beyond === 0, 'in a wide window there is nothing to scroll to').toBe(true);
    },
  );

  test('a snapshot has the size of the large picture, by button and by key', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page, complaints } = visitor;
    for (const take of [() => page.getByRole('button', { name: 'Snapshot' }).click(), () => page.keyboard.press('s')]) {
      const saved = page.waitForEvent('download');
      await take();
      expect(sizeOfJpeg(await bytesOf(await saved))).toEqual(MAIN_SIZE);
    }
    expect(complaints).toEqual([]);
  });

  onlyBy('localhost', () =>
    test('a phone with its own share sheet gets a snapshot there, without a download', async () => {
      await using visitor = await open({ size: 'phone', openBy: 'localhost' });
      const { page, complaints } = visitor;
      await page.evaluate(() => {
        const handed = window as { handed?: readonly [string, number] };
        Object.assign(navigator, {
          canShare: () => true,
          share: async ({ files: [file] = [] }: ShareData) => {
            handed.handed = [file?.type ?? '', file?.size ?? 0];
          },
        });
      });
      let downloads = 0;
      page.on('download', () => {
        downloads += 1;
      });
      await page.getByRole('button', { name: 'Snapshot' }).click();
      await page.waitForFunction(() => (window as { handed?: readonly [string, number] }).handed !== undefined);
      const handed = await page.evaluate(() => (window as { handed?: readonly [string, number] }).handed);
      expect(handed?.[0]).toBe('image/jpeg');
      expect(handed?.[1]).toBeGreaterThan(1_000);
      expect(downloads).toBe(0);
      expect(complaints).toEqual([]);
    }),
  );

  test('the time of the picture is next to Live, and the keys are listed', async () => {
    await using visitor = await open({ size: 'desktop' }, plain);
    const { page } = visitor;
    const time = page.locator('.over .state .digits');
    await time.getByText(/^· \d\d:\d\d:\d\d$/).waitFor();
    const first = await time.textContent();
    await expect.poll(() => time.textContent(), { timeout: 10_000 }).not.toBe(first);
    await page.keyboard.press('?');
    const sheet = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    await sheet.getByText('Picture in picture').waitFor();
    expect(await sheet.getByText('Move the camera').count(), 'which this one cannot').toBe(0);
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'detached' });
    expect(page.url()).toContain(plain);
  });

  test('the i shows the transport of the picture', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page } = visitor;
    await page.keyboard.press('i');
    const facts = page.locator('.info');
    await facts.getByText('Delay').waitFor();
    await facts.getByText(/^(WebRTC|MSE|HLS)$/).waitFor();
    await facts.getByText(MAIN_SIZE.join(' × ')).waitFor();
    await facts.getByText(/bit\/s$/).waitFor();
    expect(await axeFindings(page)).toEqual([]);
  });

  test('sliding back shows the recording, plays on from there, and one tap returns to live', async () => {
    await using visitor = await open({ size: 'phone' });
    const { page, complaints } = visitor;
    const strip = page.locator('.rewind .time');
    await strip.waitFor();
    const at = async (share: number) => {
      const bounds = await strip.boundingBox();
      await page.mouse.move((bounds?.x ?? 0) + share * (bounds?.width ?? 0), (bounds?.y ?? 0) + 35);
    };
    await at(0.97);
    await page.mouse.down();
    await at(0.9);
    await page.mouse.up();
    const recording = page.locator('video.recording');
    await recording.waitFor();
    const seconds = () => recording.evaluate((video) => (video as HTMLVideoElement).currentTime);
    await expect.poll(seconds, { timeout: 20_000 }).toBeGreaterThan(0);
    const before = await seconds();
    await expect.poll(seconds, { timeout: 20_000 }).toBeGreaterThan(before);
    expect(await recording.evaluate((video) => (video as HTMLVideoElement).muted)).toBe(true);
    await settled(page, '.to-live');
    expect(await axeFindings(page)).toEqual([]);
    const isHalted = () => recording.evaluate((video) => (video as HTMLVideoElement).paused);
    await page.touchscreen.tap(195, 200);
    await expect.poll(isHalted).toBe(true);
    await page.keyboard.press(' ');
    await expect.poll(isHalted).toBe(false);
    await page.getByRole('button', { name: 'Pause' }).click();
    await expect.poll(isHalted).toBe(true);
    const seen = await page.locator('.rewound').textContent();
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Snapshot' }).click();
    const picture = await saved;
    const [, hours, minutes, secs] = / (\d\d)\.(\d\d)\.(\d\d)\.jpg$/.exec(picture.suggestedFilename()) ?? [];
    expect(secondsBetween(seen ?? '', `${hours}:${minutes}:${secs}`), 'of the moment that is looked at').toBeLessThan(
      10,
    );
    expect(sizeOfJpeg(await bytesOf(picture))).toEqual(MAIN_SIZE);
    await page.getByRole('button', { name: 'Live', exact: true }).click();
    await recording.waitFor({ state: 'detached' });
    await page.locator('.camera-view .surface.playing').waitFor();
    expect(complaints).toEqual([]);
  });

  test('two fingers zoom the picture, a double tap shows it whole, and a swipe leads to the next camera', async () => {
    await using visitor = await open({ size: 'phone' });
    const { page } = visitor;
    const touch = await page.context().newCDPSession(page);
    const send = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...xs: readonly number[]) =>
      touch.send('Input.dispatchTouchEvent', { type, touchPoints: xs.map((x, id) => ({ x, y: 170, id })) });
    const scale = () => scaleOf(page);
    await send('touchStart', 180);
    await send('touchStart', 180, 220);
    await send('touchMove', 140, 260);
    await send('touchEnd');
    await expect.poll(scale).toBeGreaterThan(2.5);
    await page.locator('.screen').dblclick();
    await expect.poll(scale).toBe(1);
    await send('touchStart', 300);
    await send('touchMove', 200);
    await send('touchMove', 100);
    await send('touchEnd');
    await page.waitForURL(`**/#/live/${plain}`);
  });

  const scaleOf = (page: Page) =>
    page.locator('.enlarged').evaluate((element) => new DOMMatrix(getComputedStyle(element).transform).a);
  const leftOf = (page: Page) =>
    page.locator('.enlarged').evaluate((element) => new DOMMatrix(getComputedStyle(element).transform).e);

  test('keys and wheel zoom a picture, arrows move it, and Escape shows it whole before it leads back', async () => {
    await using visitor = await open({ size: 'desktop' }, plain);
    const { page, complaints } = visitor;
    await page.keyboard.press('+');
    await page.keyboard.press('+');
    await expect.poll(() => scaleOf(page)).toBe(2.25);
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => leftOf(page)).toBeLessThan(-100);
    await page.keyboard.press('Escape');
    await expect.poll(() => scaleOf(page)).toBe(1);
    await page.mouse.move(700, 400);
    await page.mouse.wheel(0, -200);
    await expect.poll(() => scaleOf(page)).toBeGreaterThan(1.4);
    // The other button opens the browser's menu, which swallows the pointer's release.
    await page.mouse.down({ button: 'right' });
    const left = await leftOf(page);
    await page.mouse.move(800, 450);
    expect(await leftOf(page)).toBe(left);
    await page.mouse.up({ button: 'right' });
    await page.keyboard.press('Escape');
    await expect.poll(() => scaleOf(page)).toBe(1);
    await page.keyboard.press('Escape');
    await page.waitForURL('**/#/live');
    expect(complaints).toEqual([]);
  });

  test('hides controls for abilities that a camera lacks', async () => {
    await using visitor = await open({ size: 'desktop' }, plain);
    const { page, complaints } = visitor;
    await page.waitForFunction((camera) => {
      const answered = performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname);
      return answered.includes('/v3/cameras/list') && answered.some((path) => path.endsWith(`/${camera}/talk`));
    }, plain);
    expect(await page.locator('.pad, .rocker, .presets').count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Hold to talk' }).count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});

/** Later scripts load in sequence: once the recordings' script is requested, the page of one camera is loaded. */
async function onceCameraPageIsThere(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    performance.getEntriesByType('resource').some(({ name }) => /\/recordings-\w+\.js/.test(name)),
  );
}

const bytesOf = async (file: Download): Promise<Buffer> =>
  Buffer.concat(await (await file.createReadStream()).toArray());

/** Seconds between two times of day, `16:04:12`. */
function secondsBetween(one: string, other: string): number {
  const seconds = (text: string) => text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return Math.abs(seconds(one) - seconds(other));
}

/** Runs in the page: counts the moments without the first camera's picture, and the pictures that moved. */
function watchForBlack(): void {
  const seen = { black: 0, leaps: 0 };
  (window as unknown as { seen: object }).seen = seen;
  let before: Element | null = null;
  const look = () => {
    const place = document.querySelector('.camera-view') ?? document.querySelector('.grid .tile');
    seen.black += place?.querySelector('.surface.playing') ? 0 : 1;
    const leap = document.querySelector('.picture-transition');
    seen.leaps += leap && leap !== before ? 1 : 0;
    before = leap;
    requestAnimationFrame(look);
  };
  look();
}

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
