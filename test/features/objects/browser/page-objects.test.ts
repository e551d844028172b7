import { afterAll, beforeAll, expect, test } from 'vitest';
import { PerchError } from '../../../../agent/base/errors.ts';
import type { objectsFeature } from '../../../../agent/features/objects/feature.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { layoutFaults } from '../../../peers/browser/page-layout.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { featuresWith } from '../support/features-with.ts';

type Models = NonNullable<NonNullable<Parameters<typeof objectsFeature>[0]>['models']>;
type Model = Awaited<ReturnType<Models['fetch']>>;
const PLACE = '#/settings/cameras/objects';
const ALL = ['person', 'vehicle', 'animal'];

/** Models whose download and test end when the test says so. */
function modelsOf() {
  const box = { pictureMs: 187, isOnline: false, progress: (_share: number): void => {} };
  const gates = { fetch: Promise.withResolvers<void>(), test: Promise.withResolvers<void>() };
  const model: Model = {
    name: 'NanoDet',
    key: 'nanodet',
    open: () => ({
      inputSize: 416,
      memoryBytes: 219e6,
      examine: async ({ picture }) => {
        await picture(false);
        await gates.test.promise;
        return { objects: [], ms: box.pictureMs };
      },
      close: async () => {},
    }),
  };
  let isFetched = false;
  const models: Models = {
    find: async () => (isFetched ? model : undefined),
    fetch: async (_settings, progress) => {
      box.progress = progress;
      if (!box.isOnline) {
        throw new PerchError('unavailable', 'the registry cannot be reached');
      }
      await gates.fetch.promise;
      isFetched = true;
      return model;
    },
  };
  return { models, box, gates };
}

describeWith(['chromium'], 'objects on the page', () => {
  let viewer: Viewer;
  let box: PageHarness;
  const own = modelsOf();
  beforeAll(async () => {
    const features = featuresWith({ models: own.models, memoryBytes: 2e9 });
    [viewer, box] = await Promise.all([
      startViewer(),
      startPageHarness({ cameras: [{}, { quirks: { dialect: 'reolink' } }], features }),
    ]);
    await box.claim();
    await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  const saved = (name = 'front_door') =>
    box.api<{ objects: string[]; objectsMinHeight: number; motionSource: string }>('GET', `config/paths/get/${name}`);
  const open = async (size: Size, place = PLACE, locale = 'en-GB') => {
    const visitor = await visit(viewer.browser, box, { size, locale, theme: size === 'phone' ? 'light' : 'dark' });
    await visitor.logIn(place);
    return visitor;
  };

  test('from the list of cameras it is switched on by one tap, and each state is shown until it is ready', async () => {
    await using visitor = await open('phone', '#/settings/cameras');
    const { page, complaints } = visitor;
    await page.getByRole('link', { name: /^Objects People, vehicles, animals/ }).click();
    await page.getByText('When you turn this on for the first camera').waitFor();
    await page.getByText('The pictures stay on this box.').waitFor();
    await settled(page, '.objects-page .switch-line');
    expect(await axeFindings(page)).toEqual([]);

    const door = page.getByRole('switch', { name: /^Front door/ });
    await door.click();
    await page.getByText('Front door: People, Vehicles, Animals.').waitFor();
    expect((await saved()).objects).toEqual(ALL);
    const card = page.locator('.objects-page .message-card');
    await card.getByText('No model installed').waitFor();
    await card.getByText('Reason: the registry cannot be reached').waitFor();
    expect(await axeFindings(page)).toEqual([]);

    own.box.isOnline = true;
    await card.getByRole('button', { name: 'Try again' }).click();
    await card.getByText('Downloading the model').waitFor();
    own.box.progress(0.4);
    await expect.poll(() => page.getByRole('progressbar').getAttribute('value')).toBe('0.4');
    expect(await axeFindings(page)).toEqual([]);
    own.gates.fetch.resolve();
    await card.getByText('Testing this box').waitFor();
    own.gates.test.resolve();
    await page.getByText('Checking a picture takes 0.19 s on this box and 219 MB of memory.').waitFor();
    expect(await card.count()).toBe(0);
    expect(await axeFindings(page)).toEqual([]);

    await door.click();
    await page.getByText('Front door: objects are off.').waitFor();
    await expect.poll(async () => (await saved()).objects).toEqual([]);
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(async () => (await saved()).objects).toEqual(ALL);
    await expect.poll(() => door.getAttribute('aria-checked')).toBe('true');
    expect(complaints).toEqual([]);
  });

  test('at a camera that reports no motion one tap has Perch find it in the video, and Undo takes both back', async () => {
    await box.api('POST', 'config/paths/add/gate', { source: 'rtsp://192.0.2.9/1' });
    await using visitor = await open('phone');
    const { page, complaints } = visitor;
    const gate = page.getByRole('switch', { name: /^Gate/ });
    await gate.click();
    await page.getByText('Gate: People, Vehicles, Animals. Perch finds the motion in the video.').waitFor();
    expect(await saved('gate')).toMatchObject({ objects: ALL, motionSource: 'stream' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => saved('gate')).toMatchObject({ objects: [], motionSource: 'camera' });

    await box.api('PATCH', 'config/paths/patch/gate', { objects: ['person'] });
    await gate.getByText('People · No motion is detected').waitFor();
    await visitor.go('#/settings/cameras/gate');
    await page.getByRole('button', { name: /^Motion detection/ }).click();
    await page.getByText('Perch gets no motion from this camera. Choose Video, and Perch finds it.').waitFor();
    await settled(page, '.sheet .segment');
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await box.api('DELETE', 'config/paths/delete/gate');
  });

  test('with the keyboard alone it is chosen what is looked for, and how high it has to be', async () => {
    await box.api('PATCH', 'config/paths/patch/front_door', { objects: [], objectsMinHeight: 0 });
    await using visitor = await open('desktop');
    const { page, complaints } = visitor;
    const door = page.getByRole('switch', { name: /^Front door/ });
    await door.focus();
    await page.keyboard.press('Space');
    await expect.poll(async () => (await saved()).objects).toEqual(ALL);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const sheet = page.getByRole('dialog', { name: 'Objects of Front door' });
    await sheet.getByText('Perch looks while motion is detected.').waitFor();
    await settled(page, '.sheet .switch');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByRole('switch', { name: 'Animals' }).press('Space');
    await sheet.getByRole('spinbutton', { name: 'Minimum height' }).press('ArrowUp');
    await sheet.getByText('2% of the picture').waitFor();
    await sheet.getByRole('button', { name: 'Save' }).press('Enter');
    await sheet.waitFor({ state: 'detached' });
    expect(await saved()).toMatchObject({ objects: ['person', 'vehicle'], objectsMinHeight: 0.02 });
    await door.getByText('People, Vehicles', { exact: true }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('in a browser that is too busy to paint, the sheet stays open when its form replaces the placeholder', async () => {
    await using visitor = await open('desktop');
    const { page, complaints } = visitor;
    const [config, reports] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const hold = async (url: string, until: Promise<void>) => {
      await page.route(url, (route) => until.then(() => route.continue()));
    };
    await hold('**/v3/config/paths/get/front_door', config.promise);
    await hold('**/v3/cameras/list?*', reports.promise);
    await page.getByRole('button', { name: 'Objects of Front door' }).click();
    const depth = () => page.evaluate(() => history.state?.sheet);
    await expect.poll(depth).toBe(1);
    // Preact runs effects after the next frame, or 35 ms later; those of a component also before it is rendered again.
    const paint = await page.evaluateHandle(() => {
      const { requestAnimationFrame: nextFrame, setTimeout: later } = window;
      window.requestAnimationFrame = () => 0;
      const waiting: (() => void)[] = [];
      const held = (run: () => void, ms?: number) => (ms === 35 ? waiting.push(run) : later(run, ms));
      window.setTimeout = held as typeof setTimeout;
      return () => {
        Object.assign(window, { requestAnimationFrame: nextFrame, setTimeout: later });
        for (const run of waiting) {
          run();
        }
      };
    });
    config.resolve();
    const sheet = page.getByRole('dialog', { name: 'Objects of Front door' });
    await sheet.getByRole('switch', { name: 'Animals' }).waitFor();
    const listed = page.waitForResponse('**/v3/cameras/list?*');
    reports.resolve();
    await (await listed).finished();
    await paint.evaluate((run) => run());
    await sheet.getByRole('switch', { name: 'Animals' }).click({ timeout: 10_000 });
    await sheet.getByRole('button', { name: 'Save' }).click({ timeout: 10_000 });
    await sheet.waitFor({ state: 'detached' });
    expect(await depth()).toBeUndefined();
    expect(complaints).toEqual([]);
  });

  test.for(sizesInTurn())('on a %s the settings of a camera have the same sheet', async (size) => {
    await box.api('PATCH', 'config/paths/patch/garden', { objects: ['vehicle'] });
    await using visitor = await open(size, '#/settings/cameras/garden');
    const { page } = visitor;
    await page.getByRole('button', { name: /^Objects.*Vehicles$/ }).click();
    const sheet = page.getByRole('dialog', { name: 'Objects of Garden' });
    await sheet.getByRole('switch', { name: 'Vehicles' }).click();
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect((await saved('garden')).objects).toEqual([]);
    await page.getByRole('button', { name: /^Objects.*Off$/ }).waitFor();
  });

  test('a camera that names its objects does it itself', async () => {
    await box.api('PATCH', 'config/paths/patch/garden', { objects: ['person'] });
    box.cameras[1]?.happens('person', true);
    await using visitor = await open('phone');
    const { page } = visitor;
    await page
      .getByRole('switch', { name: /^Garden/ })
      .getByText('People · Detected by the camera')
      .waitFor();
    await page.getByRole('button', { name: 'Objects of Garden' }).click();
    await page.getByText('This camera detects these objects itself, so Perch does not.').waitFor();
    await settled(page, '.sheet .switch');
    expect(await axeFindings(page)).toEqual([]);
    await box.api('PATCH', 'config/paths/patch/garden', { objects: [] });
  });

  test.for(['phone', 'desktop'] as const)(
    'in Chinese on a %s nothing is English, and at 320 px nothing is cut',
    async (size) => {
      await using visitor = await open(size, PLACE, 'zh-CN');
      const { page } = visitor;
      await page.getByText('此主机识别一张图片需').waitFor();
      await page.getByRole('switch', { name: /^Front door/ }).waitFor();
      expect(await page.locator('.objects-page').textContent()).not.toMatch(/[a-z]{3}.*(?:picture|Objects|Camera)/);
      expect(await axeFindings(page)).toEqual([]);
      if (size === 'phone') {
        await page.setViewportSize({ width: 320, height: 568 });
      }
      expect(await layoutFaults(page)).toEqual([]);
    },
  );
});

describeWith(['chromium'], 'boxes that look for no objects', () => {
  const openOn = async (viewer: Viewer, features: ReturnType<typeof featuresWith>, locale: string) => {
    const box = await startPageHarness({ cameras: [{}], features });
    await box.claim();
    await box.adopt();
    const visitor = await visit(viewer.browser, box, { size: 'desktop', locale });
    await visitor.logIn(PLACE);
    await visitor.page.getByRole('switch', { name: /^Front door/ }).click();
    return { box, visitor, card: visitor.page.locator('.objects-page .message-card') };
  };

  test('one that is too slow says how slow it is, and is tested again', async () => {
    const { models, box: own, gates } = modelsOf();
    Object.assign(own, { pictureMs: 2_340, isOnline: true });
    gates.fetch.resolve();
    gates.test.resolve();
    await using viewer = await startViewer();
    const { box, visitor, card } = await openOn(viewer, featuresWith({ models, memoryBytes: 2e9 }), 'en-GB');
    await using _box = box;
    await using _visitor = visitor;
    const { page } = visitor;
    await card.getByText('This box is too slow').waitFor();
    await card.getByText('Checking a picture takes 2.3 s here. The limit is 2 s.').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await visitor.go('#/settings/cameras');
    await page
      .getByRole('link', { name: /^Objects/ })
      .locator('.bad')
      .waitFor();
    own.pictureMs = 640;
    await visitor.go(PLACE);
    await card.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Checking a picture takes 0.64 s on this box').waitFor();
  });

  test('one with too little memory says so in Chinese, with its own reason', async () => {
    await using viewer = await startViewer();
    const { box, visitor, card } = await openOn(viewer, featuresWith({ memoryBytes: 512e6 }), 'zh-CN');
    await using _box = box;
    await using _visitor = visitor;
    await card.getByText('此主机内存不足').waitFor();
    expect(await card.locator('[lang=en]').textContent()).toContain('512 MB');
    expect(await axeFindings(visitor.page)).toEqual([]);
  });
});
