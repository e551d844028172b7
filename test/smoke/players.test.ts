import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, until } from '../peers/agent/agent.ts';
import { startDemoAgent } from '../peers/agent/demo-agent.ts';
import {
  framesDecoded,
  pictureOf,
  startViewer,
  timeShown,
  timeShownAfter,
  type Viewer,
} from '../peers/browser/browser.ts';
import { byLength, describeWith, inLong, inShort } from '../peers/programs/peers.ts';

const SECONDS = byLength(2, 60);
const FRAMES_PER_SECOND = 15;
/** The demo camera sends a picture each 67 ms: which of two is shown at their border may differ. */
const PICTURE_MS = 70;
/** The label of a recording is the arrival of its first picture, which a busy machine may delay. */
const LABEL_MS = 1_000;

interface Span {
  readonly start: string;
  readonly duration: number;
}

describeWith(['chromium'], 'Chromium', () => {
  let agent: Agent;
  let viewer: Viewer;
  beforeAll(async () => {
    [agent, viewer] = await Promise.all([startDemoAgent(), startViewer()]);
    await until(async () => ((await fetch(`${agent.url}/v3/paths/get/demo`)).ok ? true : undefined));
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await agent[Symbol.asyncDispose]();
  });

  test('plays WHEP on the WebRTC port: pictures are decoded, in their size, of this moment, and the session is in the API', async () => {
    const openedMs = Date.now();
    const page = await viewer.open(`http://127.0.0.1:${agent.ports.webrtc}/demo/`);
    await framesDecoded(page, SECONDS * FRAMES_PER_SECOND);
    const { width, height } = await pictureOf(page);
    expect([width, height]).toEqual([640, 360]);
    expect(await timeShownAfter(page, openedMs)).toBeLessThanOrEqual(Date.now());
    const { items } = await agent.json<{ items: { state: string; path: string; outboundBytes: number }[] }>(
      '/v3/webrtcsessions/list',
    );
    expect(items).toMatchObject([{ state: 'read', path: 'demo', peerConnectionEstablished: true }]);
    expect(items[0]?.outboundBytes).toBeGreaterThan(10_000);
    const path = await agent.json<{ readers: unknown[]; bytesSent: number }>('/v3/paths/get/demo');
    expect(path.readers).toMatchObject([{ type: 'webRTCSession' }]);
    expect(path.bytesSent).toBeGreaterThan(10_000);
    await page.close();
    await until(async () => {
      const left = await agent.json<{ itemCount: number }>('/v3/webrtcsessions/list');
      return left.itemCount === 0 ? true : undefined;
    });
  });

  inLong(() =>
    test('plays WHEP below the main port, picture and sound', async () => {
      const page = await viewer.open(`${agent.url}/health`);
      const heard = await page.evaluate(async (seconds) => {
        const peer = new RTCPeerConnection();
        peer.addTransceiver('video', { direction: 'recvonly' });
        peer.addTransceiver('audio', { direction: 'recvonly' });
        await peer.setLocalDescription();
        const response = await fetch('/webrtc/demo/whep', {
          method: 'POST',
          headers: { 'Content-Type': 'application/sdp' },
          body: peer.localDescription?.sdp ?? '',
        });
        const location = response.headers.get('Location') ?? '';
        await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
        for (;;) {
          const stats = [...(await peer.getStats()).values()].filter((item) => item.type === 'inbound-rtp');
          const video = stats.find((item) => item.kind === 'video');
          const audio = stats.find((item) => item.kind === 'audio');
          const isEnough = (video?.framesDecoded ?? 0) > seconds * 10 && (audio?.packetsReceived ?? 0) > seconds * 20;
          if (isEnough) {
            const ended = await fetch(location, { method: 'DELETE' });
            const again = await fetch(location, { method: 'DELETE' });
            const { status } = response;
            const { framesDecoded, packetsLost, frameWidth } = video ?? {};
            const { packetsReceived } = audio ?? {};
            return {
              status,
              location,
              framesDecoded,
              packetsLost,
              frameWidth,
              packetsReceived,
              ended: ended.status,
              again: again.status,
            };
          }
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }, SECONDS);
      expect(heard).toMatchObject({ status: 201, packetsLost: 0, frameWidth: 640, ended: 200, again: 404 });
      expect(heard.location).toMatch(/^whep\/[0-9a-f-]{36}$/);
      expect(heard.framesDecoded).toBeGreaterThan(SECONDS * 10);
      expect(heard.packetsReceived).toBeGreaterThan(SECONDS * 20);
      await page.close();
    }),
  );

  test('plays HLS through hls.js on the HLS port and below the main port', async () => {
    const places = inShort(['its own port', 'the main port'], 'the main port');
    for (const place of places) {
      const address =
        place === 'the main port' ? `${agent.url}/hls/demo/` : `http://127.0.0.1:${agent.ports.hls}/demo/`;
      const openedMs = Date.now();
      const page = await viewer.open(address);
      await framesDecoded(page, SECONDS * 10);
      expect(await timeShownAfter(page, openedMs)).toBeLessThanOrEqual(Date.now());
      await page.close();
    }
  });

  inLong(() =>
    test('plays and seeks in recordings: the picture at a moment is the picture of that moment', async () => {
      const span = await until(async () => {
        const [first] = await agent.json<Span[]>('/playback/list?path=demo').catch(() => []);
        return first && first.duration > SECONDS ? first : undefined;
      });
      const start = encodeURIComponent(span.start);
      for (const format of ['fmp4', 'mp4']) {
        const source = `/playback/get?path=demo&start=${start}&duration=${SECONDS}&format=${format}`;
        const page = await viewer.open(`${agent.url}/health`);
        await page.setContent('<video muted preload="auto"></video>');
        await page.evaluate(
          (url) =>
            new Promise<void>((resolve, reject) => {
              const video = document.querySelector('video') as HTMLVideoElement;
              video.onerror = () => reject(new Error(video.error?.message));
              video.onloadeddata = () => resolve();
              video.src = url;
            }),
          `${agent.url}${source}`,
        );
        // The time in the picture at the start, taken from the first one read.
        let firstMs: number | undefined;
        for (const at of [0.5, SECONDS - 1, SECONDS / 2, 1.25]) {
          // On a busy machine the demo leaves pictures out: the shown picture has its own time.
          const shownAt = await page.evaluate(
            (seconds) =>
              new Promise<number>((resolve) => {
                const video = document.querySelector('video') as HTMLVideoElement;
                const sought = new Promise((done) => {
                  video.onseeked = done;
                });
                video.requestVideoFrameCallback((_now, { mediaTime }) => void sought.then(() => resolve(mediaTime)));
                video.currentTime = seconds;
              }),
            at,
          );
          expect(shownAt, `${format} at ${at} s`).toBeLessThanOrEqual(at);
          const shownMs = (await timeShown(page)) ?? Number.NaN;
          firstMs ??= shownMs - shownAt * 1000;
          expect(Math.abs(shownMs - shownAt * 1000 - firstMs), `${format} at ${at} s`).toBeLessThan(PICTURE_MS);
          expect(Math.abs(firstMs - Date.parse(span.start)), 'the label of the recording').toBeLessThan(LABEL_MS);
        }
        const played = await page.evaluate(async () => {
          const video = document.querySelector('video') as HTMLVideoElement;
          video.currentTime = 0;
          await video.play();
          await new Promise((resolve) => video.addEventListener('ended', resolve, { once: true }));
          return { duration: video.duration, frames: video.getVideoPlaybackQuality().totalVideoFrames };
        });
        // Its last picture lasts until the next one that the demo did not leave out.
        expect(played.duration).toBeGreaterThan(SECONDS - 0.5);
        expect(played.duration).toBeLessThan(SECONDS + 2);
        expect(played.frames).toBeGreaterThan(SECONDS * 10);
        await page.close();
      }
    }),
  );
});
