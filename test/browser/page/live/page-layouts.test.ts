import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { KeptPages } from '../../../peers/browser/kept-pages.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

interface Layout {
  readonly name: string;
  readonly kind: string;
  readonly cameras: readonly { readonly path: string; readonly size: string }[];
}

const SETTINGS = '#/settings/cameras/layouts';

describeWith(['chromium'], 'groups and walls', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let door: string;
  let garden: string;
  let drive: string;
  let barn: string;
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}, {}, {}] })]);
    await box.claim();
    [door = '', garden = '', drive = '', barn = ''] = await box.adopt();
    await box.api('POST', 'cameras/order', { paths: [door, garden, drive, barn] });
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    for (const { name } of await stored()) {
      await box.api('DELETE', `layouts/delete/${encodeURIComponent(name)}`);
    }
  });

  const pages = new KeptPages(
    () => viewer,
    () => box,
  );
  const open = (size: Size, place: string) => pages.open({ size, isCalm: true }, place);
  const stored = async () => (await box.api<{ items: Layout[] }>('GET', 'layouts/list')).items;
  const put = (name: string, kind: 'group' | 'wall', paths: readonly string[], large = '') =>
    box.api('POST', `layouts/replace/${encodeURIComponent(name)}`, {
      kind,
      cameras: paths.map((path) => ({ path, size: path === large ? 'large' : 'small' })),
    });
  const orderOf = async (name: string) =>
    (await stored()).find((one) => one.name === name)?.cameras.map(({ path, size }) => `${path} ${size}`);
  const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 100 });
  const toast = (page: Page, text: string | RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor();
  const tilesOf = (page: Page) =>
    page.locator('.board li button').evaluateAll((tiles) => tiles.map((tile) => tile.textContent));

  test.for(sizesInTurn())('on a %s a group is made, and Live shows it below its name and alone', async (size) => {
    await using visitor = await open(size, '#/settings/cameras');
    const { page, complaints } = visitor;
    await page.getByRole('link', { name: /^Groups and walls/ }).click();
    await page.getByRole('button', { name: 'Add a group' }).click();
    const sheet = page.getByRole('dialog');
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.getByText('Enter a name.').waitFor();
    await sheet.getByText('Add a camera.').waitFor();
    await sheet.getByRole('textbox', { name: 'Name' }).fill('Outside');
    await sheet.getByRole('button', { name: 'Driveway' }).click();
    await sheet.getByRole('button', { name: 'Garden' }).click();
    await settled(page, '.board');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Outside 2 cameras: Driveway, Garden' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    expect(await orderOf('Outside')).toEqual([`${drive} small`, `${garden} small`]);

    await visitor.go('#/live');
    const shown = () =>
      page
        .locator('.live h2, .live .tile .name b')
        .evaluateAll((all) => all.map(({ textContent }) => textContent?.trim()));
    await until(async () =>
      expect(await shown()).toEqual(['Outside', 'Driveway', 'Garden', 'Other cameras', 'Front door', 'Barn']),
    );
    await settled(page, '.tile.live');
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Outside' }).click();
    await until(async () => expect(await shown()).toEqual(['Driveway', 'Garden']));
    await page.locator('.tile.live .surface.playing').nth(1).waitFor();
    // The group exists before the box has answered, and 1 opens its first camera.
    await page.reload();
    await page.getByRole('button', { name: 'Outside', pressed: true }).waitFor();
    await until(async () => expect(await shown()).toEqual(['Driveway', 'Garden']));
    await page.keyboard.press('1');
    await page.waitForURL(`**/#/live/${drive}`);
    await page.goBack();
    await page.getByRole('button', { name: 'All', exact: true }).click();
    await until(async () => expect((await shown()).length).toBe(6));
    expect(complaints).toEqual([]);
  });

  test('Live shows the groups of the last visit before the box answers, and nothing moves after', async () => {
    await put('Outside', 'group', [drive, garden]);
    await using visitor = await visit(viewer.browser, box, { size: 'desktop' });
    await visitor.logIn();
    const { page } = visitor;
    await page.locator('.live h2').first().waitFor();
    const gate = Promise.withResolvers<void>();
    await page.route('**/v3/**', (route) => gate.promise.then(() => route.continue()));
    await page.reload();
    await page.locator('.live h2').first().waitFor();
    const placesOf = () =>
      page.locator('.live h2, .live .tile').evaluateAll((all) =>
        all.map((one) => {
          const { x, y, width, height } = one.getBoundingClientRect();
          return [one.tagName, ...[x, y, width, height].map(Math.round)].join(' ');
        }),
      );
    const before = await placesOf();
    expect(before.length).toBe(6);
    gate.resolve();
    await page.locator('.tile.live .surface.playing').nth(3).waitFor();
    expect(await placesOf()).toEqual(before);
  });

  test('at the first visit in a browser no tile moves when the groups arrive', async () => {
    await put('Outside', 'group', [drive, garden]);
    await using visitor = await visit(viewer.browser, box, { size: 'desktop' });
    const { page } = visitor;
    await page.addInitScript(() => {
      const shifts: number[] = [];
      Object.assign(window, { shifts });
      const observer = new PerformanceObserver((list) => {
        shifts.push(...list.getEntries().map((entry) => (entry as unknown as { value: number }).value));
      });
      observer.observe({ type: 'layout-shift', buffered: true });
    });
    // The groups come last.
    await page.route('**/v3/layouts/list*', async (route) => {
      await page.waitForTimeout(500);
      await route.continue();
    });
    await visitor.logIn('#/live');
    await page.locator('.tile.live .surface.playing').nth(3).waitFor();
    await page.getByRole('heading', { name: 'Outside' }).waitFor();
    const shifts = await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts);
    expect(shifts.reduce((sum, shift) => sum + shift, 0)).toBeLessThan(0.02);
  });

  test('a wall is arranged with the keyboard, and each step is announced', async () => {
    await using visitor = await open('desktop', SETTINGS);
    const { page, complaints } = visitor;
    await page.getByRole('button', { name: 'Add a wall' }).click();
    const sheet = page.getByRole('dialog');
    await sheet.getByRole('textbox', { name: 'Name' }).fill('Kitchen');
    await sheet.getByRole('button', { name: 'Add all' }).press('Enter');
    await toast(page, 'Barn added as number 4');
    const tile = (name: RegExp) => sheet.getByRole('button', { name });
    await tile(/^Barn: 4 of 4/).press('Alt+ArrowUp');
    await toast(page, 'Barn: 3 of 4');
    await tile(/^Barn: 3 of 4/).press('Alt+ArrowUp');
    await toast(page, 'Barn: 2 of 4');
    expect(await tile(/^Barn/).evaluate((one) => one === document.activeElement)).toBe(true);
    await page.keyboard.press('Enter');
    await sheet.getByRole('button', { name: 'Make large' }).press('Enter');
    await toast(page, 'Barn, large');
    await sheet.getByRole('button', { name: 'Move earlier' }).press('Enter');
    await toast(page, 'Barn: 1 of 4');
    // At the end of the list the button and the focus stay.
    await page.keyboard.press('Enter');
    expect(await sheet.getByRole('button', { name: 'Move earlier' }).getAttribute('aria-disabled')).toBe('true');
    await tile(/^Garden/).press('Delete');
    await toast(page, 'Garden removed');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Driveway');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(await orderOf('Kitchen')).toEqual([`${barn} large`, `${door} small`, `${drive} small`]);
    expect(complaints).toEqual([]);
  });

  test('tiles are dragged with the mouse and with a finger', async () => {
    await put('Kitchen', 'wall', [door, garden, drive, barn], door);
    const middle = async (page: Page, name: string) => {
      const box = await page.locator('.board li', { hasText: name }).boundingBox();
      return { x: (box?.x ?? 0) + (box?.width ?? 0) / 2, y: (box?.y ?? 0) + (box?.height ?? 0) / 2 };
    };
    {
      await using visitor = await open('desktop', SETTINGS);
      const { page } = visitor;
      await page.getByRole('button', { name: /^Kitchen/ }).click();
      await settled(page, '.board');
      const [from, to] = await Promise.all([middle(page, 'Barn'), middle(page, 'Garden')]);
      await page.mouse.move(from.x, from.y);
      await page.mouse.down();
      await page.mouse.move(to.x, to.y, { steps: 8 });
      await page.locator('.board .ghost', { hasText: 'Barn' }).waitFor();
      expect(await tilesOf(page)).toEqual(['Front door', 'Barn', 'Garden', 'Driveway']);
      await page.keyboard.press('Escape');
      expect(await tilesOf(page)).toEqual(['Front door', 'Garden', 'Driveway', 'Barn']);
      await page.mouse.up();
      await page.mouse.move(from.x, from.y);
      await page.mouse.down();
      await page.mouse.move(to.x, to.y, { steps: 8 });
      await page.mouse.up();
      expect(await tilesOf(page)).toEqual(['Front door', 'Barn', 'Garden', 'Driveway']);
      // A drag does not count as a tap.
      expect(await page.locator('.board [aria-pressed=true]').count()).toBe(0);
      await page.getByRole('button', { name: 'Save' }).click();
      await until(async () => expect((await orderOf('Kitchen'))?.[1]).toBe(`${barn} small`));
    }
    await using visitor = await open('phone', SETTINGS);
    const { page } = visitor;
    await page.getByRole('button', { name: /^Kitchen/ }).click();
    await settled(page, '.board');
    const [from, to] = await Promise.all([middle(page, 'Driveway'), middle(page, 'Front door')]);
    const touch = await visitor.context.newCDPSession(page);
    const send = (type: 'touchStart' | 'touchMove' | 'touchEnd', at?: { x: number; y: number }) =>
      touch.send('Input.dispatchTouchEvent', { type, touchPoints: at ? [at] : [] });
    await send('touchStart', from);
    await page.locator('.board.dragged').waitFor();
    await send('touchMove', { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 });
    await send('touchMove', to);
    await send('touchEnd');
    await until(async () => expect(await tilesOf(page)).toEqual(['Driveway', 'Front door', 'Barn', 'Garden']));
    // A quick movement scrolls.
    await send('touchStart', to);
    await send('touchMove', from);
    await send('touchEnd');
    expect(await tilesOf(page)).toEqual(['Driveway', 'Front door', 'Barn', 'Garden']);
  });

  test('a screen shows its wall, follows changes and a new name, and says when it was deleted', async () => {
    await put('Hall & stairs', 'wall', [door, garden, drive], garden);
    await using visitor = await open('desktop', '#/live');
    const { page, complaints } = visitor;
    await page.getByRole('button', { name: 'Layout' }).click();
    await page.getByRole('menuitem', { name: 'Hall & stairs' }).click();
    await page.waitForURL('**/#/wall/Hall%20%26%20stairs');
    await page.locator('.wall .surface.playing').nth(2).waitFor();
    const sizes = () =>
      page
        .locator('.wall .tile')
        .evaluateAll((tiles) =>
          tiles.map((tile) => [tile.ariaLabel?.split(',')[0], Math.round(tile.getBoundingClientRect().width)] as const),
        );
    const [[, small = 0] = [], [name, large = 0] = []] = await sizes();
    expect([name, large > 1.9 * small, (await sizes()).length]).toEqual(['Garden', true, 3]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    expect(await axeFindings(page)).toEqual([]);

    await box.api('PATCH', 'layouts/patch/Hall%20%26%20stairs', { name: 'Hall', cameras: [{ path: barn }] });
    await page.getByRole('img', { name: /^Barn/ }).waitFor();
    expect(await page.locator('.wall .tile').count()).toBe(1);
    await page.reload();
    await page.locator('.wall .surface.playing').waitFor();
    await box.api('DELETE', 'layouts/delete/Hall');
    await page.getByRole('heading', { name: 'This wall was deleted' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('link', { name: 'Show all cameras' }).click();
    await page.locator('.wall .surface.playing').nth(3).waitFor();
    expect(complaints).toEqual([]);
  });

  test('a layout is renamed, sorted, deleted and restored, and its address copied', async () => {
    await put('Inside', 'group', [door, barn]);
    await put('Outside', 'group', [garden]);
    await using visitor = await open('desktop', SETTINGS);
    const { page, context, complaints } = visitor;
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: visitor.url });
    const names = async () => (await stored()).map(({ name }) => name);
    await page.getByRole('button', { name: /^Outside/ }).press('Alt+ArrowUp');
    await until(async () => expect(await names()).toEqual(['Outside', 'Inside']));
    await page.getByRole('button', { name: /^Inside/ }).click();
    const sheet = page.getByRole('dialog');
    await sheet.getByRole('button', { name: /^Copy address/ }).click();
    await toast(page, 'Address copied.');
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${visitor.url}/#/wall/Inside`);
    await sheet.getByRole('textbox', { name: 'Name' }).fill('Outside');
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.getByText('Another group or wall has this name.').waitFor();
    await sheet.getByRole('textbox', { name: 'Name' }).fill('Ground floor');
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.waitFor({ state: 'detached' });
    await until(async () => expect(await names()).toEqual(['Outside', 'Ground floor']));

    await page.getByRole('button', { name: /^Outside/ }).click();
    await sheet.getByRole('button', { name: 'Delete Outside' }).click();
    await sheet.getByRole('button', { name: 'Delete Outside' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(await names()).toEqual(['Ground floor']);
    await page.getByRole('button', { name: 'Undo' }).click();
    await toast(page, 'Outside is back.');
    expect(await names()).toEqual(['Outside', 'Ground floor']);
    expect(complaints).toEqual([]);
  });

  test('viewers see groups and walls with their cameras and change nothing', async () => {
    await put('Inside', 'group', [door, barn]);
    await put('Attic', 'group', [drive]);
    await put('Kitchen', 'wall', [garden, drive]);
    await box.addUser({ name: 'ann', password: 'a red kite', cameras: [door, garden], recordings: false });
    await using visitor = await visit(viewer.browser, box, { size: 'phone', isCalm: true });
    const { page, context, complaints } = visitor;
    const data = { user: 'ann', password: 'a red kite' };
    await context.request.post(`${visitor.url}/v3/session`, { data, headers: { 'Sec-Fetch-Site': 'same-origin' } });
    await visitor.go('#/live');
    await page.getByRole('button', { name: 'Inside' }).waitFor();
    expect(await page.locator('.groups button').allTextContents()).toEqual(['All', 'Inside']);
    await page.getByRole('button', { name: 'Layout' }).click();
    await page.getByRole('menuitem', { name: 'Kitchen' }).waitFor();
    expect(await page.getByRole('menuitem', { name: 'Groups and walls' }).count()).toBe(0);
    await page.getByRole('menuitem', { name: 'Kitchen' }).click();
    await page.getByRole('img', { name: /^Garden/ }).waitFor();
    expect(await page.locator('.wall .tile').count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  test('a removed camera disappears from groups and walls, and is back when it is restored', async () => {
    await put('Outside', 'group', [drive, garden]);
    await put('Kitchen', 'wall', [drive]);
    await box.api('DELETE', `cameras/forget/${drive}`);
    await using visitor = await open('phone', SETTINGS);
    const { page, complaints } = visitor;
    await page.getByRole('button', { name: 'Outside One camera: Garden' }).waitFor();
    await page.getByRole('button', { name: 'Kitchen No cameras left' }).waitFor();
    await visitor.go('#/wall/Kitchen');
    await page.getByRole('heading', { name: 'No cameras on this wall' }).waitFor();
    await box.api('POST', `cameras/restore/${drive}`);
    await page.getByRole('img', { name: /^Driveway/ }).waitFor();
    expect(await orderOf('Outside')).toEqual([`${drive} small`, `${garden} small`]);
    expect(complaints).toEqual([]);
  });
});
