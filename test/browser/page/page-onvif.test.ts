import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../peers/browser/page-visit.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { post, soapRequest, token } from '../../support/harness/onvif-device-harness.ts';

describeWith(['chromium'], 'ONVIF for recorders on the page', () => {
  let viewer: Viewer;
  let box: PageHarness;

  beforeAll(async () => {
    const config = 'onvifAddress: 127.0.0.1:0\nonvifDiscovery: no\npaths:\n  stage:\n';
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ config })]);
    await box.claim();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  test.for(sizesInTurn())(
    'on a %s it is switched on, and says in both languages why no recorder can log in',
    async (size) => {
      await box.api('PATCH', 'config/global/patch', { onvif: false });
      await using owner = await visit(viewer.browser, box, { size });
      const { page, complaints } = owner;
      await owner.logIn('#/settings/system/servers');
      await settled(page, '.servers .switch');
      await page.getByRole('switch', { name: 'ONVIF (for recorders)' }).click();
      await page.getByText('No recorder can log in yet. Create a device password that allows ONVIF.').waitFor();
      const address = page.getByRole('button', { name: /http:\/\/.*\/onvif\/device_service/ });
      await address.waitFor();
      expect(await axeFindings(page)).toEqual([]);

      await box.api('POST', 'devicepasswords', { name: `NVR ${size}`, live: false, onvif: true });
      const url = new URL((await address.locator('bdi').textContent()) ?? '');
      const wrong = soapRequest('<tds:GetDeviceInformation/>', token({ user: 'intruder' }));
      expect((await post(`http://127.0.0.1:${url.port}${url.pathname}`, wrong)).status).toBe(400);
      await page
        .getByText('Last refused login: intruder from 127.0.0.1. Wrong name or password. Only device passwords work.')
        .waitFor();

      await using chinese = await visit(viewer.browser, box, { size, locale: 'zh-CN' });
      await chinese.logIn('#/settings/system/servers');
      await chinese.page
        .getByText('最近一次被拒绝的登录：intruder，来自 127.0.0.1。用户名或密码错误，只能使用设备密码。')
        .waitFor();
      expect(complaints.concat(chinese.complaints)).toEqual([]);
    },
  );
});
