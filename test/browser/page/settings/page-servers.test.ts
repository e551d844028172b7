import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { barClip, SMALL } from '../../../peers/cameras/bar-clip.ts';
import { smallClip } from '../../../peers/cameras/camera.ts';
import { describeWith, PYTHON } from '../../../peers/programs/peers.ts';
import { startProcess } from '../../../peers/programs/process.ts';
import { freePort } from '../../../support/base/free-port.ts';

describeWith(['chromium', 'ffmpeg', 'aiortc'], 'the servers that programs publish to', () => {
  let viewer: Viewer;
  let box: PageHarness;

  beforeAll(async () => {
    const port = await freePort();
    const config = `rtmpAddress: 127.0.0.1:${port}\npaths:\n  stage:\n`;
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ config })]);
    await box.claim();
    // The page shows the configured port.
    await box.api('PATCH', 'config/global/patch', { webrtcAddress: `127.0.0.1:${await freePort()}` });
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  test.for(sizesInTurn())(
    'on a %s RTMP is switched on, and programs publish by RTMP and WHIP to the addresses that a new device password shows',
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
      await until(async () => !(await box.api<{ ready: boolean }>('GET', 'paths/get/stage')).ready || undefined);

      const whip = (await copied('WHIP address')).replace('PATH', 'stage').replace('localhost', '127.0.0.1');
      const token = await copied('WHIP bearer token');
      const clip = await barClip({ ...SMALL, audio: 'opus' });
      const publisher = join(import.meta.dirname, '../../../peers/clients/aiortc-publisher.py');
      const aiortc = startProcess(PYTHON, [publisher, whip, clip, 'VP8', `Bearer ${token}`]);
      await aiortc.waitFor(/connected/);
      await until(async () => (await box.api<{ ready: boolean }>('GET', 'paths/get/stage')).ready || undefined);
      expect(await box.api('GET', 'paths/get/stage')).toMatchObject({ source: { type: 'webRTCSession' } });
      await aiortc.stop('SIGKILL');
      expect(complaints).toEqual([]);
    },
  );
});
