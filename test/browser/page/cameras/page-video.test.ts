import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith, inLong } from '../../../peers/programs/peers.ts';
import { startRecorder } from '../../../support/disks/recordings.ts';
import { tinyVideo } from '../../../support/media/tiny-h264.ts';

const MINUTE_MS = 60_000;

/** Twenty minutes until now: after ten of each camera the box knows what a day takes. */
async function recordMinutes(folder: string, path: string): Promise<void> {
  await using running = startRecorder(folder, { path, partDurationMs: 10 * MINUTE_MS });
  for (const sample of tinyVideo(240, 0.2, 1, 0, Date.now() - 21 * MINUTE_MS)) {
    running.stream.write(0, sample);
  }
  running.stream.close();
  await running.recorder.stop();
}

describeWith(['chromium'], 'settings that a camera keeps itself', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let door: string;
  let garden: string;
  let barn: string;
  beforeAll(async () => {
    const cameras = [{}, { quirks: { losesStreamAboveKbps: 2000 } }, { quirks: { hasNoOsd: true } }];
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras })]);
    // Sizes count from the next start on.
    await box.away(async () => {
      for (const path of ['front_door', 'garden', 'driveway']) {
        await recordMinutes(join(box.folder, 'data/recordings'), path);
      }
    });
    await box.claim();
    [door = '', garden = '', barn = ''] = await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  const profileOf = (camera: number, name = 'main') => box.cameras[camera]?.state.profile(name);
  /** The topmost one. */
  const sheet = (page: Page) => page.getByRole('dialog').last();
  const save = (page: Page) => sheet(page).getByRole('button', { name: 'Save' });
  const dial = (page: Page, name: string) => sheet(page).getByRole('spinbutton', { name });
  const open = async (size: Size, name: string, row: RegExp) => {
    const visitor = await visit(viewer.browser, box, { size, isCalm: true });
    await visitor.logIn(`#/settings/cameras/${name}`);
    const { page } = visitor;
    await page.getByRole('button', { name: /^Picture/ }).click();
    await page.getByRole('button', { name: row }).click();
    // Above those of the camera and of its picture.
    await page.getByRole('dialog').nth(2).locator('.field').first().waitFor();
    await settled(page, '.sheet .field');
    return visitor;
  };
  const saysSaved = (page: Page) =>
    page
      .getByRole('status')
      .filter({ hasText: /^Saved/ })
      .waitFor();

  test('a wrong clock of the camera is named, and set', async () => {
    const camera = box.cameras[2] ?? expect.fail('no camera');
    camera.state.clockOffsetMs = -7 * 60 * MINUTE_MS;
    await using visitor = await visit(viewer.browser, box, { size: 'phone', isCalm: true });
    await visitor.logIn(`#/settings/cameras/${barn}`);
    const { page } = visitor;
    await page.getByRole('button', { name: /^Picture/ }).click();
    const message = page.getByText("The camera's clock is off by 7 hours.");
    await message.waitFor();
    await page.getByRole('button', { name: 'Set clock' }).click();
    await message.waitFor({ state: 'detached' });
    expect(Math.abs(camera.state.clockOffsetMs)).toBeLessThan(MINUTE_MS);
  });

  test.for(sizesInTurn())(
    'on a %s what the encoder offers is shown and changed, and the video is watched',
    async (size) => {
      Object.assign(profileOf(0) ?? {}, { kbitPerSecond: 1000, fps: 15, group: 30 });
      await using visitor = await open(size, door, /^High resolution/);
      const { page, complaints } = visitor;
      expect(await axeFindings(page)).toEqual([]);
      expect(await sheet(page).getByRole('spinbutton').count()).toBe(4);
      expect(await save(page).isDisabled()).toBe(true);
      await dial(page, 'Bit rate').press('ArrowUp');
      await dial(page, 'Resolution').press('ArrowUp');
      await dial(page, 'Key frame').press('ArrowUp');
      await save(page).click();
      // The button says it until its sheet is closed.
      await page.getByText('Changing…', { exact: true }).first().waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await page.getByText('The video came back').waitFor({ timeout: 30_000 });
      expect(profileOf(0)).toMatchObject({ kbitPerSecond: 1536, width: 640 });
      expect(complaints).toEqual([]);
    },
  );

  test('before it is saved, the sheet says what a day of recordings will take and how many days fit', async () => {
    Object.assign(profileOf(0) ?? {}, { kbitPerSecond: 1000 });
    await using visitor = await open('desktop', door, /^High resolution/);
    const { page, complaints } = visitor;
    await sheet(page).getByText('The bit rate and disk use stay the same.').waitFor();
    await dial(page, 'Bit rate').press('ArrowUp');
    const said = sheet(page).getByText(/^Recordings take about .* a day instead of /);
    await said.waitFor();
    const text = (await said.textContent()) ?? '';
    expect(text).toMatch(/^Recordings take about \S+ [MG]B a day instead of \S+ [MG]B\. Recordings of .* fit.*\.$/);
    const [after = 0, before = 0] = [...text.matchAll(/(\S+)\s[MG]B/g)].map(([, size]) => Number(size));
    expect(after / before).toBeCloseTo(1.536, 1);
    expect(profileOf(0)?.kbitPerSecond).toBe(1000);
    expect(complaints).toEqual([]);
  });

  test.for(sizesInTurn())('on a %s a camera is restarted after a question, and its video comes back', async (size) => {
    await using visitor = await visit(viewer.browser, box, { size, isCalm: true });
    const { page, complaints } = visitor;
    await visitor.logIn(`#/settings/cameras/${barn}`);
    await page.getByRole('button', { name: /^Picture/ }).click();
    const readySince = async () => (await box.api<{ readyTime: string | null }>('GET', `paths/get/${barn}`)).readyTime;
    const before = await readySince();
    const restarts = () => box.cameras[2]?.operations.filter((name) => name === 'SystemReboot').length ?? 0;
    const restartsBefore = restarts();
    await page.getByRole('button', { name: /^Restart the camera/ }).click();
    const restart = page.getByRole('button', { name: 'Restart now' });
    await restart.waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await restart.waitFor({ state: 'detached' });
    expect(restarts()).toBe(restartsBefore);
    await page.getByRole('button', { name: /^Restart the camera/ }).click();
    await restart.click();
    await page.getByRole('status').filter({ hasText: 'Driveway is restarting.' }).waitFor();
    expect(restarts()).toBe(restartsBefore + 1);
    await expect.poll(async () => (await readySince()) ?? before, { timeout: 60_000 }).not.toBe(before);
    expect(complaints).toEqual([]);
  });

  test.for(sizesInTurn())('on a %s night vision and the texts on the picture are set at once', async (size) => {
    await using visitor = await open(size, door, /^Night vision and text/);
    const { page, complaints } = visitor;
    expect(await axeFindings(page)).toEqual([]);
    await sheet(page).getByRole('radio', { name: 'On', exact: true }).check({ force: true });
    await sheet(page).getByRole('textbox', { name: 'Text on the picture' }).fill('Gate');
    await sheet(page).getByRole('switch', { name: 'Date and time on the picture' }).click();
    await save(page).click();
    await saysSaved(page);
    await page.getByRole('button', { name: /^Night vision and text.*On · Gate · Date and time/ }).waitFor();
    const { state } = box.cameras[0] ?? {};
    expect(state?.imaging.get('IrCutFilter')).toBe('OFF');
    expect([...(state?.osds.values() ?? [])].map(({ text }) => text)).toContain('Gate');
    expect(state?.osds.size).toBe(2);
    expect(complaints).toEqual([]);
    state?.osds.clear();
    state?.imaging.set('IrCutFilter', 'AUTO');
  });

  test('a camera that draws no texts has night vision only', async () => {
    await using visitor = await open('phone', barn, /^Night vision/);
    expect(await sheet(visitor.page).getByRole('textbox').count()).toBe(0);
    await sheet(visitor.page).getByRole('group', { name: 'Night vision' }).waitFor();
  });

  test('Back closes one sheet at a time', async () => {
    await using visitor = await open('phone', door, /^High resolution/);
    const { page } = visitor;
    await page.goBack();
    await expect.poll(() => page.getByRole('dialog').count()).toBe(2);
    await page.getByRole('button', { name: /^High resolution/ }).waitFor();
    await page.goBack();
    await expect.poll(() => page.getByRole('dialog').count()).toBe(1);
  });

  test('each stream has its own encoder', async () => {
    await using visitor = await open('desktop', barn, /^Low resolution/);
    const { page } = visitor;
    await dial(page, 'Frame rate').press('ArrowDown');
    const before = profileOf(2, 'main')?.fps;
    await save(page).click();
    await page.getByText('The video came back').waitFor({ timeout: 30_000 });
    expect(profileOf(2, 'main')?.fps).toBe(before);
  });

  // It waits a minute. The unit tests of a camera's settings have a clock of their own.
  inLong(() =>
    test('a camera whose video does not come back gets its previous settings again', { timeout: 150_000 }, async () => {
      Object.assign(profileOf(1) ?? {}, { kbitPerSecond: 1000 });
      await using visitor = await open('phone', garden, /^High resolution/);
      const { page } = visitor;
      for (let i = 0; i < 3; i += 1) {
        await dial(page, 'Bit rate').press('ArrowUp');
      }
      await save(page).click();
      await page.getByText('Waiting for the video.').waitFor();
      expect(profileOf(1)?.kbitPerSecond).toBe(3072);
      // Not again before it is known how the first change went.
      expect(await page.getByRole('button', { name: /^High resolution/ }).count()).toBe(0);
      await page.getByText('The previous settings are restored.', { exact: true }).waitFor({ timeout: 100_000 });
      expect(profileOf(1)?.kbitPerSecond).toBe(1000);
      expect(await axeFindings(page)).toEqual([]);
      await page.reload();
      await page.getByRole('button', { name: /^Picture/ }).click();
      await page.getByText('The video did not come back').waitFor();
    }),
  );
});
