import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Agent, startAgent, until } from '../peers/agent.ts';
import { framesDecoded, startViewer, timeShownAfter, type Viewer } from '../peers/browser.ts';
import { startGstCamera } from '../peers/camera.ts';
import { byLength, describeWith } from '../peers/peers.ts';

const FRAMES = byLength(30, 900);
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1440, height: 900 };
const TARGET_PX = 44;
const GOOD_PASSWORD = 'a small bird by the river';

const camera = (encoder: string, codec: string) =>
  `( videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=15/1 ! ${encoder} tune=zerolatency speed-preset=ultrafast key-int-max=15 ! ${codec}parse ! rtp${codec}pay name=pay0 pt=96 )`;
const H264 = camera('x264enc bitrate=300', 'h264');
const H265 = camera('x265enc bitrate=800', 'h265');
const JPEG =
  'videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=180,framerate=15/1 ! jpegenc ! rtpjpegpay name=pay0 pt=26';
/** Surround: nothing makes Opus of it. */
const AAC =
  'audiotestsrc is-live=true ! audio/x-raw,channels=6,channel-mask=(bitmask)0x3f ! avenc_aac ! aacparse ! rtpmp4gpay name=pay1 pt=97';
const ALAW = 'audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay1 pt=8';

let viewer: Viewer;
beforeAll(async () => {
  viewer = await startViewer();
});
afterAll(() => viewer[Symbol.asyncDispose]());

async function open(url: string, size = PHONE): Promise<Page> {
  const page = await viewer.open(url, size);
  page.setDefaultTimeout(50_000);
  onTestFinished(() => page.close());
  return page;
}

const tile = (page: Page, name: string | RegExp) => page.getByRole('link', { name });
const alert = (page: Page, text: string) => page.getByRole('alert').filter({ hasText: text });

describeWith(['chromium'], 'the page, with the demo camera', () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent();
  });
  afterAll(() => agent[Symbol.asyncDispose]());

  test('a first visit at the box itself offers to claim it and shows the picture of this moment', async () => {
    const page = await open(agent.url);
    await tile(page, 'Make this box yours').waitFor();
    await tile(page, 'Demo camera, Live').waitFor();
    const before = Date.now();
    await framesDecoded(page, FRAMES);
    expect(await timeShownAfter(page, before)).toBeLessThanOrEqual(Date.now());
  });

  test.for([
    ['a phone', PHONE],
    ['a desktop', DESKTOP],
  ] as const)(
    'on %s nothing scrolls sideways, fingers find every target, and the console stays empty',
    async ([, size]) => {
      const page = await open('about:blank', size);
      const complaints: string[] = [];
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
      page.on('pageerror', ({ message }) => complaints.push(message));
      for (const [address, sign] of [
        ['#/live', '.tile.live'],
        ['#/live/demo', '.actions'],
        ['#/live/nobody', '.empty'],
        ['#/rec', 'video.recording'],
        ['#/rec/..%2F..%2Fx', '.empty'],
        ['#/rec/demo?ago=5', 'video.recording'],
        ['#/settings', '.rooms'],
        ['#/settings/storage', 'meter'],
        ['#/settings/system', '.headline'],
        ['#/settings/people', '.you'],
        ['#/start', 'form'],
      ] as const) {
        await page.goto(`${agent.url}/${address}`);
        await page.locator(sign).first().waitFor();
        expect(await layoutFaults(page), address).toEqual([]);
      }
      expect(complaints).toEqual([]);
    },
  );
});

describeWith(['chromium'], 'the page and its box', () => {
  test('a weak password is refused in words, a good one leads to live; the session outlives a restart, until one logs out', async () => {
    await using agent = await startAgent();
    const page = await open(`${agent.url}/#/start`);
    const password = page.getByLabel('Your password');
    for (const [weak, words] of [
      ['', 'Eight characters or more.'],
      ['seven77', 'Eight characters or more.'],
      ['password1', 'Many people use this one.'],
    ] as const) {
      await password.fill(weak);
      await page.getByRole('button', { name: 'Find my cameras' }).click();
      await alert(page, words).waitFor();
    }
    await password.fill(GOOD_PASSWORD);
    await page.getByRole('button', { name: 'Find my cameras' }).click();
    await page.getByRole('link', { name: 'Go to live' }).click();
    await tile(page, 'Demo camera, Live').waitFor();

    await agent.process.stop('SIGINT');
    await using again = await startAgent({ dataDir: agent.dataDir, ports: agent.ports });
    await page.goto(again.url);
    await tile(page, 'Demo camera, Live').waitFor();

    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('link', { name: 'People' }).click();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    const refused: string[] = [];
    page.on('request', (request) => refused.push(...(request.url().match(/v3\/paths.*/) ?? [])));
    await page.reload();
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    expect(await layoutFaults(page)).toEqual([]);
    await password.fill('a large bird by the river');
    await page.getByRole('button', { name: 'Log in' }).click();
    await alert(page, 'Name or password is not right.').waitFor();
    expect(refused, 'asked for cameras that it may not see').toEqual([]);
    await password.fill(GOOD_PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    // The page that one has left.
    await page.getByRole('button', { name: 'Log out' }).waitFor();
  });

  test('when the box is killed and comes back, so does the picture, without a click', async () => {
    await using agent = await startAgent();
    const page = await open(agent.url);
    await tile(page, 'Demo camera, Live').waitFor();
    await framesDecoded(page, 10);
    await agent.process.stop('SIGKILL');
    await page.getByRole('status').filter({ hasText: 'No connection to the box.' }).waitFor();
    expect(await pictureStays(page)).toBe(true);
    const restartedMs = Date.now();
    await using _again = await startAgent({ dataDir: agent.dataDir, ports: agent.ports });
    await timeShownAfter(page, restartedMs);
    await page.getByText('No connection to the box.').waitFor({ state: 'detached' });
    await tile(page, 'Demo camera, Live').waitFor();
  });
});

describeWith(['chromium', 'gstreamer'], "the page, with GStreamer's cameras", () => {
  test('a camera that goes is called so and leaves its last picture; it comes back by itself', async () => {
    const gone = await startGstCamera({ '/main': H264 });
    await using agent = await startAgent({
      config: `readTimeout: 3s\npaths:\n  garden:\n    source: ${gone.url('/main')}\n`,
    });
    const page = await open(agent.url);
    await tile(page, 'Garden, Live').waitFor();
    await framesDecoded(page, 10);
    await gone[Symbol.asyncDispose]();
    await tile(page, /^Garden, (Reconnecting|Offline)/).waitFor();
    expect(await pictureStays(page)).toBe(true);
    await using _back = await startGstCamera({ '/main': H264 }, { port: gone.port });
    await tile(page, 'Garden, Live').waitFor();
    await page.locator('.stage.playing').waitFor();
  });

  test('a codec that the browser cannot decode is named, and the small picture is shown if there is one', async () => {
    await using gst = await startGstCamera({ '/h265': H265, '/h264': H264 });
    const sources = { barn: '/h265', garden: '/h265', garden_sub: '/h264' };
    const paths = Object.entries(sources).map(([name, mount]) => `  ${name}:\n    source: ${gst.url(mount)}\n`);
    await using agent = await startAgent({ config: `paths:\n${paths.join('')}` });
    const page = await open('about:blank');
    const offers: string[] = [];
    page.on('request', (request) => request.url().endsWith('/barn/whep') && offers.push(request.url()));
    await page.goto(agent.url);
    await tile(page, 'Garden, Live').waitFor();
    await tile(page, 'Barn, Not playable here').waitFor();
    await page.getByText("This browser cannot play this camera's picture (H.265).").waitFor();
    await tile(page, 'Garden, Live').click();
    await page
      .getByText("This browser cannot play this camera's picture (H.265). The small picture is shown.")
      .waitFor();
    await page.locator('.cinema .stage.playing').waitFor();
    await framesDecoded(page, FRAMES);
    await page.getByRole('link', { name: 'Back' }).click();
    await tile(page, 'Barn, Not playable here').waitFor();
    expect(offers).toHaveLength(1);
  });

  test('sound that does not come over WebRTC is named in the information, until it is heard', async () => {
    const mount = H264.replace(' )', ` ${AAC} )`);
    await using gst = await startGstCamera({ '/main': mount });
    await using agent = await startAgent({ config: `paths:\n  garden:\n    source: ${gst.url('/main')}\n` });
    const page = await open(agent.url);
    await tile(page, 'Garden, Live').click();
    await page.getByRole('button', { name: 'Information' }).click();
    const card = page.locator('.info');
    await card.filter({ hasText: 'Comes byWebRTC' }).filter({ hasText: 'Left outAAC' }).waitFor();
    await page.getByRole('button', { name: 'Sound on' }).click();
    await card.filter({ hasText: 'Comes byMSE' }).filter({ hasNotText: 'Left out' }).waitFor();
    await page.getByRole('button', { name: 'Sound off' }).click();
    await card.filter({ hasText: 'Comes byWebRTC' }).waitFor();
  });

  test('a recording that the browser cannot decode is named, also where its sound plays', async () => {
    await using gst = await startGstCamera({ '/silent': `( ${JPEG} )`, '/sound': `( ${JPEG} ${ALAW} )` });
    const paths = ['silent', 'sound'].map(
      (name) => `  ${name}:\n    source: ${gst.url(`/${name}`)}\n    record: true\n`,
    );
    await using agent = await startAgent({ config: `paths:\n${paths.join('')}` });
    const page = await open(agent.url);
    for (const name of ['silent', 'sound']) {
      await until(async () => {
        const [span] = await agent.json<{ duration: number }[]>(`/playback/list?path=${name}`).catch(() => []);
        return span && span.duration > 2 ? true : undefined;
      });
      await page.goto(`${agent.url}/#/rec/${name}?ago=2`);
      await alert(page, 'This browser cannot play this recording (M-JPEG). It can be downloaded.').waitFor();
      await page.goto('about:blank');
    }
  });

  test('a camera that is recorded as MPEG-TS is told not to play here, and how it would', async () => {
    await using gst = await startGstCamera({ '/main': H264 });
    const config = `paths:\n  ts:\n    source: ${gst.url('/main')}\n    record: yes\n    recordFormat: mpegts\n`;
    await using agent = await startAgent({ config });
    await until(async () => {
      const { items } = await agent.json<{ items: readonly unknown[] }>('/v3/recordings/list');
      return items.length > 0 ? true : undefined;
    });
    const page = await open(`${agent.url}/#/rec/ts`);
    await page.getByRole('heading', { name: 'MPEG-TS recordings are not played here' }).waitFor();
    await page.getByText('With recordFormat: fmp4 new recordings play here.').waitFor();
  });
});

/** What a finger or an eye would stumble over. */
const layoutFaults = (page: Page): Promise<string[]> =>
  page.evaluate((limit) => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const wide = scrollWidth > clientWidth ? [`the page is ${scrollWidth} px wide, the window ${clientWidth} px`] : [];
    const targets = [...document.querySelectorAll(':is(nav, main) :is(a, button, select, [role=slider])')];
    const small = targets.flatMap((target) => {
      const { width, height } = target.getBoundingClientRect();
      const isFit = !target.checkVisibility() || (width >= limit && height >= limit);
      return isFit ? [] : [`${width} x ${height} px: ${target.outerHTML.slice(0, 120)}`];
    });
    return [...wide, ...small];
  }, TARGET_PX);

/** Whether the first tile shows a picture, the video's last or the still that was kept of it: it has many colours. */
const pictureStays = (page: Page): Promise<boolean> =>
  page.evaluate(() => {
    const shown = document.querySelector('.tile .stage.playing > video, .tile .stage.has-still:not(.playing) > canvas');
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d');
    context?.drawImage(shown as HTMLVideoElement | HTMLCanvasElement, 0, 0, canvas.width, canvas.height);
    return new Set(context?.getImageData(0, 0, canvas.width, canvas.height).data).size > 10;
  });
