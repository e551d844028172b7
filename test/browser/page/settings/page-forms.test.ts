import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page, Route } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

describeWith(['chromium'], 'settings typed on the page are not lost', () => {
  let viewer: Viewer;
  let box: PageHarness;
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness()]);
    await box.claim();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  beforeEach(() => box.api('PATCH', 'config/global/patch', { recordMinFree: '10%' }));

  const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 100 });
  const free = async () => (await box.api<{ recordMinFree: string }>('GET', 'config/global/get')).recordMinFree;
  const GLOBAL = '**/v3/config/global/patch';

  async function openStorage(size: Size) {
    const visitor = await visit(viewer.browser, box, { size });
    await visitor.logIn();
    await visitor.go('#/settings/storage');
    const field = visitor.page.locator('section').filter({ hasText: 'Keep free on each disk' });
    await field.getByText('10%').waitFor();
    return { ...visitor, field, less: field.getByRole('button', { name: 'Less' }) };
  }

  /** Intercepts the next request, and passes the others. */
  const once = (page: Page, url: string, meet: (route: Route) => Promise<void>) => page.route(url, meet, { times: 1 });

  test('an error of the box shows next to the setting, which is saved at the next try', async () => {
    await using visitor = await openStorage('phone');
    const { page, field, less } = visitor;
    await once(page, GLOBAL, (route) =>
      route.fulfill({ status: 500, json: { status: 'error', error: 'internal error' } }),
    );
    await less.click();
    await field.getByRole('alert').filter({ hasText: 'Not saved. Something went wrong. See the log.' }).waitFor();
    expect([await field.getByText('5%').isVisible(), await free()]).toEqual([true, '10%']);
    await settled(page, '.bad');
    expect(await axeFindings(page)).toEqual([]);
    await field.getByRole('button', { name: 'Save' }).click();
    await until(async () => expect(await free()).toBe('5%'));
    await field.getByRole('alert').waitFor({ state: 'detached' });
  });

  test('a setting waits while the box is unreachable, and is then saved by itself', async () => {
    await using visitor = await openStorage('desktop');
    const { page, field, less } = visitor;
    await page.route('**/v3/**', (route) => route.abort());
    await less.click();
    await field.getByText('Saved as soon as the box answers.').waitFor();
    expect(await free()).toBe('10%');
    await page.unroute('**/v3/**');
    await until(async () => expect(await free()).toBe('5%'));
    await page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor();
  });

  test('an expired session is renewed over the form, which is then saved', async () => {
    await using visitor = await openStorage('phone');
    const { page, context, less } = visitor;
    // The save notices it first, not the page's polling.
    await once(page, GLOBAL, async (route) => {
      await context.clearCookies();
      await route.continue();
    });
    await less.click();
    const login = page.getByRole('dialog', { name: 'Welcome back' });
    await login.getByLabel('Your password').fill(OWNER_PASSWORD);
    await login.getByRole('button', { name: 'Log in' }).click();
    await until(async () => expect(await free()).toBe('5%'));
  });

  test('an earlier change of another person is not overwritten without a question', async () => {
    await using visitor = await openStorage('desktop');
    const { page, field, less } = visitor;
    const overtake = (value: string) =>
      once(page, GLOBAL, async (route) => {
        await box.api('PATCH', 'config/global/patch', { recordMinFree: value });
        await route.continue();
      });
    await overtake('20%');
    await less.click();
    await field.getByText('10% → 20%').waitFor();
    expect(await free()).toBe('20%');
    await settled(page, '.conflict');
    expect(await axeFindings(page)).toEqual([]);
    await field.getByRole('button', { name: 'Keep mine' }).click();
    await until(async () => expect(await free()).toBe('5%'));
    await page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor();

    await overtake('15%');
    await less.click();
    await field.getByRole('button', { name: 'Take theirs' }).click();
    await field.getByText('15%').waitFor();
    expect(await free()).toBe('15%');
  });

  test('leaving the page at once still saves the setting', async () => {
    await using visitor = await openStorage('phone');
    await visitor.less.click();
    await visitor.go('#/live');
    await until(async () => expect(await free()).toBe('5%'));
    await visitor.page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor();
    expect(visitor.complaints).toEqual([]);
  });

  test('Undo does not revert a later change of another person', async () => {
    await using visitor = await openStorage('desktop');
    const { page, less } = visitor;
    await less.click();
    await page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor();
    await box.api('PATCH', 'config/global/patch', { recordMinFree: '30%' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('status').filter({ hasText: 'Not saved. Someone else has changed this.' }).waitFor();
    expect(await free()).toBe('30%');
  });

  test('two people who choose a disk at the same time are warned', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    const pathOn = (disk: string) => `${join(box.folder, disk)}/perch/%path/%Y-%m-%d_%H-%M-%S-%f`;
    await page.route('**/v3/disks/places', async (route) => {
      const { items } = await box.api<{ items: readonly object[] }>('GET', 'disks/places');
      const others = ['usb', 'nas'].map((disk) => {
        const [folder, recordPath] = [join(box.folder, disk), pathOn(disk)];
        return { ...items[0], folder, recordPath, isChosen: false, recordsHere: [] };
      });
      await route.fulfill({ json: { items: [...items, ...others] } });
    });
    await visitor.logIn();
    await visitor.go('#/settings/storage');
    await page.getByRole('button', { name: 'Record to another disk' }).click();
    const sheet = page.getByRole('dialog');
    await sheet.getByRole('radio', { name: /\/usb/ }).check();
    await once(page, '**/v3/config/pathdefaults/patch', async (route) => {
      await box.api('PATCH', 'config/pathdefaults/patch', { recordPath: pathOn('nas') });
      await route.continue();
    });
    await sheet.getByRole('button', { name: 'Record here' }).click();
    await sheet
      .locator('.conflict')
      .getByText(/^You changed this in another window just now: .* → .*\/nas$/)
      .waitFor();
    const file = () => readFileSync(join(box.folder, 'perch.yml'), 'utf8');
    expect(file()).toContain(`recordPath: ${pathOn('nas')}`);
    await sheet.getByRole('button', { name: 'Keep mine' }).click();
    await sheet.getByRole('button', { name: 'Record here' }).click();
    await until(async () => expect(file()).toContain(`recordPath: ${pathOn('usb')}`));
  });

  test('a person whose request got no response is added once, as typed', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    await visitor.logIn();
    await visitor.go('#/settings/people');
    await page.getByRole('button', { name: 'Add a person' }).click();
    const sheet = page.getByRole('dialog');
    await sheet.getByLabel('User name').fill('Jay');
    await sheet.getByLabel('Password', { exact: true }).fill('a jay in the oak');
    // The box carries it out, and its response is lost.
    await once(page, '**/v3/users', async (route) => {
      await route.fetch();
      await route.abort();
    });
    await sheet.getByRole('button', { name: 'Add a person' }).click();
    await sheet.waitFor({ state: 'detached' });
    const { items } = await box.api<{ items: readonly { name: string }[] }>('GET', 'users');
    expect(items.filter(({ name }) => name === 'Jay')).toHaveLength(1);
  });
});
