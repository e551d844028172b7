import type { Request } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { type Size, type Visit, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const VIEWER = { name: 'Wren', password: 'a wren in the hedge' };
const isLogout = (request: Request): boolean => request.method() === 'DELETE' && /v3\/session$/.test(request.url());
/** Data that the viewer must not see. */
const OWNERS = /front.?door/i;

describeWith(['chromium'], 'the page after people have changed, or an answer did not come', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let cameras: readonly string[];
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}] })]);
    await box.claim();
    cameras = await box.adopt();
    await box.api('POST', 'users', { ...VIEWER, cameras: cameras.slice(1), recordings: true });
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  const open = (size: Size = 'desktop') => visit(viewer.browser, box, { size });

  /** The page looks for new events once it is idle; it would be answered by 401 during a logout. */
  const looksForEvents = ({ page }: Visit) => page.waitForResponse(/v3\/reviews/);

  /** @returns complaints without those about requests that a logout has overtaken: sent before its answer, and rejected after its request */
  function withoutOvertaken({ page, complaints }: Visit): () => readonly string[] {
    const overtaken: string[] = [];
    const waiting = new Set<Request>();
    let leaving: Request | undefined;
    page.on('request', (request) => {
      waiting.add(request);
      leaving = isLogout(request) ? request : leaving;
    });
    page.on('requestfailed', (request) => waiting.delete(request));
    page.on('response', (answer) => {
      const request = answer.request();
      waiting.delete(request);
      if (leaving && answer.status() === 401) {
        overtaken.push(request.url());
      }
      if (request === leaving) {
        leaving = undefined;
        for (const one of waiting) {
          overtaken.push(one.url());
        }
      }
    });
    return () => {
      const excused = [...overtaken];
      return complaints.filter((text) => {
        const at = /\b401\b/.test(text) ? excused.findIndex((url) => text.includes(url)) : -1;
        return at < 0 || excused.splice(at, 1).length === 0;
      });
    };
  }

  async function logInAs(visitor: Visit, { name, password }: typeof VIEWER): Promise<void> {
    const { page } = visitor;
    await page.getByRole('button', { name: 'Use another name' }).click();
    await page.getByLabel('Your name').fill(name);
    await page.getByLabel('Your password').fill(password);
    const logIn = page.getByRole('button', { name: 'Log in', exact: true });
    await Promise.all([looksForEvents(visitor), logIn.click()]);
  }

  test("a viewer who logs in after the owner's logout sees nothing of the owner's, and the recordings at once", async () => {
    await using visitor = await open();
    const { page, complaints } = visitor;
    await visitor.logIn();
    await page.getByRole('link', { name: /^Front door/ }).waitFor();
    await visitor.go(`#/rec/${cameras[0]}`);
    await page.locator('.recorded').waitFor();
    await visitor.go('#/settings/people');
    // From here on it knows the cameras of the last visit.
    await Promise.all([looksForEvents(visitor), page.reload()]);
    const leave = page.getByRole('button', { name: /^Log out/ });
    const seen: string[] = [];
    await page.exposeFunction('tellSeen', (text: string) => seen.push(text));
    const watch = () => {
      const { tellSeen } = window as unknown as { tellSeen(text: string): void };
      const look = () => tellSeen(/.{0,80}front.?door.{0,80}/i.exec(document.documentElement.outerHTML)?.[0] ?? '');
      new MutationObserver(look).observe(document, {
        ...{ subtree: true, childList: true, characterData: true, attributes: true },
      });
    };
    await page.addInitScript(watch);
    // A recording is listed a moment after its start.
    complaints.length = 0;
    const seriousComplaints = withoutOvertaken(visitor);
    await leave.click();
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    await page.evaluate(watch);
    await visitor.go('#/live');
    await logInAs(visitor, VIEWER);
    await page.locator('.tile.live .surface.playing').waitFor();
    expect(await page.locator('.tile').count()).toBe(1);
    await visitor.go('#/settings/people');
    await leave.click();
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    await visitor.go('#/rec');
    await logInAs(visitor, VIEWER);
    await page.locator('.recorded').waitFor();
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter((html) => html !== '')).toEqual([]);
    expect(seriousComplaints()).toEqual([]);
  });

  test("a login over the page as another person shows that person's page", async () => {
    await using visitor = await open();
    const { page, context } = visitor;
    await visitor.logIn();
    await page.getByRole('link', { name: /^Front door/ }).waitFor();
    // A pending response may set the cookie again, and a page with events polls seldom.
    const again = page.getByRole('dialog', { name: 'Welcome back' });
    const end = async () => {
      await context.clearCookies();
      await page.evaluate(() => window.dispatchEvent(new Event('online')));
      return again.count();
    };
    await expect.poll(end, { interval: 500 }).toBe(1);
    await page.getByLabel('Your name').fill(VIEWER.name);
    await page.getByLabel('Your password').fill(VIEWER.password);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('link', { name: /^Garden/ }).waitFor();
    expect(await page.content()).not.toMatch(OWNERS);
  });

  test('a recording that the box fails to serve is retried until it plays, and is not called deleted', async () => {
    await using visitor = await open('phone');
    const { page } = visitor;
    let isBusy = true;
    await page.route(/playback\/get\?/, (route) => (isBusy ? route.fulfill({ status: 503 }) : route.fallback()));
    await visitor.logIn(`#/rec/${cameras[0]}`);
    await page.getByText('This recording is not available right now.').waitFor();
    isBusy = false;
    await page.waitForFunction(() => (document.querySelector<HTMLVideoElement>('.recording')?.readyState ?? 0) >= 2);
    await page.getByText('This recording is not available right now.').waitFor({ state: 'detached' });
  });

  test("a guest's link that the box did not answer at first opens as soon as it does", async () => {
    const { link } = await box.api<{ link: string }>('POST', 'guests', {
      paths: cameras.slice(1),
      until: new Date(Date.now() + 3_600_000).toISOString(),
    });
    await using visitor = await open();
    const { page } = visitor;
    let isAway = true;
    await page.route('**/v3/**', (route) => (isAway ? route.abort() : route.fallback()));
    await visitor.go(new URL(link).hash);
    await page.getByText('No connection to the box.').waitFor();
    expect(new URL(page.url()).hash).toBe('#/live');
    isAway = false;
    await page.locator('.tile.live .surface.playing').waitFor();
    expect(await page.getByText('No connection to the box.').isVisible()).toBe(false);
  });

  test('reports a logout without a response, also one of other devices', async () => {
    await using visitor = await open();
    await using other = await open();
    const { page } = visitor;
    for (const one of [other, other, visitor]) {
      await one.context.clearCookies();
      await one.logIn('#/settings/people');
    }
    const toast = page.getByRole('status').filter({ hasText: 'No answer.' });
    const leave = page.getByRole('button', { name: /^Log out/ });
    await leave.waitFor();
    await visitor.context.setOffline(true);
    await leave.click();
    await toast.waitFor();
    await visitor.context.setOffline(false);
    await page.reload();
    await page.getByRole('button', { name: 'Logged-in browsers' }).click();
    const others = page.getByRole('button', { name: 'Log out my other browsers' });
    await others.waitFor();
    await visitor.context.setOffline(true);
    await others.click();
    await toast.waitFor();
    expect(await page.getByText('Your other browsers are logged out.').count()).toBe(0);
  });

  test('a logout in one window hides everything of the box in the others', async () => {
    await using visitor = await open();
    await visitor.logIn('#/settings/people');
    const other = await visitor.context.newPage();
    await other.goto(`${visitor.url}/#/live`);
    await other.getByRole('link', { name: OWNERS }).waitFor();
    // The listener is loaded when the page is idle.
    await other.waitForFunction(() =>
      performance.getEntriesByType('resource').some(({ name }) => name.includes('/settings-')),
    );
    await visitor.page.getByRole('button', { name: /^Log out/ }).click();
    // The page may ask for the login a moment before: its session has ended.
    await other.getByRole('main').getByRole('heading', { name: 'Welcome back' }).waitFor();
    expect(await other.content()).not.toMatch(OWNERS);
  });

  test('the file is checked and read again after a failure, without a message to the user who types', async () => {
    await using visitor = await open();
    const { page } = visitor;
    let asked = 0;
    await page.route(/v3\/config\/file/, (route) => {
      asked += 1;
      return asked % 2 === 1 ? route.fulfill({ status: 500, json: { error: 'a fault' } }) : route.fallback();
    });
    await visitor.logIn('#/settings/system/file');
    const editor = page.getByRole('textbox', { name: 'Configuration file' });
    await editor.fill(`${await editor.inputValue()}# typed\n`);
    await page.locator('button:enabled', { hasText: 'Review changes' }).waitFor();
    expect(asked).toBe(4);
  });

  test('reports that a camera is removed, also if its recordings could not be deleted', async () => {
    await using visitor = await open();
    const { page } = visitor;
    await page.route(/recordings\/deletepath/, (route) => route.fulfill({ status: 500, json: { error: 'a fault' } }));
    await visitor.logIn(`#/settings/cameras/${cameras[0]}`);
    await page.getByRole('button', { name: 'Pause or remove' }).click();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('radio', { name: /^Delete now \(/ }).check();
    await page.getByRole('button', { name: 'Remove camera' }).click();
    const toast = page
      .getByRole('status')
      .filter({ hasText: 'Front door removed. Its recordings could not be deleted.' });
    await toast.getByRole('button', { name: 'Storage' }).click();
    await page.getByRole('heading', { name: 'Storage', exact: true }).waitFor();
    expect(new URL(page.url()).hash).toBe('#/settings/storage');
  });
});
