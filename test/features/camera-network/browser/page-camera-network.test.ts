import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { openCameraNetwork } from '../../../peers/host/camera-network.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const PAGE = '#/settings/system/camera-network';

describeWith(
  ['chromium', 'namespaces', 'nft', 'dnsmasq', 'udhcpc', 'busybox'],
  'the network for cameras on the page',
  () => {
    let viewer: Viewer;
    let net: Awaited<ReturnType<typeof openCameraNetwork>>;
    beforeAll(async () => {
      [viewer, net] = await Promise.all([startViewer(), openCameraNetwork()]);
    });
    afterAll(async () => {
      await viewer[Symbol.asyncDispose]();
      await net[Symbol.asyncDispose]();
    });

    test.for(sizesInTurn())(
      'on a %s a port is chosen, a camera comes and is released, and it is switched off',
      { timeout: 240_000 },
      async (size) => {
        const box = { port: net.perchPort, remoteUrl: net.url };
        await using owner = await visit(viewer.browser, box, { size });
        const { page, complaints } = owner;
        await owner.logIn('#/settings/system');
        await page.getByRole('link', { name: /^Network for cameras/ }).click();
        await settled(page, '.camera-network .card');
        await page.getByText('The box reaches the internet through it.').waitFor();
        expect(await page.getByRole('switch').allTextContents()).toEqual([
          expect.stringMatching(/^cam0/),
          expect.stringMatching(/^cam1/),
        ]);
        expect(await axeFindings(page)).toEqual([]);

        // Another DHCP server: the reason stays, and nothing is switched on.
        await net.inBox('ip', 'link', 'set', 'cam1', 'up');
        const other = await net.startDhcp(net.otherNet);
        await page.getByRole('switch', { name: 'cam1' }).click();
        await page.getByText('Checking the port…').waitFor();
        await page.getByText('Another DHCP server answers there, such as a router.').waitFor();
        expect(await page.getByRole('switch', { name: 'cam1' }).getAttribute('aria-checked')).toBe('false');
        await other.stop();
        const rejected = complaints.splice(0).filter((one) => !one.includes(':8443/'));
        expect(rejected).toEqual([expect.stringContaining('400'), expect.stringContaining('400')]);

        await page.getByRole('switch', { name: 'cam0' }).click();
        await page.getByText(/the box is 10\.83\.83\.1 there/).waitFor();
        await page.getByText('None yet.').waitFor();
        const { address = '' } = await net.lease();
        const camera = page.locator('.line', { hasText: address });
        await camera.getByText('seen').waitFor();
        await camera.getByRole('button', { name: 'Release' }).click();
        await camera.getByText(/^Reaches the internet for another (60|59) minutes/).waitFor();
        expect(await net.fromCamera(net.internet)).toBe('reached');
        expect(await axeFindings(page)).toEqual([]);
        await camera.getByRole('button', { name: 'End' }).click();
        await camera.getByRole('button', { name: 'Release' }).waitFor();
        expect(await net.fromCamera(net.internet)).toBe('silent');

        await using chinese = await visit(viewer.browser, box, { size, locale: 'zh-CN' });
        await chinese.logIn(PAGE);
        await chinese.page.getByText('主机地址为 10.83.83.1').waitFor();
        await page.getByRole('switch', { name: 'cam0' }).click();
        await page.getByText('cam0 is no longer for cameras.').waitFor();
        await chinese.page.getByText('主机地址为').waitFor({ state: 'hidden' });
        await page.getByRole('button', { name: 'Undo' }).click();
        await page.getByText('Checking the port…').waitFor();
        await page.getByText(/the box is 10\.83\.83\.1 there/).waitFor();
        expect(complaints.concat(chinese.complaints).filter((one) => !one.includes(':8443/'))).toEqual([]);
      },
    );
  },
);
