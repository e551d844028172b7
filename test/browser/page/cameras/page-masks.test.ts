import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

describeWith(['chromium'], 'privacy masks that a camera paints itself', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let door: string;
  let garden: string;
  let barn: string;
  beforeAll(async () => {
    const cameras = [{ quirks: { masks: 'rectangles' as const } }, { quirks: { masks: 'polygons' as const } }, {}];
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras })]);
    await box.claim();
    [door = '', garden = '', barn = ''] = await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  afterEach(() => {
    box.cameras.forEach(({ state }) => {
      state.masks.clear();
    });
  });

  /** As the camera has them: -1 to 1, upwards. */
  const masksOf = (camera: number) =>
    [...(box.cameras[camera]?.state.masks.values() ?? [])].map(({ points }) => points);
  const sheet = (page: Page) => page.getByRole('dialog').last();
  const says = (page: Page, text: string) => page.getByRole('status').filter({ hasText: text }).waitFor();
  const openPicture = async (size: Size, name: string) => {
    const visitor = await visit(viewer.browser, box, { size, isCalm: true });
    await visitor.logIn(`#/settings/cameras/${name}`);
    await visitor.page.getByRole('button', { name: /^Picture/ }).click();
    return visitor;
  };
  const open = async (size: Size, name: string) => {
    const visitor = await openPicture(size, name);
    const { page } = visitor;
    await page.getByRole('button', { name: /^Privacy masks/ }).click();
    await settled(page, '.mask-board .surface.playing');
    return Object.assign(visitor, { board: page.locator('.mask-board') });
  };
  /** Drags between two shares of the picture. */
  const drag = async (board: Locator, from: [number, number], to: [number, number]) => {
    await board.scrollIntoViewIfNeeded();
    const { x, y, width, height } = (await board.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    const { mouse } = board.page();
    await mouse.move(x + from[0] * width, y + from[1] * height);
    await mouse.down();
    await mouse.move(x + to[0] * width, y + to[1] * height, { steps: 4 });
    await mouse.up();
  };

  test.for(sizesInTurn())('on a %s a mask is drawn, moved by its corner, and removed, each with Undo', async (size) => {
    await using visitor = await open(size, door);
    const { page, board, complaints } = visitor;
    await sheet(page).getByText('No masks yet.').waitFor();
    expect(await axeFindings(page)).toEqual([]);

    await drag(board, [0.1, 0.1], [0.4, 0.5]);
    const mask = sheet(page).getByRole('button', { name: /^Mask 1: 10% from the left, 10% from the top/ });
    await mask.waitFor();
    await sheet(page).getByRole('button', { name: 'Save mask' }).click();
    await says(page, 'Mask saved.');
    const [[left, top] = [], , [right, bottom] = []] = masksOf(0)[0] ?? [];
    expect([left, top]).toEqual([expect.closeTo(-0.8, 1), expect.closeTo(0.8, 1)]);
    expect([right, bottom]).toEqual([expect.closeTo(-0.2, 1), expect.closeTo(0, 1)]);
    await sheet(page).getByText('Covers 12% of the picture').waitFor();
    expect(await axeFindings(page)).toEqual([]);

    await drag(board, [0.2, 0.2], [0.2, 0.2]);
    expect(await mask.getAttribute('aria-pressed')).toBe('true');
    expect(await sheet(page).getByRole('button', { name: 'Save mask' }).isDisabled()).toBe(true);
    await drag(board, [0.4, 0.5], [0.6, 0.7]);
    await sheet(page).getByRole('button', { name: 'Save mask' }).click();
    await sheet(page).getByText('Covers 30% of the picture').waitFor();
    expect(masksOf(0)).toHaveLength(1);
    await page.getByRole('button', { name: 'Undo' }).click();
    await sheet(page).getByText('Covers 12% of the picture').waitFor();

    await sheet(page).getByRole('button', { name: 'Remove mask 1' }).click();
    await says(page, 'Mask removed.');
    expect(masksOf(0)).toEqual([]);
    await page.getByRole('button', { name: 'Undo' }).click();
    await sheet(page).getByText('Covers 12% of the picture').waitFor();
    expect(masksOf(0)).toHaveLength(1);
    await page.goBack();
    await page.getByRole('button', { name: /^Privacy masks.*One mask/ }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('with the keyboard alone a mask is added, moved, sized, saved, and unsaved changes are asked about', async () => {
    await using visitor = await open('desktop', garden);
    const { page } = visitor;
    await sheet(page).getByRole('button', { name: 'Add a mask' }).press('Enter');
    const mask = sheet(page).getByRole('button', { name: /^Mask 1:/ });
    await expect.poll(() => mask.evaluate((one) => one === document.activeElement)).toBe(true);
    for (const key of ['ArrowLeft', 'ArrowUp', 'Shift+ArrowRight', 'Shift+ArrowDown']) {
      for (let i = 0; i < 5; i += 1) {
        await page.keyboard.press(key);
      }
    }
    expect(await mask.getAttribute('aria-label')).toContain('30% from the left, 30% from the top, 35% wide, 35% high');
    expect(await axeFindings(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Keep editing' }).press('Enter');
    await sheet(page).getByRole('button', { name: 'Save mask' }).press('Enter');
    await says(page, 'Mask saved.');
    expect(masksOf(1)[0]?.[0]).toEqual([expect.closeTo(-0.4, 3), expect.closeTo(0.4, 3)]);
  });

  test('one corner of a polygon moves alone, by touch, and a full camera takes no more', async () => {
    box.cameras[1]?.state.masks.set('mask0', {
      ...{ type: 'Color', isEnabled: true },
      points: [
        [-0.5, 0.5],
        [0.5, 0.5],
        [0, -0.5],
      ],
    });
    for (const token of ['a', 'b', 'c']) {
      box.cameras[1]?.state.masks.set(token, {
        ...{ type: 'Color', isEnabled: token !== 'c' },
        points: [
          [0.8, -0.8],
          [0.9, -0.8],
          [0.9, -0.9],
        ],
      });
    }
    await using visitor = await open('phone', garden);
    const { page, board } = visitor;
    await sheet(page).getByText('The camera has no room for more than 4').waitFor();
    await sheet(page).getByText('Turned off in the camera').waitFor();
    expect(await sheet(page).getByRole('button', { name: 'Add a mask' }).isDisabled()).toBe(true);
    const devtools = await page.context().newCDPSession(page);
    const touch = async (from: [number, number], to: [number, number]) => {
      await settled(page, '.mask-board');
      const { x, y, width, height } = (await board.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
      const at = (across: number, down: number) => [{ x: x + across * width, y: y + down * height }];
      await devtools.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(...from) });
      await devtools.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(...to) });
      await devtools.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    };
    await board.scrollIntoViewIfNeeded();
    await touch([0.5, 0.4], [0.5, 0.4]);
    await sheet(page).getByRole('button', { name: 'Save mask' }).waitFor();
    await touch([0.5, 0.75], [0.6, 0.95]);
    await sheet(page).getByRole('button', { name: 'Save mask' }).click();
    await says(page, 'Mask saved.');
    const points = box.cameras[1]?.state.masks.get('mask0')?.points ?? [];
    expect(points.slice(0, 2)).toEqual([
      [-0.5, 0.5],
      [0.5, 0.5],
    ]);
    expect(points[2]).toEqual([expect.closeTo(0.2, 1), expect.closeTo(-0.9, 1)]);
  });

  test('a camera without masks has no row for them', async () => {
    await using visitor = await openPicture('desktop', barn);
    await visitor.page.getByRole('button', { name: /^High resolution/ }).waitFor();
    const answer = await box.api<{ maxMasks: number }>('GET', `cameras/masks/${barn}`);
    expect(answer.maxMasks).toBe(0);
    expect(await visitor.page.getByRole('button', { name: /^Privacy masks/ }).count()).toBe(0);
  });
});
