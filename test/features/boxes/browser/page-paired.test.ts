import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { freePort } from '../../../support/base/free-port.ts';

const SIGN = '.paired-servers .button';

interface ServerItem {
  readonly id: string;
  readonly cameras: unknown;
  readonly live: boolean;
  readonly recordings: boolean;
}

describeWith(['chromium'], 'servers of a box on the page', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let server: Agent;

  const serversOf = async () =>
    (await box.api<{ readonly items: readonly ServerItem[] }>('GET', 'pairedservers/list')).items;

  beforeAll(async () => {
    const config = 'paths:\n  gate:\n    camera: { name: Gate }\n  stable:\n    camera: { name: Stable }\n';
    [viewer, box, server] = await Promise.all([
      startViewer(),
      startPageHarness({ config, tlsAddress: `127.0.0.1:${await freePort()}` }),
      startAgent({ isOwned: true }),
    ]);
    await box.claim();
  });
  afterAll(async () => {
    await viewer?.[Symbol.asyncDispose]();
    await box?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test('found cameras of another Perch lead to the page where it is paired', async () => {
    await using owner = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = owner;
    const offered = {
      ...{ endpoint: 'urn:uuid:1', address: '192.168.20.1', onvif: 'http://192.168.20.1/onvif/device_service' },
      ...{ foundFrom: '192.168.20.2', onCameraNetwork: false, name: 'Barn', manufacturer: null, hardware: null },
      ...{ location: null, firstSeen: '2026-01-01T00:00:00Z', lastSeen: '2026-01-01T00:00:00Z', path: null },
      ...{ perch: '0123456789', hidden: false },
    };
    await page.route('**/v3/cameras/found*', (route) =>
      route.fulfill({ json: { itemCount: 1, pageCount: 1, items: [offered] } }),
    );
    await page.route('**/v3/cameras/discover*', (route) =>
      route.fulfill({ json: { isLooking: false, items: [offered] } }),
    );
    await owner.logIn('#/settings/cameras/add');
    await page.getByRole('link', { name: 'Pair it' }).click();
    await page.waitForURL(/#\/settings\/cameras\/boxes$/);
    await settled(page, '.other-boxes .button');
  });

  test.for(sizesInTurn())(
    'on a %s, an invitation pairs a server, whose access is changed and revoked',
    async (size) => {
      await using owner = await visit(viewer.browser, box, { size });
      const { page } = owner;
      await owner.logIn('#/settings/people');
      await page.getByRole('link', { name: /^Servers/ }).click();
      await settled(page, SIGN);
      await page.getByText('No server shows cameras of this box.').waitFor();
      await page.getByRole('button', { name: 'Invite a server' }).click();
      // The choice changes from all cameras to one of them.
      await page.getByRole('button', { name: 'Gate' }).click();
      await page.getByRole('button', { name: 'Play recordings' }).click();
      await page.getByRole('button', { name: 'Create invitation' }).click();
      const text = await page.locator('.sheet input[readonly]').inputValue();
      expect(text).toMatch(/^perch:\/\/invitation\?at=/);
      await page.getByText(/^Valid for (?:10:00|9:\d\d)$/).waitFor();
      await page.locator('.qr-code path[d^=M]').waitFor();
      await settled(page, '.sheet');
      expect(await axeFindings(page)).toEqual([]);

      const paired = await asOwner<BoxAnswer>(server, 'POST', '/v3/boxes', { invitation: text });
      expect(paired.cameras.map(({ path }) => path)).toEqual(['gate']);
      await page.getByText(/shows cameras of this box now\.$/).waitFor();
      const row = page.locator('.paired-servers .row');
      await row.waitFor();
      expect(await row.textContent()).toMatch(/Watch live · Gate · since \d\d:\d\d · (?:last|not) seen/);
      // While it fades it has no contrast.
      await page.getByText(/shows cameras of this box now\.$/).waitFor({ state: 'detached' });
      expect(await axeFindings(page)).toEqual([]);

      await row.click();
      await settled(page, '.sheet');
      await page.getByRole('button', { name: 'Play recordings' }).click();
      await page.getByRole('button', { name: 'All cameras', exact: true }).click();
      await page.getByRole('button', { name: 'Save' }).click();
      await until(async () => {
        const [item] = await serversOf();
        return item?.cameras === 'all' && item.live && item.recordings ? true : undefined;
      });
      await page.locator('.paired-servers .row', { hasText: 'All cameras' }).click();
      await settled(page, '.sheet');
      await page.getByRole('button', { name: 'Revoke access' }).click();
      await page.getByText(/stops at once\. It needs a new invitation/).waitFor();
      expect(await serversOf()).toHaveLength(1);
      await page.getByRole('button', { name: 'Revoke access' }).click();
      await page.getByText(/shows nothing of this box any more/).waitFor();
      expect(await serversOf()).toEqual([]);
      await page.getByText('No server shows cameras of this box.').waitFor();
      expect(owner.complaints).toEqual([]);
      await asOwner(server, 'DELETE', `/v3/boxes/${paired.id}`);
    },
  );

  test('an invitation that has expired is replaced by a new one', async () => {
    await using owner = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = owner;
    await page.clock.install();
    await owner.logIn('#/settings/people/paired');
    await settled(page, SIGN);
    await page.getByRole('button', { name: 'Invite a server' }).click();
    await page.getByRole('button', { name: 'Create invitation' }).click();
    const field = page.locator('.sheet input[readonly]');
    const first = await field.inputValue();
    await page.clock.runFor(601_000);
    await page.getByText('This invitation has expired.').waitFor();
    expect(await field.count()).toBe(0);
    await page.getByRole('button', { name: 'New invitation' }).click();
    await field.waitFor();
    expect(await field.inputValue()).not.toBe(first);
  });

  test('without https the page says what is missing, in Chinese, too', async () => {
    await using off = await startPageHarness();
    await off.claim();
    await using owner = await visit(viewer.browser, off, { size: 'phone', locale: 'zh-CN' });
    const { page } = owner;
    await owner.logIn('#/settings/people/paired');
    await page.getByText('配对需要 https，目前已关闭。').waitFor();
    await page.getByRole('link', { name: '打开 https 设置' }).click();
    await settled(page, '.secure-outside, .switch');
    expect(owner.complaints).toEqual([]);
  });
});
