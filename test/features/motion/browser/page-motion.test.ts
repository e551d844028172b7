import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

describeWith(['chromium', 'ffmpeg'], 'the motion detection of a camera', () => {
  let viewer: Viewer;
  let box: PageHarness;

  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}] })]);
    await box.claim();
    await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  const saved = () => box.api<Record<string, unknown>>('GET', 'config/paths/get/front_door');

  test.for(sizesInTurn())('on a %s its source and sensitivity are chosen, and it is shown what moves', async (size) => {
    await box.api('PATCH', 'config/paths/patch/front_door', { motionSource: 'camera', motionSensitivity: 50 });
    await using owner = await visit(viewer.browser, box, { size });
    const { page, complaints } = owner;
    await owner.logIn('#/settings/cameras/front_door');
    await page.getByRole('button', { name: /^Motion detection.*Camera$/ }).click();
    const sheet = page.getByRole('dialog', { name: 'Motion detection' });
    await settled(page, '.sheet .segment');
    expect(await axeFindings(page)).toEqual([]);
    expect(await sheet.getByText('Sensitivity').count()).toBe(0);

    await sheet.getByRole('radio', { name: 'Video' }).check();
    await sheet.getByText('After saving you see here how much moves.').waitFor();
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(await saved()).toMatchObject({ motionSource: 'stream', motionSensitivity: 50 });

    await page.getByRole('button', { name: /^Motion detection.*Video$/ }).click();
    await sheet.getByRole('meter', { name: 'Moves now' }).waitFor();
    await settled(page, '.sheet meter');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByRole('spinbutton', { name: 'Sensitivity' }).press('ArrowUp');
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(await saved()).toMatchObject({ motionSource: 'stream', motionSensitivity: 60 });
    expect(complaints).toEqual([]);
  });

  const AREAS = { motionZones: [], motionMasks: [], motionMinSize: 0, motionHours: '' };
  const openAreas = async (size: Size) => {
    await box.api('PATCH', 'config/paths/patch/front_door', { motionSource: 'stream', ...AREAS });
    const owner = await visit(viewer.browser, box, { size });
    await owner.logIn('#/settings/cameras/front_door');
    await owner.page.getByRole('button', { name: /^Motion detection.*Video$/ }).click();
    await settled(owner.page, '.mask-board .surface.playing');
    const board = owner.page.locator('.mask-board');
    await board.scrollIntoViewIfNeeded();
    const sheet = owner.page.getByRole('dialog', { name: 'Motion detection' });
    return Object.assign(owner, { board, sheet });
  };
  /** @returns a function from shares of the picture's width and height, 0 to 1, to pixels of the window */
  const placeOn = async (board: Locator) => {
    const { x, y, width, height } = (await board.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    return (across: number, down: number) => ({ x: x + across * width, y: y + down * height });
  };
  const sharesOf = (texts: unknown): number[][] =>
    (texts as string[]).map((text) => text.split(/[ ,]/).map((share) => Math.round(20 * Number(share)) / 20));

  test.for(sizesInTurn())('on a %s zones, masks, size and hours are set with the mouse and saved', async (size) => {
    await using owner = await openAreas(size);
    const { page, board, sheet, complaints } = owner;
    const drag = async (from: [number, number], to: [number, number]) => {
      await board.scrollIntoViewIfNeeded();
      await settled(page, '.mask-board');
      const at = await placeOn(board);
      const [begin, end] = [at(...from), at(...to)];
      await page.mouse.move(begin.x, begin.y);
      await page.mouse.down();
      await page.mouse.move(end.x, end.y, { steps: 4 });
      await page.mouse.up();
    };
    await drag([0.1, 0.2], [0.5, 0.8]);
    await sheet.getByRole('button', { name: /^Zone 1: 10% from the left, 20% from the top/ }).waitFor();
    await drag([0.6, 0.2], [0.9, 0.5]);
    await sheet.getByRole('button', { name: /^Zone 2: 60% from the left/ }).waitFor();
    // Its name has no comma: lists of the configuration have them.
    await sheet.getByRole('textbox', { name: 'Name of zone 1' }).fill('Drive, left');
    await sheet.getByRole('button', { name: /^Drive left: 10% from the left/ }).waitFor();
    // The first one again, by its corner.
    await drag([0.2, 0.6], [0.2, 0.6]);
    await drag([0.5, 0.8], [0.4, 0.9]);
    await sheet.getByRole('radio', { name: 'Masks' }).check();
    await drag([0.7, 0.6], [0.9, 0.9]);
    await sheet.getByRole('button', { name: /^Mask 1: 70% from the left/ }).waitFor();
    await settled(page, '.mask-board');
    expect(await axeFindings(page)).toEqual([]);

    await sheet.getByRole('spinbutton', { name: 'Smallest size' }).press('ArrowUp');
    await sheet.getByRole('textbox', { name: 'Only during these hours' }).fill('22-6');
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.getByText('Enter hours such as 22:00-06:00.').waitFor();
    await sheet.getByRole('textbox', { name: 'Only during these hours' }).fill('22:00-06:00');
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.waitFor({ state: 'detached' });
    const { motionZones, motionMasks, ...rest } = await saved();
    const [named = '', unnamed = ''] = motionZones as string[];
    expect(named).toMatch(/^Drive left: /);
    expect(sharesOf([named.replace('Drive left: ', ''), unnamed])).toEqual([
      [0.1, 0.2, 0.5, 0.2, 0.4, 0.9, 0.1, 0.8],
      [0.6, 0.2, 0.9, 0.2, 0.9, 0.5, 0.6, 0.5],
    ]);
    expect(sharesOf(motionMasks)).toEqual([[0.7, 0.6, 0.9, 0.6, 0.9, 0.9, 0.7, 0.9]]);
    expect(rest).toMatchObject({ motionMinSize: 0.002, motionHours: '22:00-06:00' });
    expect(complaints).toEqual([]);
  });

  test('by touch a zone is drawn, gets a corner, and is removed; another one keeps its name', async () => {
    await using owner = await openAreas('phone');
    const { page, board, sheet } = owner;
    const devtools = await page.context().newCDPSession(page);
    const at = await placeOn(board);
    await devtools.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [at(0.2, 0.2)] });
    await devtools.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [at(0.4, 0.5)] });
    await devtools.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [at(0.8, 0.7)] });
    await devtools.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await sheet.getByRole('button', { name: /^Zone 1: 20% from the left/ }).waitFor();
    expect(await board.locator('.corner-mark').count()).toBe(4);
    await sheet.getByRole('button', { name: 'Add a corner' }).click();
    await expect.poll(() => board.locator('.corner-mark').count()).toBe(5);
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(sharesOf((await saved())['motionZones'])[0]).toHaveLength(10);
    await page.getByRole('button', { name: /^Motion detection.*Video$/ }).click();
    await sheet.getByRole('button', { name: 'Add a zone' }).click();
    await sheet.getByRole('button', { name: 'Remove' }).first().click();
    // Events and rules call the other one so.
    await sheet.getByRole('button', { name: /^Zone 2: / }).waitFor();
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(await saved()).toMatchObject({ motionZones: [expect.stringMatching(/^Zone 2: /)] });
    await page.getByRole('button', { name: /^Motion detection.*Video$/ }).click();
    await sheet.getByRole('button', { name: 'Remove' }).click();
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(await saved()).toMatchObject({ motionZones: [] });
  });

  test('with the keyboard alone a mask is added, moved and saved', async () => {
    await using owner = await openAreas('desktop');
    const { page, sheet } = owner;
    await sheet.getByRole('radio', { name: 'Masks' }).check();
    await sheet.getByRole('button', { name: 'Add a mask' }).press('Enter');
    const mask = sheet.getByRole('button', { name: /^Mask 1:/ });
    await expect.poll(() => mask.evaluate((one) => one === document.activeElement)).toBe(true);
    for (const key of ['ArrowLeft', 'ArrowUp', 'Shift+ArrowRight', 'Shift+ArrowDown']) {
      for (let i = 0; i < 5; i += 1) {
        await page.keyboard.press(key);
      }
    }
    expect(await mask.getAttribute('aria-label')).toContain('30% from the left, 30% from the top, 35% wide, 35% high');
    await sheet.getByRole('button', { name: 'Save' }).press('Enter');
    await sheet.waitFor({ state: 'detached' });
    expect(sharesOf((await saved())['motionMasks'])[0]?.slice(0, 2)).toEqual([0.3, 0.3]);
  });
});
