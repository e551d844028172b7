import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { startOwnedAgent } from '../../../peers/agent/owned-agent.ts';
import { framesDecoded, startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { visit } from '../../../peers/browser/page-visit.ts';
import { startGstCamera } from '../../../peers/cameras/camera.ts';
import { byLength, describeWith, inShort } from '../../../peers/programs/peers.ts';

const FRAMES = byLength(10, 900);

const camera = (encoder: string, codec: string, fps: number) =>
  `( videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=${fps}/1 ! ${encoder} tune=zerolatency speed-preset=ultrafast key-int-max=${fps} ! ${codec}parse ! rtp${codec}pay name=pay0 pt=96 )`;
const H264 = camera('x264enc bitrate=300', 'h264', 10);
/** The most expensive encoding, and invisible here. */
const H265 = camera('x265enc bitrate=800', 'h265', 3);
const JPEG =
  'videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=180,framerate=10/1 ! jpegenc ! rtpjpegpay name=pay0 pt=26';
/** Surround: it is not transcoded to Opus. */
const AAC =
  'audiotestsrc is-live=true ! audio/x-raw,channels=6,channel-mask=(bitmask)0x3f ! avenc_aac ! aacparse ! rtpmp4gpay name=pay1 pt=97';
const ALAW = 'audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay1 pt=8';

let viewer: Viewer;
beforeAll(async () => {
  viewer = await startViewer();
});
afterAll(() => viewer[Symbol.asyncDispose]());

const tile = (page: Page, name: string | RegExp) => page.getByRole('link', { name });
const alert = (page: Page, text: string) => page.getByRole('alert').filter({ hasText: text });

describeWith(['chromium', 'gstreamer'], 'the page, with what a browser cannot decode', () => {
  test('names a codec that the browser cannot decode, and shows the sub stream if one exists', async () => {
    await using gst = await startGstCamera({ '/h265': H265, '/h264': H264 });
    const sources = { barn: '/h265', garden: '/h265', garden_sub: '/h264' };
    const paths = Object.entries(sources).map(([name, mount]) => `  ${name}:\n    source: ${gst.url(mount)}\n`);
    await using agent = await startOwnedAgent({ config: `paths:\n${paths.join('')}` });
    await using visitor = await visit(viewer.browser, agent, { size: 'phone' });
    const { page } = visitor;
    const refused: string[] = [];
    page.on(
      'response',
      (answer) => answer.status() >= 400 && /webrtc|hls/.test(answer.url()) && refused.push(answer.url()),
    );
    await visitor.logIn();
    await tile(page, 'Garden, Live').waitFor();
    await tile(page, 'Barn, Cannot play here, Why?').click();
    await page.getByText("This browser cannot play the camera's video (H.265).").waitFor();
    await page.getByRole('link', { name: 'Back' }).click();
    await tile(page, 'Garden, Live').click();
    await page.getByText("This browser cannot play the camera's video (H.265). Showing low resolution.").waitFor();
    await page.locator('.camera-view .surface.playing').waitFor();
    await framesDecoded(page, FRAMES);
    await page.getByRole('link', { name: 'Back' }).click();
    await tile(page, 'Barn, Cannot play here').waitFor();
    expect(refused, 'what WebRTC does not carry is not asked for').toEqual([]);
  });

  test('shows a picture that the box decodes in the list of cameras', async () => {
    await using gst = await startGstCamera({ '/h265': H265 });
    await using agent = await startOwnedAgent({ config: `paths:\n  barn:\n    source: ${gst.url('/h265')}\n` });
    await using visitor = await visit(viewer.browser, agent, { size: 'phone' });
    await visitor.logIn('#/settings/cameras');
    const picture = visitor.page.locator('.camera-thumbnail img');
    await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(320);
  });

  test('shows events of such a camera with pictures that the box decodes', async () => {
    await using gst = await startGstCamera({ '/h265': H265 });
    const config = `pathDefaults:\n  record: true\n  recordPartDuration: 500ms\npaths:\n  barn:\n    source: ${gst.url('/h265')}\n`;
    await using agent = await startOwnedAgent({ config });
    await using visitor = await visit(viewer.browser, agent, { size: 'phone' });
    await visitor.logIn();
    const headers = { 'Sec-Fetch-Site': 'same-origin' };
    const v3 = `${visitor.url}/v3`;
    const recorded = async () =>
      (await visitor.context.request.get(`${visitor.url}/playback/list?path=barn`, { headers })).json();
    await expect.poll(async () => JSON.stringify(await recorded())).toContain('"start"');
    const data = { path: 'barn', type: 'person', start: new Date().toISOString() };
    expect((await visitor.context.request.post(`${v3}/events`, { data, headers })).ok()).toBe(true);
    await visitor.go('#/events');
    await visitor.page.locator('.events-page li .thumb canvas[width="192"]').waitFor();
  });

  test('a camera that the browser cannot play is added, and not counted as live', async () => {
    await using gst = await startGstCamera({ '/h265': H265 });
    await using agent = await startOwnedAgent({ config: '' });
    await using visitor = await visit(viewer.browser, agent, { size: 'phone' });
    const { page } = visitor;
    await visitor.logIn('#/settings/cameras/add');
    await page.getByRole('button', { name: "Add one that isn't listed" }).click();
    const sheet = page.getByRole('dialog', { name: "Add one that isn't listed" });
    await sheet.getByLabel('Address', { exact: true }).fill(gst.url('/h265').replace('://', '://admin:none@'));
    await sheet.getByRole('button', { name: 'Add to list' }).click();
    await page.getByRole('button', { name: 'Add one camera' }).click();
    await page.getByRole('heading', { name: 'One camera added' }).waitFor();
    await page.locator('.arriving').getByText('Cannot play here').waitFor();
    await page.getByRole('link', { name: 'Go to live' }).click();
    await tile(page, /Cannot play here/).waitFor();
  });

  test('the information names audio that WebRTC cannot carry, until it is switched on', async () => {
    const mount = H264.replace(' )', ` ${AAC} )`);
    await using gst = await startGstCamera({ '/main': mount });
    await using agent = await startOwnedAgent({ config: `paths:\n  garden:\n    source: ${gst.url('/main')}\n` });
    await using visitor = await visit(viewer.browser, agent, { size: 'phone' });
    const { page } = visitor;
    await visitor.logIn();
    await tile(page, 'Garden, Live').click();
    await page.getByRole('button', { name: 'Information' }).click();
    const card = page.locator('.info');
    await card.filter({ hasText: 'ConnectionWebRTC' }).filter({ hasText: 'Not sentAAC' }).waitFor();
    await page.getByRole('button', { name: 'Sound on' }).click();
    await card.filter({ hasText: 'ConnectionMSE' }).filter({ hasNotText: 'Not sent' }).waitFor();
    await page.getByRole('button', { name: 'Sound off' }).click();
    await card.filter({ hasText: 'ConnectionWebRTC' }).waitFor();
  });

  test('names a recording that the browser cannot decode, even if its audio plays', async () => {
    const names = inShort(['silent', 'sound'], 'sound');
    await using gst = await startGstCamera({ '/silent': `( ${JPEG} )`, '/sound': `( ${JPEG} ${ALAW} )` });
    const paths = names.map((name) => `  ${name}:\n    source: ${gst.url(`/${name}`)}\n    record: true\n`);
    await using agent = await startOwnedAgent({ config: `paths:\n${paths.join('')}` });
    await using visitor = await visit(viewer.browser, agent, { size: 'phone' });
    const { page } = visitor;
    await visitor.logIn();
    for (const name of names) {
      await until(async () => {
        const [span] = await agent.json<{ duration: number }[]>(`/playback/list?path=${name}`).catch(() => []);
        return span && span.duration > 2 ? true : undefined;
      });
      await visitor.go(`#/rec/${name}?ago=2`);
      const why = alert(page, 'This browser cannot play this recording (M-JPEG). You can download it.');
      await why.waitFor();
      // The message stays while the audio continues.
      if (name === 'sound') {
        await page.waitForFunction(() => (document.querySelector('video')?.played.length ?? 0) > 0);
        expect(await why.isVisible()).toBe(true);
      }
      await page.goto('about:blank');
    }
  });

  test('a camera recorded as MPEG-TS plays like one in MP4', async () => {
    await using gst = await startGstCamera({ '/main': H264 });
    const config = `paths:\n  ts:\n    source: ${gst.url('/main')}\n    record: yes\n    recordFormat: mpegts\n`;
    await using agent = await startOwnedAgent({ config });
    await until(async () => {
      const { items } = await agent.json<{ items: readonly unknown[] }>('/v3/recordings/list');
      return items.length > 0 ? true : undefined;
    });
    await using visitor = await visit(viewer.browser, agent, { size: 'phone' });
    const { page } = visitor;
    await visitor.logIn('#/rec/ts');
    await page.waitForFunction(() => (document.querySelector('video')?.played.length ?? 0) > 0);
  });
});
