import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { post, soapRequest, token } from '../support/onvif-device-harness.ts';

describeWith(['chromium'], 'ONVIF for recorders on the page', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let taken: Server;

  beforeAll(async () => {
    taken = createServer();
    await new Promise<void>((resolve) => {
      taken.listen(0, '127.0.0.1', resolve);
    });
    const { port } = taken.address() as AddressInfo;
    const config = `onvifAddress: 127.0.0.1:${port}\nonvifDiscovery: no\npaths:\n  stage:\n`;
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ config })]);
    await box.claim();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
    taken.close();
  });

  test.for(sizesInTurn())('on a %s it is switched on, and a test says in a sentence what is wrong', async (size) => {
    await box.api('PATCH', 'config/global/patch', { onvif: false });
    await using owner = await visit(viewer.browser, box, { size });
    const { page, complaints } = owner;
    await owner.logIn('#/settings/system');
    await page.getByRole('link', { name: 'ONVIF (for recorders)' }).click();
    await settled(page, '.servers .switch');
    await page.getByRole('switch', { name: 'Offer the cameras' }).click();
    const { port } = taken.address() as AddressInfo;
    await page.getByText(`stage: its port could not be opened. port ${port} is taken by`).waitFor();
    expect(await page.getByRole('button', { name: /device_service/ }).count()).toBe(0);
    expect(await axeFindings(page)).toEqual([]);

    await using chinese = await visit(viewer.browser, box, { size, locale: 'zh-CN' });
    await chinese.logIn('#/settings/system/onvif');
    await chinese.page.getByText('stage：无法打开它的端口。').waitFor();
    await chinese.page.getByText(`port ${port} is taken by`).waitFor();
    expect(complaints.concat(chinese.complaints)).toEqual([]);
  });

  test('the test opens the port when it is free; refused logins and a missing password are named together', async () => {
    const { port } = taken.address() as AddressInfo;
    await box.api('PATCH', 'config/global/patch', { onvif: true });
    await using owner = await visit(viewer.browser, box, { size: 'desktop' });
    const { page } = owner;
    await owner.logIn('#/settings/system/onvif');
    await page.getByText(`port ${port} is taken by`).waitFor();
    await new Promise<void>((resolve) => {
      taken.close(() => resolve());
    });
    await page.getByRole('button', { name: 'Test' }).click();
    const address = page.getByRole('button', { name: /http:\/\/.*\/onvif\/device_service/ });
    await address.waitFor();

    const url = new URL((await address.locator('bdi').textContent()) ?? '');
    const wrong = soapRequest('<tds:GetDeviceInformation/>', token({ user: 'intruder' }));
    expect((await post(`http://127.0.0.1:${url.port}${url.pathname}`, wrong)).status).toBe(400);
    await page
      .getByText('Last refused login: intruder from 127.0.0.1. Wrong name or password. Only device passwords work.')
      .waitFor();
    const main = page.getByRole('main');
    await main.getByText('No recorder can log in yet. Create a device password that allows ONVIF.').waitFor();

    await box.api('POST', 'devicepasswords', { name: 'NVR', live: false, onvif: true });
    await main.getByText('No recorder can log in yet.').waitFor({ state: 'detached' });
    // The refused login may be a day old: a test says first what is wrong now.
    await page.route('**/v3/onvif/test', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), discoveryError: 'blocked' } });
    });
    await page.getByRole('button', { name: 'Test' }).click();
    await page
      .getByRole('status')
      .filter({ hasText: /^Recorders do not find the cameras/ })
      .waitFor();
    await using chinese = await visit(viewer.browser, box, { size: 'desktop', locale: 'zh-CN' });
    await chinese.logIn('#/settings/system/onvif');
    await chinese.page
      .getByText('最近一次被拒绝的登录：intruder，来自 127.0.0.1。用户名或密码错误，只能使用设备密码。')
      .waitFor();
  });
});
