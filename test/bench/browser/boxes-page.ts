import type { Page } from 'playwright-core';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { asOwner, pairBox, startBox } from '../../peers/agent/paired-boxes.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import type { BarClip } from '../../peers/cameras/bar-clip.ts';
import { startClipCamera } from '../cameras/clip-cameras.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { cpuSeconds, pssMegabytes } from '../measure/proc.ts';

const BOXES = 10;
const CAMERAS_OF_BOX = 10;
const STARTS = 5;
const WATCHED_SECONDS = 20;
const SETTLED_SECONDS = 15;
const SMALL: BarClip = {
  video: 'h264',
  width: 320,
  height: 180,
  fps: 10,
  kilobitsPerSecond: 100,
  groupSeconds: 2,
  seconds: 20,
};
const ABOUT = `a server with ${BOXES * CAMERAS_OF_BOX} cameras on ${BOXES} boxes, all on this machine; the page in Chromium over loopback`;

export const boxesFirstPicture: Figure = {
  name: 'boxes-first-picture',
  unit: 'ms',
  goal: 1_000,
  isAbsolute: true,
  about: `from the request for the page to the first live picture: ${ABOUT}`,
  measure: (note) =>
    withBoxes(async (server, viewer) => {
      const times: number[] = [];
      for (let i = 0; i < STARTS; i += 1) {
        const page = await open(viewer, server);
        const beginMs = performance.now();
        await page.goto(`${server.url}/#/live`);
        await page.locator('.tile .surface.playing').first().waitFor({ timeout: 60_000 });
        times.push(performance.now() - beginMs);
        const shown = await page.locator('.tile').count();
        await seconds(3);
        const playing = await page.locator('.tile .surface.playing').count();
        note(`${times.at(-1)?.toFixed(0)} ms; ${playing} of ${shown} tiles play 3 s later`);
        await page.context().close();
      }
      return times;
    }),
};

export const boxesRequests: Figure = {
  name: 'boxes-requests',
  unit: 'requests/s',
  goal: 0,
  isAbsolute: false,
  about: `requests that name a camera, per camera and second, while live pictures are shown: ${ABOUT}`,
  measure: (note) =>
    withBoxes(async (server, viewer) => {
      const page = await open(viewer, server);
      await page.goto(`${server.url}/#/live`);
      await page.locator('.tile .surface.playing').first().waitFor({ timeout: 60_000 });
      await seconds(SETTLED_SECONDS);
      const asked: string[] = [];
      page.on('request', (request) => asked.push(new URL(request.url()).pathname));
      const [beforeS, pid] = [cpuSeconds(server.process.child.pid ?? 0), server.process.child.pid ?? 0];
      await seconds(WATCHED_SECONDS);
      const ofCameras = asked.filter((path) => /cam\d/.test(path));
      const share = ((cpuSeconds(pid) - beforeS) / WATCHED_SECONDS) * 100;
      note(`${asked.length} requests in ${WATCHED_SECONDS} s, ${ofCameras.length} of them name a camera`);
      note(`server: ${share.toFixed(0)} % of a core, ${pssMegabytes(pid).toFixed(0)} MB`);
      return [ofCameras.length / WATCHED_SECONDS / (BOXES * CAMERAS_OF_BOX)];
    }),
};

/** Logged in as the owner. */
async function open(viewer: Viewer, server: Agent): Promise<Page> {
  const context = await viewer.browser.newContext({ viewport: { width: 1440, height: 900 } });
  const [name = '', value = ''] = (server.headers['cookie'] ?? '').split('=');
  await context.addCookies([{ name, value, url: server.url }]);
  return context.newPage();
}

async function withBoxes<T>(work: (server: Agent, viewer: Viewer) => Promise<T>): Promise<T> {
  await using stack = new AsyncDisposableStack();
  const camera = stack.use(await startClipCamera(SMALL));
  const server = stack.use(await startAgent({ isOwned: true }));
  for (let i = 0; i < BOXES; i += 1) {
    const names = Array.from({ length: CAMERAS_OF_BOX }, (_, k) => `cam${i * CAMERAS_OF_BOX + k + 1}`);
    const box = stack.use(await startBox(names, [], camera.url));
    await pairBox(server, box);
  }
  await until(async () => {
    const { items } = await asOwner<{ readonly items: readonly object[] }>(
      server,
      'GET',
      '/v3/paths/list?itemsPerPage=1000',
    );
    return items.length === BOXES * CAMERAS_OF_BOX ? true : undefined;
  });
  const viewer = stack.use(await startViewer());
  return await work(server, viewer);
}
