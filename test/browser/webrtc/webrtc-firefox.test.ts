// @also without-ffi in long

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, mediaEverywhere, startAgent, until } from '../../peers/agent/agent.ts';
import { type Firefox, startFirefox } from '../../peers/browser/firefox.ts';
import { watch } from '../../peers/browser/webrtc-viewer.ts';
import { barClip, SMALL } from '../../peers/cameras/bar-clip.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';

const SECONDS = byLength(2, 60);
const PICTURES = SECONDS * SMALL.fps;

describeWith(['firefox', 'ffmpeg'], 'Firefox watches over WebRTC', () => {
  const publishers: AsyncDisposable[] = [];
  let agent: Agent;
  let firefox: Firefox;

  beforeAll(async () => {
    [agent, firefox] = await Promise.all([
      startAgent({ config: 'api: yes\npaths:\n  all_others:\n', listen: mediaEverywhere }),
      startFirefox(),
    ]);
    const publish = async (video: 'vp8' | 'h264') =>
      publishClip(agent, video, await barClip({ ...SMALL, video, audio: 'opus' }), { isEndless: true });
    publishers.push(...(await Promise.all([publish('vp8'), publish('h264')])));
  });

  afterAll(async () => {
    for (const one of [firefox, ...publishers, agent]) {
      await one?.[Symbol.asyncDispose]();
    }
  });

  // In sequence: Firefox shows nothing on pages behind another one.
  test.for([' udp ', ' tcp '])('VP8 and Opus of a publisher over RTSP, by%s', async (only) => {
    const page = await firefox.open(`${agent.url}/health`);
    const url = `http://127.0.0.1:${agent.ports.webrtc}/vp8/whep`;
    const watching = await watch(page, { url, only, readsClock: true });
    const { size, contrast, clock, video, audio, protocol } = await watching.shown(PICTURES);
    expect({ size, protocol }).toEqual({ size: [SMALL.width, SMALL.height], protocol: only.trim() });
    expect(contrast).toBeGreaterThan(150);
    expect(clock.filter(({ clockMs }) => clockMs !== undefined).length).toBeGreaterThan(PICTURES * 0.9);
    expect(video).toMatchObject({ mimeType: 'video/VP8' });
    // Statistics may be a picture older than the page.
    expect(video['framesDecoded']).toBeGreaterThanOrEqual(PICTURES - 1);
    expect(audio).toMatchObject({ mimeType: 'audio/opus' });
    expect(audio['packetsReceived']).toBeGreaterThan(SECONDS * 40);
    expect(audio['totalAudioEnergy']).toBeGreaterThan(0);
    expect(await watching.close()).toBe(200);
    await page.close();
  });

  test("the page explains why a camera's H.264 does not play where Firefox has no decoder for it", async () => {
    const page = await firefox.open(`http://127.0.0.1:${agent.ports.webrtc}/h264/`);
    const why = 'the video is H264 and this player does not offer';
    await until(async () => {
      const message = await page.evaluate(() => document.querySelector('#message')?.textContent ?? '');
      return message.includes(why) || undefined;
    });
    const other = await firefox.open(`${agent.url}/health`);
    const url = `http://127.0.0.1:${agent.ports.webrtc}/h264/whep`;
    const refused = await (await watch(other, { url, media: ['video'] })).report();
    expect(refused).toMatchObject({ status: 400 });
    expect(refused.error).toContain(why);
    await Promise.all([page.close(), other.close()]);
  });
});
