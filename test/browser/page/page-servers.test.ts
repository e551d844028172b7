import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../peers/browser/page-visit.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { freePort } from '../../support/base/free-port.ts';

describeWith(['chromium', 'ffmpeg'], 'the servers that programs publish to', () => {
  let viewer: Viewer;
  let box: PageHarness;

  beforeAll(async () => {
    const port = await freePort();
    const config = `rtmpAddress: 127.0.0.1:${port}\npaths:\n  stage:\n`;
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ config })]);
    await box.claim();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  test.for(sizesInTurn())(
    'on a %s RTMP is switched on, and ffmpeg publishes to the address that a new device password shows',
    async (size) => {
      await box.api('PATCH', 'config/global/patch', { rtmp: false });
      await using owner = await visit(viewer.browser, box, { size });
      const { page, complaints } = owner;
      await owner.logIn('#/settings/system');
      await page.getByRole('link', { name: /^Publishing/ }).click();
      await settled(page, '.servers .switch');
      expect(await axeFindings(page)).toEqual([]);
      const rtmp = page.getByRole('switch', { name: 'Publish and play by RTMP' });
      expect(await rtmp.getAttribute('aria-checked')).toBe('false');
      await rtmp.click();
      await page.getByRole('button', { name: /^rtmp:\/\/.*\/PATH\?user=USER&pass=PASSWORD/ }).waitFor();
      await page.getByText('Turning it off also disconnects the players that use it.').first().waitFor();
      await page.getByRole('button', { name: /^https?:\/\/.*\/PATH\/whip/ }).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      expect(await box.api('GET', 'config/global/get')).toMatchObject({ rtmp: true, srt: false });

      await page.getByRole('link', { name: 'Device passwords' }).click();
      await page.getByRole('button', { name: 'New device password' }).click();
      await page.getByRole('textbox', { name: 'Device' }).fill(`OBS ${size}`);
      await page.getByRole('button', { name: 'All' }).click();
      await page.getByRole('button', { name: 'Publish' }).click();
      await page.getByRole('button', { name: 'Create password' }).click();
      const address = page.getByRole('button', { name: 'RTMP address' });
      await address.waitFor();
      expect(await axeFindings(page)).toEqual([]);
      const copied = async (label: string) =>
        (await page.getByRole('button', { name: label }).locator('bdi').textContent()) ?? '';
      expect(await copied('WHIP bearer token')).toMatch(/^[^:]+:[^:]+$/);
      const url = (await copied('RTMP address')).replace('PATH', 'stage').replace('localhost', '127.0.0.1');
      const input = ['-nostdin', '-v', 'error', '-re', '-i', await smallClip(120), '-c', 'copy'];
      const ffmpeg = startProcess('ffmpeg', [...input, '-f', 'flv', url]);
      await until(async () => (await box.api<{ ready: boolean }>('GET', 'paths/get/stage')).ready || undefined);
      await ffmpeg.stop('SIGKILL');
      expect(complaints).toEqual([]);
    },
  );
});
