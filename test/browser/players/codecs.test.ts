import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../agent/base/clock.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import { cors } from '../../../agent/http/listener/cors.ts';
import { installErrorHandler } from '../../../agent/http/listener/errors.ts';
import { hlsPlugin } from '../../../agent/servers/hls/delivery/plugin.ts';
import { HlsServer } from '../../../agent/servers/hls/server/server.ts';
import { WebRtcServer } from '../../../agent/servers/webrtc/server/server.ts';
import { webrtcPlugin } from '../../../agent/servers/webrtc/signalling/plugin.ts';
import { Stream } from '../../../agent/stream/stream.ts';
import { framesDecoded, pictureOf, startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { CLIP_FPS, type ClipCodec, type CodedClip, codedClip } from '../../peers/cameras/coded-clip.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';
import { WEBRTC_OPTIONS } from '../../support/clients/webrtc/webrtc-options.ts';
import { webrtcPaths } from '../../support/clients/webrtc/webrtc-paths.ts';
import { openAccess } from '../../support/harness/http/open-access.ts';

const SECONDS = byLength(1, 20);
const CLIP_SECONDS = 3;
const PLAYED = inShort(
  [
    ['av1', 'webrtc'],
    ['vp9', 'webrtc'],
    ['vp8', 'webrtc'],
    ['av1', 'hls'],
    ['vp9', 'hls'],
  ] as const,
  ...['av1 webrtc', 'vp9 hls'],
);
const NOT_PLAYED = inShort(
  [
    ['mjpeg', 'webrtc', 'the video is M-JPEG, which no browser takes over WebRTC: set the camera to H264'],
    ['mpeg4-video', 'webrtc', 'the video is MPEG-4 Video, which no browser takes over WebRTC'],
    ['vp8', 'hls', "The stream on path 'vp8' has VP8, which HLS does not support"],
    ['mjpeg', 'hls', "The stream on path 'mjpeg' has M-JPEG, which HLS does not support"],
    ['mpeg4-video', 'hls', "The stream on path 'mpeg4-video' has MPEG-4 Video, which HLS does not support"],
  ] as const,
  ...['mjpeg webrtc', 'mjpeg hls'],
);
const CODECS: ReadonlySet<ClipCodec> = new Set([...PLAYED, ...NOT_PLAYED].map(([codec]) => codec));

/** A camera that repeats its clip in real time. */
function play({ track, units }: CodedClip): { stream: Stream; stop: () => void } {
  const stream = new Stream([track]);
  let number = 0;
  const stop = systemClock.every(1000 / CLIP_FPS, () => {
    const unit = units[number % units.length];
    if (unit) {
      const pts = number * (90_000 / CLIP_FPS);
      stream.write(0, { pts, dts: pts, wall: Date.now(), key: unit.key, data: unit.data });
    }
    number += 1;
  });
  return { stream, stop };
}

describeWith(['chromium', 'ffmpeg'], 'Chromium and the codecs of cameras', () => {
  const cameras: { stream: Stream; stop: () => void }[] = [];
  let viewer: Viewer;
  let webrtc: WebRtcServer;
  let hls: HlsServer;
  let app: FastifyInstance;
  let url = '';

  beforeAll(async () => {
    const streams = new Map<string, Stream>();
    for (const codec of CODECS) {
      const camera = play(await codedClip(codec, CLIP_SECONDS));
      cameras.push(camera);
      streams.set(codec, camera.stream);
    }
    const lookup = webrtcPaths(async (path) => streams.get(path) as Stream);
    webrtc = new WebRtcServer(WEBRTC_OPTIONS, lookup, systemClock, silentLogger);
    await webrtc.listen();
    const sizes = { segmentCount: 7, segmentDurationMs: 1000, partDurationMs: 200, segmentMaxBytes: 50 << 20 };
    const hlsOptions = { variant: 'lowLatency' as const, ...sizes, closeAfterMs: 60_000 };
    hls = new HlsServer(hlsOptions, lookup, systemClock, silentLogger);
    app = fastify({ forceCloseConnections: true });
    installErrorHandler(app);
    const shared = {
      access: openAccess,
      cors: (methods: string, headers: string) => cors(() => ['*'], methods, headers),
    };
    await app.register(webrtcPlugin, { ...shared, server: webrtc, iceServers: [], prefix: '/webrtc' });
    await app.register(hlsPlugin, { ...shared, server: hls, prefix: '/hls' });
    url = await app.listen({ host: '127.0.0.1', port: 0 });
    viewer = await startViewer();
  });

  afterAll(async () => {
    for (const camera of cameras) {
      camera.stop();
    }
    await viewer?.[Symbol.asyncDispose]();
    await webrtc?.close();
    hls?.close();
    await app?.close();
  });

  /** The middle of the test picture: a grey screen has no contrast. */
  async function contrast(page: Parameters<typeof pictureOf>[0]): Promise<number> {
    const { luma } = await pictureOf(page);
    return Math.max(...luma.subarray(0, 20_000)) - Math.min(...luma.subarray(0, 20_000));
  }

  test.for(PLAYED)('%s plays over %s', async ([codec, protocol]) => {
    const page = await viewer.open(`${url}/${protocol}/${codec}/`);
    await framesDecoded(page, SECONDS * CLIP_FPS);
    const { width, height } = await pictureOf(page);
    expect([width, height]).toEqual([320, 240]);
    expect(await contrast(page)).toBeGreaterThan(100);
    await page.close();
  });

  test.for(NOT_PLAYED)('the page explains why %s does not play over %s', async ([codec, protocol, reason]) => {
    const page = await viewer.open(`${url}/${protocol}/${codec}/`);
    // The pages name it differently.
    const message = page.locator('#message, p:not([id])').first();
    await expect.poll(() => message.textContent(), { timeout: 10_000 }).toContain(reason);
    await page.close();
  });
});
