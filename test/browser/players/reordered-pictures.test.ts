import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PATIENT, startAgent, until } from '../../peers/agent/agent.ts';
import { startOwnedAgent } from '../../peers/agent/owned-agent.ts';
import { framesDecoded, startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { addElement, elementState } from '../../peers/browser/element-page.ts';
import { visit } from '../../peers/browser/page-visit.ts';
import { type GstCamera, startGstCamera } from '../../peers/cameras/camera.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';

const FRAMES = byLength(10, 600);
const ENCODER = 'x264enc bframes=2 b-adapt=false speed-preset=ultrafast bitrate=300 key-int-max=10';
const REORDERED = `( videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=10/1 ! ${ENCODER} ! video/x-h264,profile=main ! h264parse ! rtph264pay name=pay0 pt=96 )`;

/** The page's WHEP requests, and the errors of its console. */
function watch(page: Page): { readonly offers: string[]; readonly errors: string[] } {
  const [offers, errors]: [string[], string[]] = [[], []];
  page.on('request', (request) => {
    if (/\/whep/.test(request.url())) {
      offers.push(request.method());
    }
  });
  page.on('console', (message) => {
    const { url } = message.location();
    // A page of plain text names no icon, so the browser requests the default one.
    if (message.type() === 'error' && !url.endsWith('/favicon.ico')) {
      errors.push(`${message.text()} ${url}`);
    }
  });
  page.on('pageerror', ({ message }) => errors.push(message));
  return { offers, errors };
}

describeWith(['chromium', 'gstreamer'], 'pictures out of their order', () => {
  let viewer: Viewer;
  let camera: GstCamera;
  beforeAll(async () => {
    [viewer, camera] = await Promise.all([startViewer(), startGstCamera({ '/pond': REORDERED })]);
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await camera[Symbol.asyncDispose]();
  });

  const config = () => `${PATIENT}paths:\n  pond:\n    source: ${camera.url('/pond')}\n`;

  test('play over MSE at once, on the first visit and on the next one', async () => {
    await using agent = await startOwnedAgent({ config: config() });
    await using visitor = await visit(viewer.browser, agent, { size: 'desktop' });
    const { page, context, url, complaints } = visitor;
    await visitor.logIn('#/settings/people');
    await until(async () => {
      const answer = await context.request.get(`${url}/v3/paths/get/pond`);
      return (await answer.json()).hasBFrames === true ? true : undefined;
    });
    const { offers, errors } = watch(page);
    await visitor.go('#/live');
    await page.locator('.tile.live .surface.playing').waitFor();
    await page.reload();
    await page.locator('.tile.live .surface.playing').waitFor();
    await page.getByRole('link', { name: 'Pond, Live' }).click();
    await page.locator('.camera-view .surface.playing').waitFor();
    await framesDecoded(page, FRAMES);
    await page.getByRole('button', { name: 'Information' }).click();
    await page.locator('.info').filter({ hasText: 'ConnectionMSE' }).waitFor();
    expect({ offers, errors, complaints }).toEqual({ offers: [], errors: [], complaints: [] });
  });

  test('play over MSE in <perch-video>, which makes no offer; another player gets the reason', async () => {
    await using agent = await startAgent({ config: config() });
    await until(async () => {
      const { hasBFrames } = await agent.json<{ hasBFrames: boolean | null }>('/v3/paths/get/pond');
      return hasBFrames ?? undefined;
    });
    const page = await viewer.browser.newPage();
    const { offers, errors } = watch(page);
    await page.goto(`${agent.url}/health`);
    await addElement(page, `${agent.url}/perch-video.js`, { autoplay: '', muted: '', src: 'pond' });
    const { passed } = await until(async () => {
      const state = await elementState(page);
      return state.technology === 'MSE' && state.frames >= FRAMES ? state : undefined;
    });
    expect(passed).toEqual([{ technology: 'WebRTC', kind: 'codec', reason: 'B-frames' }]);
    expect({ offers, errors }).toEqual({ offers: ['OPTIONS'], errors: [] });
    const rejected = await page.evaluate(async () => {
      const peer = new RTCPeerConnection();
      peer.addTransceiver('video', { direction: 'recvonly' });
      await peer.setLocalDescription();
      const headers = { 'Content-Type': 'application/sdp' };
      const body = peer.localDescription?.sdp ?? '';
      return (await fetch('/webrtc/pond/whep', { method: 'POST', headers, body })).json();
    });
    expect(rejected).toMatchObject({
      error: expect.stringMatching(/^WebRTC doesn't support H264 streams with B-frames/),
    });
    await page.close();
  });
});
