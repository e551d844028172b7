import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgent } from '../../../peers/agent/agent.ts';
import { pageEverywhere, startOwnedAgent } from '../../../peers/agent/owned-agent.ts';
import { framesDecoded, startViewer, timeShownAfter, type Viewer } from '../../../peers/browser/browser.ts';
import { visit } from '../../../peers/browser/page-visit.ts';
import { startGstCamera } from '../../../peers/cameras/camera.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const H264 =
  '( videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=15/1 ! x264enc bitrate=300 tune=zerolatency speed-preset=ultrafast key-int-max=15 ! h264parse ! rtph264pay name=pay0 pt=96 )';

let viewer: Viewer;
beforeAll(async () => {
  viewer = await startViewer();
});
afterAll(() => viewer[Symbol.asyncDispose]());

const tile = (page: Page, name: string | RegExp) => page.getByRole('link', { name });

describeWith(['chromium', 'gstreamer'], 'the page, when what it shows goes away', () => {
  test('the picture returns without a click when the box is killed and restarted', async () => {
    await using agent = await startOwnedAgent();
    await using visitor = await visit(viewer.browser, agent, { size: 'phone' });
    const { page } = visitor;
    await visitor.logIn();
    await tile(page, 'Demo camera, Live').waitFor();
    await framesDecoded(page, 10);
    await agent.process.stop('SIGKILL');
    await page.getByRole('status').filter({ hasText: 'No connection to the box.' }).waitFor();
    expect(await pictureStays(page)).toBe(true);
    const restartedMs = Date.now();
    const { dataDir, ports } = agent;
    await using _again = await startAgent({ dataDir, ports, listen: pageEverywhere });
    await timeShownAfter(page, restartedMs);
    await page.getByText('No connection to the box.').waitFor({ state: 'detached' });
    await tile(page, 'Demo camera, Live').waitFor();
  });

  test('a camera that disappears is marked and keeps its last picture; it returns by itself', async () => {
    const gone = await startGstCamera({ '/main': H264 });
    await using agent = await startOwnedAgent({
      config: `readTimeout: 3s\npaths:\n  garden:\n    source: ${gone.url('/main')}\n`,
    });
    await using visitor = await visit(viewer.browser, agent, { size: 'phone' });
    const { page } = visitor;
    await visitor.logIn();
    await tile(page, 'Garden, Live').waitFor();
    await framesDecoded(page, 10);
    await gone[Symbol.asyncDispose]();
    await tile(page, /^Garden, (Reconnecting|Offline)/).waitFor();
    expect(await pictureStays(page)).toBe(true);
    await using _back = await startGstCamera({ '/main': H264 }, { port: gone.port });
    await tile(page, 'Garden, Live').waitFor();
    await page.locator('.surface.playing').waitFor();
  });
});

/** Whether the first tile shows a picture, the video's last or its stored still: it has many colours. */
const pictureStays = (page: Page): Promise<boolean> =>
  page.evaluate(() => {
    const shown = document.querySelector(
      '.tile .surface.playing > video, .tile .surface.has-still:not(.playing) > canvas',
    );
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d');
    context?.drawImage(shown as HTMLVideoElement | HTMLCanvasElement, 0, 0, canvas.width, canvas.height);
    return new Set(context?.getImageData(0, 0, canvas.width, canvas.height).data).size > 10;
  });
