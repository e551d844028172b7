import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PageBox, startPageBox } from '../page-box.ts';
import { startViewer, type Viewer } from '../peers/browser.ts';
import { type Visit, visit } from '../peers/page-visit.ts';
import { describeWith } from '../peers/peers.ts';

const VIEWER = { name: 'Wren', password: 'a wren in the hedge' };
/** Of what the viewer does not see. */
const OWNERS = /front.?door/i;

describeWith(['chromium'], 'the page after people have changed, or an answer did not come', () => {
  let viewer: Viewer;
  let box: PageBox;
  let cameras: readonly string[];
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageBox({ cameras: [{}, {}] })]);
    await box.claim();
    cameras = await box.adopt();
    await box.api('POST', 'users', { ...VIEWER, cameras: cameras.slice(1), recordings: true });
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  const open = () => visit(viewer.browser, box.url, { size: 'desktop' });

  async function logInAs({ page }: Visit, { name, password }: typeof VIEWER): Promise<void> {
    await page.getByRole('button', { name: 'Use another name' }).click();
    await page.getByLabel('Your name').fill(name);
    await page.getByLabel('Your password').fill(password);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
  }

  test('who logs in after the owner has logged out sees nothing of his, and the recordings at once', async () => {
    await using visitor = await open();
    const { page, complaints } = visitor;
    await visitor.logIn(`#/rec/${cameras[0]}`);
    await page.locator('.recorded').waitFor();
    await visitor.go('#/settings/people');
    const leave = page.getByRole('button', { name: /^Log out/ });
    const seen: string[] = [];
    await page.exposeFunction('tellSeen', (text: string) => seen.push(text));
    await page.addInitScript(() => {
      const { tellSeen } = window as unknown as { tellSeen(text: string): void };
      new MutationObserver(() => tellSeen(document.documentElement.outerHTML)).observe(document, {
        ...{ subtree: true, childList: true, characterData: true, attributes: true },
      });
    });
    await leave.click();
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    await visitor.go('#/rec');
    await logInAs(visitor, VIEWER);
    await page.locator('.recorded').waitFor();
    await visitor.go('#/live');
    await page.locator('.tile.live .stage.playing').waitFor();
    expect(await page.locator('.tile').count()).toBe(1);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter((html) => OWNERS.test(html))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('who logs in over the page in the place of another has a page of his own', async () => {
    await using visitor = await open();
    const { page, context } = visitor;
    await visitor.logIn();
    await page.getByRole('link', { name: /^Front door/ }).waitFor();
    await context.clearCookies();
    await page.getByRole('dialog', { name: 'Welcome back' }).waitFor();
    await page.getByLabel('Your name').fill(VIEWER.name);
    await page.getByLabel('Your password').fill(VIEWER.password);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('link', { name: /^Garden/ }).waitFor();
    expect(await page.content()).not.toMatch(OWNERS);
  });

  test('a log-out that got no answer says so, and so does one of other devices', async () => {
    await using visitor = await open();
    await using other = await open();
    const { page } = visitor;
    for (const one of [other, other, visitor]) {
      await one.context.clearCookies();
      await one.logIn('#/settings/people');
    }
    await page.route(/v3\/sessions?(\/|$)/, (route) =>
      route.request().method() === 'DELETE' ? route.abort() : route.fallback(),
    );
    const told = page.getByRole('status').filter({ hasText: 'The box does not answer.' });
    await page.getByRole('button', { name: /^Log out/ }).click();
    await told.waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Devices that are logged in' }).click();
    await page.getByRole('button', { name: 'Log out my other devices' }).click();
    await told.waitFor();
    expect(await page.getByText('Your other devices are logged out.').count()).toBe(0);
  });
});
