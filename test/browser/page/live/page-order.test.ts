import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, type Visit, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const NAMES = ['Front door', 'Garden', 'Driveway', 'Barn'] as const;
const HOLD_MS = 700;

describeWith(['chromium'], 'the order of tiles', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let paths: readonly string[];
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}, {}, {}] })]);
    await box.claim();
    paths = await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  beforeEach(() => box.api('POST', 'cameras/order', { paths }));

  const open = async (size: Size): Promise<Visit> => {
    const visitor = await visit(viewer.browser, box, { size, isCalm: true });
    await visitor.logIn();
    // Present once the tiles can be moved.
    await visitor.page.locator('.tile[aria-keyshortcuts]').first().waitFor();
    return visitor;
  };
  const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 100 });
  const shown = (page: Page) =>
    page.locator('.live .tile .name b').evaluateAll((names) => names.map((name) => name.textContent ?? ''));
  const stored = async () => {
    const { items } = await box.api<{ items: { name: string; order: number | null }[] }>('GET', 'paths/list');
    return items
      .filter(({ name }) => paths.includes(name))
      .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
      .map(({ name }) => NAMES[paths.indexOf(name)]);
  };
  const expectOrder = async (page: Page, order: readonly string[]) => {
    await until(async () => expect(await shown(page)).toEqual(order));
    await until(async () => expect(await stored()).toEqual(order));
  };
  const tile = (page: Page, name: string) => page.getByRole('link', { name: new RegExp(`^${name}`) });
  const middleOf = async (page: Page, name: string) => {
    const at = await tile(page, name).boundingBox();
    return at ? { x: at.x + at.width / 2, y: at.y + at.height / 2 } : { x: 0, y: 0 };
  };

  test('a mouse drags a tile to another place, which Undo takes back; a click opens the camera', async () => {
    await using visitor = await open('desktop');
    const { page, complaints } = visitor;
    const [from, to] = [await middleOf(page, 'Front door'), await middleOf(page, 'Driveway')];
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(to.x, to.y, { steps: 8 });
    await page.mouse.up();
    await expectOrder(page, ['Garden', 'Driveway', 'Front door', 'Barn']);
    expect(new URL(page.url()).hash).toBe('#/live');
    await page.getByRole('status').filter({ hasText: 'Front door: 3 of 4' }).waitFor();
    const undo = page.getByRole('button', { name: 'Undo' });
    // With the focus it stays, however long the check takes.
    await undo.focus();
    expect(await axeFindings(page)).toEqual([]);
    await undo.click();
    await expectOrder(page, NAMES);
    const moved = page.locator('.cell[style*="translate"]');
    expect(await moved.count()).toBe(0);
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(to.x, to.y, { steps: 4 });
    expect(await moved.count()).toBeGreaterThan(0);
    await page.keyboard.press('Escape');
    expect(await moved.count()).toBe(0);
    await page.mouse.up();
    expect(await shown(page)).toEqual(NAMES);
    await tile(page, 'Garden').click();
    await page.waitForURL(new RegExp(`#/live/${paths[1]}$`));
    expect(complaints).toEqual([]);
  });

  test('a finger holds and drags; a tap opens, a hold alone has the menu, and a swipe scrolls', async () => {
    await using visitor = await open('phone');
    const { page } = visitor;
    const touch = await visitor.context.newCDPSession(page);
    const send = (type: 'touchStart' | 'touchMove' | 'touchEnd', at?: { x: number; y: number }) =>
      touch.send('Input.dispatchTouchEvent', { type, touchPoints: at ? [at] : [] });
    const [from, to] = [await middleOf(page, 'Front door'), await middleOf(page, 'Driveway')];
    await send('touchStart', from);
    await page.waitForTimeout(HOLD_MS);
    await send('touchMove', { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 });
    await page.getByRole('menu').waitFor({ state: 'detached' });
    await send('touchMove', to);
    await send('touchEnd');
    await expectOrder(page, ['Garden', 'Driveway', 'Front door', 'Barn']);
    expect(await page.getByRole('menu').count()).toBe(0);

    await send('touchStart', from);
    await page.waitForTimeout(HOLD_MS);
    await send('touchEnd');
    await page.getByRole('menu', { name: 'Garden' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('menuitem', { name: 'Move later' }).tap();
    await expectOrder(page, ['Driveway', 'Garden', 'Front door', 'Barn']);

    await page.setViewportSize({ width: 390, height: 480 });
    await send('touchStart', { x: 190, y: 300 });
    for (let y = 290; y > 120; y -= 20) {
      await send('touchMove', { x: 190, y });
    }
    await send('touchEnd');
    await until(async () => expect(await page.evaluate(() => scrollY)).toBeGreaterThan(0));
    expect(await shown(page)).toEqual(['Driveway', 'Garden', 'Front door', 'Barn']);
    await page.evaluate(() => scrollTo(0, 0));
    await tile(page, 'Driveway').tap();
    await page.waitForURL(new RegExp(`#/live/${paths[2]}$`));
  });

  test('Alt and the up and down keys move the focused tile, which keeps the focus, and its place is announced', async () => {
    await using visitor = await open('desktop');
    const { page, complaints } = visitor;
    await page.emulateMedia({ reducedMotion: 'reduce' });
    const first = tile(page, 'Front door');
    await first.press('Alt+ArrowDown');
    await expectOrder(page, ['Garden', 'Front door', 'Driveway', 'Barn']);
    await page.getByRole('status').filter({ hasText: 'Front door: 2 of 4' }).waitFor();
    expect(await first.evaluate((link) => link === document.activeElement)).toBe(true);
    await first.press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Move later' }).press('Enter');
    await expectOrder(page, ['Garden', 'Driveway', 'Front door', 'Barn']);
    await first.press('Alt+ArrowUp');
    await expectOrder(page, ['Garden', 'Front door', 'Driveway', 'Barn']);
    await first.press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Move earlier' }).press('Enter');
    await expectOrder(page, ['Front door', 'Garden', 'Driveway', 'Barn']);
    await first.press('Alt+ArrowDown');
    await expectOrder(page, ['Garden', 'Front door', 'Driveway', 'Barn']);
    await page.evaluate(() => addEventListener('keydown', (event) => Object.assign(globalThis, { last: event })));
    await first.press('Alt+ArrowLeft');
    expect(await page.evaluate(() => (globalThis as { last?: KeyboardEvent }).last?.defaultPrevented)).toBe(false);
    await expectOrder(page, ['Garden', 'Front door', 'Driveway', 'Barn']);
    expect(complaints).toEqual([]);
  });

  test('the order within a group is kept with the group; a viewer cannot change any', async () => {
    const [, , drive = '', barn = ''] = paths;
    await box.api('POST', 'layouts/replace/Outside', {
      kind: 'group',
      cameras: [drive, barn].map((path) => ({ path })),
    });
    await box.addUser({ name: 'Ann', password: 'a wren in the hedge', cameras: 'all' });
    {
      await using visitor = await open('desktop');
      const { page } = visitor;
      await page.getByRole('heading', { name: 'Outside' }).waitFor();
      await page.locator('.tile[aria-keyshortcuts]').first().waitFor();
      await tile(page, 'Barn').press('Alt+ArrowUp');
      await until(async () => expect(await shown(page)).toEqual(['Barn', 'Driveway', 'Front door', 'Garden']));
      await tile(page, 'Garden').press('Alt+ArrowUp');
      await until(async () => expect(await shown(page)).toEqual(['Barn', 'Driveway', 'Garden', 'Front door']));
      const { items } = await box.api<{ items: { cameras: { path: string }[] }[] }>('GET', 'layouts/list');
      expect(items[0]?.cameras.map(({ path }) => path)).toEqual([barn, drive]);
      await until(async () => expect(await stored()).toEqual(['Garden', 'Front door', 'Driveway', 'Barn']));
    }
    await using visitor = await visit(viewer.browser, box, { size: 'desktop', isCalm: true });
    const { page } = visitor;
    await visitor.context.request.post(`${visitor.url}/v3/session`, {
      data: { user: 'Ann', password: 'a wren in the hedge' },
      headers: { 'Sec-Fetch-Site': 'same-origin' },
    });
    await page.goto(`${visitor.url}/#/live`);
    await tile(page, 'Barn').waitFor();
    await page.waitForTimeout(4_000);
    expect(await page.locator('.tile[aria-keyshortcuts]').count()).toBe(0);
    await box.api('DELETE', 'layouts/delete/Outside');
  });
});
