import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../peers/browser/page-visit.ts';
import { describeWith } from '../../peers/programs/peers.ts';

describeWith(['chromium'], 'settings that a camera keeps itself', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let door: string;
  let garden: string;
  let barn: string;
  beforeAll(async () => {
    const cameras = [{}, { quirks: { losesStreamAboveKbps: 2000 } }, { quirks: { hasNoOsd: true } }];
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras })]);
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
    const visitor = await visit(viewer.browser, box, { size });
    await visitor.logIn(`#/settings/cameras/${name}`);
    const { page } = visitor;
    await page.getByRole('button', { name: /^Picture/ }).click();
    await page.getByRole('button', { name: row }).click();
    await settled(page, '.sheet .field');
    return visitor;
  };
  const saysSaved = (page: Page) =>
    page
      .getByRole('status')
      .filter({ hasText: /^Saved/ })
      .waitFor();

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
  });
});
