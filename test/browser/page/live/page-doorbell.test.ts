import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const ANNA = { name: 'anna', password: 'a wren in the hedge', recordings: false };

describeWith(['chromium'], 'a doorbell', () => {
  let viewer: Viewer;
  let box: PageHarness;
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}] })]);
    await box.claim();
    await box.adopt();
    await box.api('POST', 'users', ANNA);
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  /** The page of a person, which counts the notes of the chime. */
  async function open(size: Size, place: string, user?: string) {
    const visitor = await visit(viewer.browser, box, { size });
    const { page } = visitor;
    await page.addInitScript(() => {
      const { start } = OscillatorNode.prototype;
      OscillatorNode.prototype.start = function (...when) {
        document.documentElement.dataset['notes'] = String(Number(document.documentElement.dataset['notes'] ?? 0) + 1);
        start.apply(this, when);
      };
    });
    const listens = page.waitForResponse((answer) => answer.url().endsWith('/v3/events') && answer.ok());
    if (user === undefined) {
      await visitor.logIn(place);
    } else {
      await visitor.context.request.post(`${visitor.url}/v3/session`, {
        data: { user, password: ANNA.password },
        headers: { 'Sec-Fetch-Site': 'same-origin' },
      });
      await visitor.go(place);
    }
    await listens;
    return visitor;
  }
  const ring = () =>
    box.api('POST', 'events', { path: 'front_door', type: 'doorbell', start: new Date().toISOString() });
  const hasChimed = (page: Page) =>
    expect.poll(() => page.evaluate(() => document.documentElement.dataset['notes'])).toBe('4');

  test.for(sizesInTurn())('on a %s it rings on every page, shows its camera, and leads there', async (size) => {
    await using visitor = await open(size, '#/events');
    const { page, complaints } = visitor;
    await ring();
    const call = page.getByRole('dialog', { name: 'Doorbell · Front door' });
    await call.locator('.surface.playing').waitFor();
    await hasChimed(page);
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await call.getByRole('link', { name: 'Open camera' }).click();
    await call.waitFor({ state: 'detached' });
    expect(page.url()).toContain('#/live/front_door');
    expect(complaints).toEqual([]);
  });

  test('it rings for a viewer without recordings, full screen on a wall', async () => {
    await using visitor = await open('desktop', '#/wall', ANNA.name);
    const { page, complaints } = visitor;
    await page.locator('.wall-grid .surface.playing').first().waitFor();
    await ring();
    const call = page.getByRole('alertdialog', { name: 'Doorbell · Front door' });
    await call.locator('.surface.playing').waitFor();
    await hasChimed(page);
    const { width, height } = (await call.boundingBox()) ?? {};
    expect([width, height]).toEqual([page.viewportSize()?.width, page.viewportSize()?.height]);
    expect(await axeFindings(page)).toEqual([]);
    await call.getByRole('button', { name: 'Close' }).click();
    await call.waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });
});
