import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, type VisitOptions, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith, inLong } from '../../../peers/programs/peers.ts';

describeWith(['chromium'], "the page's shell", () => {
  let viewer: Viewer;
  let box: PageHarness;
  let cameras: readonly string[];
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}] })]);
    await box.claim();
    cameras = await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  const open = (options: VisitOptions) => visit(viewer.browser, box, options);

  test('axe finds faults', async () => {
    await using visitor = await open({ size: 'phone' });
    await visitor.logIn();
    await visitor.page.evaluate(() => document.querySelector('main')?.append(document.createElement('button')));
    expect((await axeFindings(visitor.page)).join()).toContain('button-name');
    const small = '<button style="width: 9px; height: 9px; padding: 0">x</button>';
    await visitor.page.evaluate(
      (html) => document.querySelector('main')?.insertAdjacentHTML('beforeend', html),
      small + small,
    );
    expect((await axeFindings(visitor.page)).join()).toContain('target-size');
  });

  test('the three places keep their state, and Back goes back', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page } = visitor;
    await visitor.logIn();
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('link', { name: 'System' }).click();
    await page.getByRole('heading', { name: /Running well|Working hard|One thing/ }).waitFor();
    await page.getByRole('link', { name: 'Live' }).click();
    await page.getByRole('link', { name: /^Front door/ }).waitFor();
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('heading', { name: /Running well|Working hard|One thing/ }).waitFor();
    await page.goBack();
    await page.getByRole('link', { name: /^Front door/ }).waitFor();
  });

  test('a sheet opened by its address closes to the page below it, also after another visit', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page } = visitor;
    await visitor.logIn();
    await page.goto('about:blank');
    await visitor.go(`#/settings/cameras/${cameras[0]}`);
    const sheet = page.getByRole('dialog');
    await sheet.waitFor();
    await page.evaluate(() => {
      location.hash = '#/settings/cameras';
    });
    await sheet.waitFor({ state: 'detached' });
    await page.goBack();
    await sheet.getByRole('button', { name: 'Close' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(new URL(page.url()).hash).toBe('#/settings/cameras');
    await page.locator('.camera-list .row').first().click();
    await sheet.getByRole('button', { name: 'Close' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(new URL(page.url()).hash).toBe('#/settings/cameras');
  });

  test('while the box does not answer, a strip below the header covers part of the page, which keeps its scroll position', async () => {
    await using visitor = await open({ size: 'phone' });
    const { page } = visitor;
    await visitor.logIn();
    const heading = page.getByRole('heading', { name: 'Live' });
    const place = async () => (await heading.boundingBox())?.y;
    const before = await place();
    await page.route('**/v3/**', (route) => route.abort());
    const strip = page.getByRole('status').filter({ hasText: 'No connection to the box.' });
    await strip.waitFor();
    expect(await place()).toBe(before);
    const header = await page.locator('.top').boundingBox();
    expect((await strip.boundingBox())?.y).toBeGreaterThanOrEqual((header?.y ?? 0) + (header?.height ?? 0));
    expect(await axeFindings(page)).toEqual([]);
    await page.unroute('**/v3/**');
    await strip.waitFor({ state: 'hidden' });
  });

  test('a chosen language applies to every text, also after the page is opened again', async () => {
    await using visitor = await open({ size: 'phone' });
    const { page } = visitor;
    await visitor.logIn('#/settings/people');
    await page.getByLabel('Language').selectOption('zh-CN');
    await page.getByRole('link', { name: '成员' }).waitFor();
    await page.reload();
    await page.getByRole('link', { name: '成员' }).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh-CN');
    await settled(page, '.you');
    expect(await axeFindings(page)).toEqual([]);
  });

  inLong(() =>
    test("a chosen appearance wins over the device's", async () => {
      await using visitor = await open({ size: 'phone', theme: 'dark' });
      const { page } = visitor;
      await visitor.logIn('#/settings/people');
      const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      expect(await background()).toBe('rgb(11, 14, 15)');
      await page.getByRole('radio', { name: 'Light' }).check();
      expect(await background()).toBe('rgb(245, 243, 238)');
      await page.reload();
      await page.getByRole('radio', { name: 'Light' }).waitFor();
      expect(await background()).toBe('rgb(245, 243, 238)');
    }),
  );

  test('a sheet holds the focus, returns it, is closed by Back, and asks before it discards input', async () => {
    await using visitor = await open({ size: 'phone' });
    const { page } = visitor;
    await visitor.logIn('#/settings/people');
    const opener = page.getByRole('button', { name: 'Change password' });
    await opener.click();
    const sheet = page.getByRole('dialog', { name: 'Change password' });
    await sheet.waitFor();
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await page.goBack();
    await sheet.waitFor({ state: 'detached' });
    expect(await opener.evaluate((element) => element === document.activeElement)).toBe(true);

    await opener.click();
    await page.getByLabel('Current password').fill('something');
    await page.keyboard.press('Escape');
    await page.getByText('Discard your changes?').waitFor();
    await page.getByRole('button', { name: 'Keep editing' }).click();
    expect(await page.getByLabel('Current password').inputValue()).toBe('something');
    const asked = page.waitForEvent('dialog');
    page.evaluate(() => location.reload()).catch(() => {});
    const question = await asked;
    expect(question.type()).toBe('beforeunload');
    await question.dismiss();
    expect(await page.getByLabel('Current password').inputValue()).toBe('something');
    await page.goBack();
    await page.getByRole('button', { name: 'Discard' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(new URL(page.url()).hash).toBe('#/settings/people');
  });

  test('Esc pressed again and again closes one sheet only, and none whose input it would discard', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page } = visitor;
    await visitor.logIn('#/settings/cameras');
    await page.locator('.settings-page .row').first().waitFor();
    await visitor.go('#/settings/people');
    const opener = page.getByRole('button', { name: 'Change password' });
    const sheet = page.getByRole('dialog', { name: 'Change password' });
    const pressEsc = async () => {
      for (let n = 0; n < 3; n++) {
        await page.keyboard.press('Escape');
      }
    };
    await opener.click();
    await sheet.waitFor();
    await pressEsc();
    await page.locator('.sheet').waitFor({ state: 'detached' });
    expect(new URL(page.url()).hash).toBe('#/settings/people');

    await opener.click();
    await page.getByLabel('Current password').fill('something');
    await pressEsc();
    await page.getByText('Discard your changes?').waitFor();
    expect(await page.getByLabel('Current password').inputValue()).toBe('something');
    await page.getByRole('button', { name: 'Discard' }).click();
    await page.locator('.sheet').waitFor({ state: 'detached' });

    await visitor.go('#/settings/cameras');
    await page
      .getByRole('link', { name: /^Front door/ })
      .first()
      .click();
    await page.getByRole('dialog', { name: 'Front door' }).waitFor();
    await pressEsc();
    await page.locator('.sheet').waitFor({ state: 'detached' });
    expect(new URL(page.url()).hash).toBe('#/settings/cameras');
  });

  inLong(() =>
    test('a session that ends while a form is open asks for a login over it; the input is kept and saved', async () => {
      await box.addUser({ name: 'eve', password: 'a red kite flies', cameras });
      await using visitor = await open({ size: 'desktop' });
      const { page } = visitor;
      await visitor.go('#/live');
      await page.getByRole('button', { name: 'Use another name' }).click();
      await page.getByLabel('Your name').fill('eve');
      await page.getByLabel('Your password').fill('a red kite flies');
      await page.getByRole('button', { name: 'Log in', exact: true }).click();
      await page.getByRole('link', { name: 'Settings' }).click();
      await page.getByRole('button', { name: 'Change password' }).click();
      await page.getByLabel('Current password').fill('a red kite flies');
      await page.getByLabel('New password').fill('a black kite flies');
      await visitor.context.clearCookies();
      await page.getByRole('dialog', { name: 'Welcome back' }).waitFor();
      const login = page.getByRole('dialog', { name: 'Welcome back' });
      await login.getByLabel('Your password').fill('a red kite flies');
      await login.getByRole('button', { name: 'Log in' }).click();
      await login.waitFor({ state: 'detached' });
      expect(await page.getByLabel('New password').inputValue()).toBe('a black kite flies');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('status').filter({ hasText: 'Password changed.' }).waitFor();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    }),
  );

  test("a camera's sheet stays open in every frame while its settings arrive", async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page } = visitor;
    await visitor.logIn('#/settings/cameras');
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    await page.route('**/v3/config/paths/get/**', async (request) => {
      await released;
      await request.continue();
    });
    await page
      .getByRole('link', { name: /^Front door/ })
      .first()
      .click();
    await page.locator('.sheet[open] .skeleton').waitFor();
    await page.evaluate(() => {
      const watch = () => {
        if (!document.querySelector('.sheet[open]')) {
          document.body.dataset['closedFrames'] = 'some';
        }
        requestAnimationFrame(watch);
      };
      requestAnimationFrame(watch);
    });
    release();
    await page.locator('.sheet').getByLabel('Keep for').waitFor();
    expect(await page.evaluate(() => document.body.dataset['closedFrames'] ?? 'none')).toBe('none');
  });

  test('a wrong current password is reported at its field', async () => {
    await using visitor = await open({ size: 'phone' });
    const { page } = visitor;
    await visitor.logIn('#/settings/people');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByLabel('Current password').fill(`${OWNER_PASSWORD} no`);
    await page.getByLabel('New password').fill('short');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').filter({ hasText: 'Eight characters or more.' }).waitFor();
    await page.getByLabel('New password').fill('long enough for me');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').filter({ hasText: 'Wrong current password.' }).waitFor();
  });
});
