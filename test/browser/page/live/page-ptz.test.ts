import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, type VisitOptions, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith, inLong } from '../../../peers/programs/peers.ts';

const HOSTILE = '<img src=x onerror=alert(1)> 🐦 مرحبا ';

describeWith(['chromium'], 'PTZ on the page', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let garden: string;
  beforeAll(async () => {
    const cameras = [{ quirks: { ptz: 'full' } }] as const;
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras })]);
    await box.claim();
    [garden = ''] = await box.adopt();
    await box.api('POST', `cameras/ptz/presets/${garden}`, { name: `Bench ${HOSTILE}` });
    await box.api('POST', `cameras/ptz/presets/${garden}`, { name: 'Fence' });
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  const open = async (options: VisitOptions) => {
    const visitor = await visit(viewer.browser, box, options);
    await visitor.logIn(`#/live/${garden}`);
    // The large one, without the small one above it that plays until then.
    await visitor.page.locator('.camera-view .picture:only-child .surface.playing').waitFor();
    // It appears later, and the pad makes room for it.
    await visitor.page.locator('.rewind .time').waitFor();
    return visitor;
  };
  const head = () => {
    const { ptz } = box.cameras[0] ?? {};
    if (!ptz) {
      throw new Error('no camera');
    }
    return ptz;
  };
  const moves = (expected: { x: number; y: number; zoom: number }) =>
    expect.poll(() => head().velocity, { timeout: 10_000 }).toEqual(expected);
  const rests = () => expect.poll(() => head().moving, { timeout: 10_000 }).toBe(false);
  const scaleOf = (page: Page) =>
    page.locator('.enlarged').evaluate((element) => new DOMMatrix(getComputedStyle(element).transform).a);
  /** Presses the pad at a distance from its centre, as a share of its radius. */
  const press = async (page: Page, x: number, y: number) => {
    const pad = await page.locator('.pad').boundingBox();
    const radius = (pad?.width ?? 0) / 2;
    await page.mouse.move((pad?.x ?? 0) + radius + x * radius, (pad?.y ?? 0) + radius + y * radius);
    await page.mouse.down();
  };

  test('a person with the right to move cameras has the pad, and no way to save positions', async () => {
    const ann = { name: 'ann', password: 'a wren in the hedge' };
    await box.api('POST', 'users', { ...ann, turn: true });
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page, complaints } = visitor;
    const headers = { 'Sec-Fetch-Site': 'same-origin' };
    await visitor.context.request.post(`${visitor.url}/v3/session`, {
      data: { user: 'ann', password: ann.password },
      headers,
    });
    await visitor.go(`#/live/${garden}`);
    await page.locator('.pad').waitFor();
    await settled(page, '.pad');
    await press(page, 0.6, 0);
    await moves({ x: 0.6, y: 0, zoom: 0 });
    await page.mouse.up();
    await rests();
    await page.getByRole('button', { name: 'Fence' }).waitFor();
    expect(await page.locator('.presets [aria-haspopup]').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('the head follows the pad, faster farther out, continues while it is held, and stops on release', async () => {
    await using visitor = await open({ size: 'phone' });
    const { page, complaints } = visitor;
    await page.locator('.pad').waitFor();
    await settled(page, '.pad');
    expect(await axeFindings(page)).toEqual([]);
    await press(page, 0.6, 0);
    await moves({ x: 0.6, y: 0, zoom: 0 });
    await page.mouse.move(0, 0);
    // Up and to the left, at full speed.
    await expect.poll(() => Math.hypot(head().velocity.x, head().velocity.y), { timeout: 10_000 }).toBeGreaterThan(0.9);
    expect(head().velocity.y).toBeGreaterThan(0.7);
    const before = box.cameras[0]?.operations.filter((name) => name === 'ContinuousMove').length ?? 0;
    // Longer than a movement lasts without renewal: the page renews it.
    await expect
      .poll(() => box.cameras[0]?.operations.filter((name) => name === 'ContinuousMove').length, { timeout: 15_000 })
      .toBeGreaterThan(before + 2);
    expect(head().moving).toBe(true);
    await page.mouse.up();
    await rests();
    expect(complaints).toEqual([]);
  });

  test('the pad follows once the box has read the camera, also after a request that failed', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    let isRead = false;
    let failures = 0;
    // As after a start of the box, whose first requests keep the camera busy.
    await page.route('**/v3/cameras/list?*', async (route) => {
      const response = await route.fetch();
      const answer = (await response.json()) as { items: readonly object[] };
      const items = isRead ? answer.items : answer.items.map((item) => ({ ...item, description: null }));
      await route.fulfill({ response, json: { ...answer, items } });
    });
    await page.route('**/v3/cameras/ptz/get/*', async (route) => {
      failures += 1;
      await (failures === 1 ? route.fulfill({ status: 504, json: { error: 'no answer' } }) : route.continue());
    });
    const listed = page.waitForResponse('**/v3/cameras/list?*');
    await visitor.logIn(`#/live/${garden}`);
    await listed;
    await page.locator('.camera-view .surface.playing').first().waitFor();
    expect(await page.locator('.pad').count()).toBe(0);
    isRead = true;
    await page.locator('.pad').waitFor();
    expect(failures).toBe(2);
  });

  test('held keys turn it, and so do buttons that are pressed repeatedly', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page, complaints } = visitor;
    await page.locator('.pad').waitFor();
    await settled(page, '.pad');
    expect(await axeFindings(page)).toEqual([]);
    await page.keyboard.down('ArrowUp');
    await moves({ x: 0, y: 0.5, zoom: 0 });
    await page.keyboard.up('ArrowUp');
    await rests();
    const nearer = page.getByRole('button', { name: 'Zoom in' });
    await nearer.focus();
    await page.keyboard.press('Enter');
    await moves({ x: 0, y: 0, zoom: 0.5 });
    expect(await nearer.getAttribute('aria-pressed')).toBe('true');
    await page.keyboard.press('Enter');
    await rests();
    expect(complaints).toEqual([]);
  });

  test('closing the page with the finger on the pad stops the camera', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page } = visitor;
    await page.locator('.pad').waitFor();
    await press(page, -1, 0);
    await moves({ x: -1, y: 0, zoom: 0 });
    const stops = () => box.cameras[0]?.operations.filter((name) => name === 'Stop').length ?? 0;
    const before = stops();
    await page.close({ runBeforeUnload: true });
    // On a busy machine it is stopped more than once: by the missing renewal, and by the closing page.
    await expect.poll(stops).toBeGreaterThan(before);
    await rests();
  });

  inLong(() =>
    test('moves to a preset by its name, for any name', async () => {
      await using visitor = await open({ size: 'phone' });
      const { page } = visitor;
      const { position } = [...head().presets.values()][1] ?? {};
      head().goTo({ x: 1, y: 1, zoom: 1 });
      await page.getByRole('button', { name: `Bench ${HOSTILE}`.trim() }).waitFor();
      await page.getByRole('button', { name: 'Fence' }).click();
      await expect.poll(() => head().position, { timeout: 10_000 }).toEqual(position);
      await page.setViewportSize({ width: 320, height: 640 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    }),
  );

  test('saves the position as a preset, moves it under the same name, returns to it, and deletes it', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page, complaints } = visitor;
    const save = async (position: { x: number; y: number; zoom: number }) => {
      head().goTo(position);
      await page.getByRole('button', { name: 'Save or remove a preset' }).click();
      await page.getByRole('textbox', { name: 'Preset name' }).fill('Gate 🐦');
      await page.getByRole('button', { name: 'Save this position' }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      return [...head().presets.values()].filter(({ name }) => name === 'Gate 🐦').map((one) => one.position);
    };
    await page.getByRole('button', { name: 'Fence' }).waitFor();
    expect(await save({ x: 0.5, y: 0.25, zoom: 0 })).toEqual([{ x: 0.5, y: 0.25, zoom: 0 }]);
    expect(await save({ x: -0.5, y: 0, zoom: 0.5 })).toEqual([{ x: -0.5, y: 0, zoom: 0.5 }]);
    head().goTo({ x: 1, y: 1, zoom: 1 });
    await page.getByRole('button', { name: 'Gate 🐦' }).click();
    await expect.poll(() => head().position, { timeout: 10_000 }).toEqual({ x: -0.5, y: 0, zoom: 0.5 });
    await page.getByRole('button', { name: 'Save or remove a preset' }).click();
    const row = page.getByRole('dialog').getByRole('button', { name: 'Remove Gate 🐦' });
    await row.click();
    await page.getByText('Press again to remove this preset.').waitFor();
    await settled(page, 'dialog');
    expect(await axeFindings(page)).toEqual([]);
    await row.click();
    await row.waitFor({ state: 'detached' });
    expect([...head().presets.values()].map(({ name }) => name)).not.toContain('Gate 🐦');
    expect(complaints).toEqual([]);
  });

  test('a PTZ camera on demand that is paused is asked for nothing until it resumes', async () => {
    await box.api('PATCH', `config/paths/patch/${garden}`, { sourceOnDemand: true });
    await box.api('PATCH', `cameras/patch/${garden}`, { paused: true });
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    await visitor.logIn(`#/live/${garden}`);
    const { page, complaints } = visitor;
    await page.getByRole('button', { name: 'Resume', exact: true }).waitFor();
    expect(await page.locator('.pad').count()).toBe(0);
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await page.locator('.camera-view .surface.playing').first().waitFor();
    await page.locator('.pad').waitFor();
    await box.api('PATCH', `config/paths/patch/${garden}`, { sourceOnDemand: false });
    expect(complaints).toEqual([]);
  });

  test('on a PTZ camera Z zooms the picture, and the arrow keys move it until the zoom is reset', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page } = visitor;
    await page.locator('.rocker').waitFor();
    const moved = () => box.cameras[0]?.operations.filter((name) => name === 'ContinuousMove').length;
    const before = moved();
    await page.mouse.move(700, 300);
    await page.mouse.wheel(0, -200);
    await page.keyboard.press('z');
    await expect.poll(() => scaleOf(page)).toBe(2);
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('+');
    await expect.poll(() => scaleOf(page)).toBe(3);
    expect(moved()).toBe(before);
    await page.keyboard.press('Escape');
    await page.keyboard.down('+');
    await moves({ x: 0, y: 0, zoom: 0.5 });
    await page.keyboard.up('+');
    await rests();
    expect(await scaleOf(page)).toBe(1);
  });
});
