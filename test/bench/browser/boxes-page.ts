import type { BrowserContext, Page } from 'playwright-core';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { asOwner, pairBox, startBox } from '../../peers/agent/paired-boxes.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { tilesPlayMs } from '../../peers/browser/page-speed.ts';
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
const PAYLOAD_BYTES = 1_400;
const ABOUT = `a server with ${BOXES * CAMERAS_OF_BOX} cameras on ${BOXES} boxes, all on this machine; the page in Chromium over loopback`;

export const boxesFirstPicture: Figure = {
  name: 'boxes-first-picture',
  unit: 'ms',
  goal: 1_000,
  isAbsolute: true,
  about: `from the request for the page to the frame with the first live picture, no stream pulled before, the key frames of the cameras at different times: ${ABOUT}`,
  measure: (note) =>
    withBoxes(async (server, viewer) => {
      const times: number[] = [];
      for (let i = 0; i < STARTS; i += 1) {
        await until(async () => ((await pathsOf(server)).some(({ ready }) => ready) ? undefined : true));
        const ms = await tilesPlayMs(viewer.browser, `${server.url}/#/live`, {
          count: 1,
          prepare: (context) => logIn(context, server),
        });
        note(`${ms.toFixed(0)} ms${i === 0 ? ', the first of the program' : ''}`);
        times.push(ms);
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

async function open(viewer: Viewer, server: Agent): Promise<Page> {
  const context = await viewer.browser.newContext({ viewport: { width: 1440, height: 900 } });
  await logIn(context, server);
  return context.newPage();
}

/** As the owner. */
async function logIn(context: BrowserContext, server: Agent): Promise<void> {
  const [name = '', value = ''] = (server.headers['cookie'] ?? '').split('=');
  await context.addCookies([{ name, value, url: server.url }]);
}

interface Listed {
  readonly ready: boolean;
}

const pathsOf = async (server: Agent): Promise<readonly Listed[]> =>
  (await asOwner<{ readonly items: readonly Listed[] }>(server, 'GET', '/v3/paths/list?itemsPerPage=1000')).items;

async function withBoxes<T>(work: (server: Agent, viewer: Viewer) => Promise<T>): Promise<T> {
  await using stack = new AsyncDisposableStack();
  const camera = stack.use(await startClipCamera(SMALL, PAYLOAD_BYTES, CAMERAS_OF_BOX));
  const server = stack.use(await startAgent({ isOwned: true }));
  for (let i = 0; i < BOXES; i += 1) {
    const names = Array.from({ length: CAMERAS_OF_BOX }, (_, k) => `cam${i * CAMERAS_OF_BOX + k + 1}`);
    const box = stack.use(await startBox(names, [], camera.url));
    await pairBox(server, box);
  }
  await until(async () => ((await pathsOf(server)).length === BOXES * CAMERAS_OF_BOX ? true : undefined));
  const viewer = stack.use(await startViewer());
  return await work(server, viewer);
}
