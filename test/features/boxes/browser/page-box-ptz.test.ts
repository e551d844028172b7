import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { settled, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { freePort } from '../../../support/base/free-port.ts';

interface Ids {
  readonly items: readonly { readonly id: string }[];
}

describeWith(['chromium'], 'the camera of a box on the page of a server', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let server: PageHarness;
  let garden: string;
  let pairing: string;

  beforeAll(async () => {
    const relays = { out: {} };
    const tlsAddress = `127.0.0.1:${await freePort()}`;
    [viewer, box, server] = await Promise.all([
      startViewer(),
      startPageHarness({ cameras: [{ quirks: { ptz: 'full', relays } }], tlsAddress }),
      startPageHarness(),
    ]);
    await Promise.all([box.claim(), server.claim()]);
    [garden = ''] = await box.adopt();
    await box.api('POST', `cameras/ptz/presets/${garden}`, { name: 'Fence' });
    const { invitation } = await box.api<{ readonly invitation: string }>('POST', 'pairedservers/invitations', {});
    await server.api('POST', 'boxes', { invitation });
    pairing = (await box.api<Ids>('GET', 'pairedservers/list')).items[0]?.id ?? '';
  });
  afterAll(async () => {
    await viewer?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await box?.[Symbol.asyncDispose]();
  });

  /** The server asks the box what it permits, as it does once a minute. */
  const learn = async () => {
    const { items } = await server.api<Ids>('GET', 'boxes/list');
    await server.api('PATCH', `boxes/${items[0]?.id}`, { cameras: 'all' });
  };
  /** The owner of the box grants rights on its page, which the server hears of. */
  const grant = async (...names: readonly string[]) => {
    await using owner = await visit(viewer.browser, box, { size: 'phone' });
    await owner.logIn('#/settings/people/paired');
    await owner.page.locator('.paired-servers .row').click();
    await settled(owner.page, '.sheet');
    for (const name of names) {
      await owner.page.getByRole('button', { name }).click();
    }
    await owner.page.getByRole('button', { name: 'Save' }).click();
    await owner.page.getByText('Saved').waitFor();
    await learn();
  };
  const head = () => box.cameras[0]?.ptz;

  test('has the pad, presets and switches that the owner of the box permits, and says what the box refuses', async () => {
    await box.api('PATCH', `pairedservers/${pairing}`, { turn: false, switch: false });
    await learn();
    await using visitor = await visit(viewer.browser, server, { size: 'phone' });
    const { page } = visitor;
    await visitor.logIn(`#/live/${garden}`);
    await page.locator('.camera-view .picture:only-child .surface.playing').waitFor();
    expect(await page.locator('.pad, .presets').count()).toBe(0);

    await grant('Move cameras', 'Lights, sirens and relays');
    const right = page.getByRole('button', { name: 'Right', exact: true });
    await right.focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => head()?.velocity.x ?? 0, { timeout: 10_000 }).toBeGreaterThan(0);
    await page.keyboard.press('Enter');
    await expect.poll(() => head()?.moving, { timeout: 10_000 }).toBe(false);
    head()?.goTo({ x: 0.5, y: 0.5, zoom: 0.5 });
    await page.getByRole('button', { name: 'Fence' }).click();
    await expect.poll(() => head()?.position, { timeout: 10_000 }).not.toMatchObject({ x: 0.5, y: 0.5, zoom: 0.5 });
    expect(await page.locator('.presets fieldset [aria-haspopup]').count()).toBe(0);
    await page.locator('.to-outputs').click();
    await page.locator('.sheet').getByRole('button', { name: /: On$/ }).click();
    await until(() => box.cameras[0]?.state.outputs.isActive('out') || undefined);
    await page.keyboard.press('Escape');
    await page.locator('.sheet').waitFor({ state: 'detached' });
    expect(visitor.complaints).toEqual([]);

    await box.api('PATCH', `pairedservers/${pairing}`, { turn: false });
    await right.focus();
    await page.keyboard.press('Enter');
    await page.getByText(/The camera did not move\. box .* does not let the server move/).waitFor();
    expect(head()?.moving).toBe(false);
  });

  test('is moved by those people of the server only who may move it', async () => {
    await box.api('PATCH', `pairedservers/${pairing}`, { turn: true });
    await learn();
    const password = 'a wren in the hedge';
    await server.addUser({ name: 'ann', password, turn: true });
    await server.addUser({ name: 'bob', password });
    for (const [user, controls] of [
      ['ann', 1],
      ['bob', 0],
    ] as const) {
      await using visitor = await visit(viewer.browser, server, { size: 'phone' });
      const headers = { 'Sec-Fetch-Site': 'same-origin' };
      await visitor.context.request.post(`${visitor.url}/v3/session`, { data: { user, password }, headers });
      await visitor.go(`#/live/${garden}`);
      const { page } = visitor;
      await page.locator('.camera-view .picture:only-child .surface.playing').waitFor();
      await page.locator('.pad').waitFor({ state: controls === 1 ? 'visible' : 'detached' });
      const status = await page.evaluate(async (path) => {
        const init = { method: 'POST', headers: { 'X-Perch-UI': '1' } };
        return (await fetch(`v3/cameras/ptz/home/${path}`, init)).status;
      }, garden);
      expect([user, status]).toEqual([user, controls === 1 ? 200 : 401]);
    }
  });

  test('has settings on its box, which the owner of the server changes as far as they are permitted', async () => {
    await box.api('PATCH', `pairedservers/${pairing}`, { settings: false });
    await learn();
    await using owner = await visit(viewer.browser, server, { size: 'phone' });
    const { page } = owner;
    await owner.logIn(`#/settings/cameras/${garden}`);
    await settled(page, '.sheet');
    const row = page.getByRole('button', { name: /^Settings on the box/ });
    expect(await row.count()).toBe(0);
    await grant('Change settings of recording');
    await row.click();
    const sheet = page.locator('.sheet', { has: page.getByRole('heading', { name: 'Settings on the box' }) });
    await sheet.getByRole('radio', { name: 'On motion' }).click();
    await sheet.getByRole('switch', { name: 'Sound' }).click();
    await sheet.getByRole('button', { name: 'Save' }).click();
    const there = () => box.api('GET', `config/paths/get/${garden}`);
    await expect.poll(there, { timeout: 10_000 }).toMatchObject({ record: 'motion', audio: false });
    expect(owner.complaints).toEqual([]);

    await box.api('PATCH', `pairedservers/${pairing}`, { settings: false });
    await row.click();
    await page.locator('.sheet .skeleton').waitFor();
    await box.api('PATCH', `pairedservers/${pairing}`, { settings: true });
    await sheet.getByRole('radio', { name: 'Always' }).click();
    await box.api('PATCH', `pairedservers/${pairing}`, { settings: false });
    await sheet.getByRole('button', { name: 'Save' }).click();
    await page.getByText(/does not let the server change settings/).waitFor();
    expect(await there()).toMatchObject({ record: 'motion' });
  });
});
