// @also without-ffi in long

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../agent/base/clock.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import { cors } from '../../../agent/http/listener/cors.ts';
import { installErrorHandler } from '../../../agent/http/listener/errors.ts';
import { findStartCode, trimZeros } from '../../../agent/media/payload/nal.ts';
import type { H264Track, Track } from '../../../agent/media/sample/track.ts';
import { WebRtcServer } from '../../../agent/servers/webrtc/server/server.ts';
import { webrtcPlugin } from '../../../agent/servers/webrtc/signalling/plugin.ts';
import { Stream } from '../../../agent/stream/stream.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { CHROMIUM, describeWith } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { WEBRTC_OPTIONS } from '../../support/clients/webrtc/webrtc-options.ts';
import { webrtcPaths } from '../../support/clients/webrtc/webrtc-paths.ts';

const FPS = 25;
const TICKS = 90_000 / FPS;

interface Clip {
  readonly track: H264Track;
  readonly pictures: readonly { readonly key: boolean; readonly data: Uint8Array }[];
}

/** Two seconds of a test picture, a key frame each second, as ffmpeg encodes it. */
async function makeClip(): Promise<Clip> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-clip-'));
  const file = join(folder, 'clip.h264');
  const input = ['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=size=320x240:rate=${FPS}`, '-t', '2'];
  const coding = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-tune',
    'zerolatency',
    '-g',
    String(FPS),
    '-threads',
    '1',
  ];
  const { code, output } = await runProcess('ffmpeg', [...input, ...coding, '-f', 'h264', file]);
  expect([code, output]).toEqual([0, '']);
  const bytes = new Uint8Array(readFileSync(file));
  rmSync(folder, { recursive: true });

  const nalus: Uint8Array[] = [];
  for (let at = findStartCode(bytes, 0, bytes.length); at >= 0; ) {
    const next = findStartCode(bytes, at + 3, bytes.length);
    const end = next < 0 ? bytes.length : next;
    nalus.push(bytes.subarray(at + 3, trimZeros(bytes, at + 3, end)));
    at = next;
  }
  const ofType = (...types: number[]) => nalus.filter((nalu) => types.includes((nalu[0] ?? 0) & 0x1f));
  const size = { width: 320, height: 240, fps: FPS, clockRate: 90_000 } as const;
  const track: H264Track = {
    kind: 'video',
    codec: 'h264',
    ...size,
    sps: ofType(7)[0] as Uint8Array,
    pps: ofType(8).slice(0, 1),
  };
  const pictures = ofType(1, 5).map((nalu) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(nalu.length);
    return { key: ((nalu[0] ?? 0) & 0x1f) === 5, data: new Uint8Array(Buffer.concat([length, nalu])) };
  });
  return { track, pictures };
}

const H265: Track = {
  kind: 'video',
  codec: 'h265',
  width: 320,
  height: 240,
  fps: FPS,
  clockRate: 90_000,
  vps: Uint8Array.of(0x40, 1),
  sps: Uint8Array.of(0x42, 1, 1, 0x1f),
  pps: [Uint8Array.of(0x44, 1)],
};

describeWith(['chromium', 'ffmpeg'], 'the WebRTC player page in Chromium', () => {
  let viewer: Viewer;
  let server: WebRtcServer;
  let app: FastifyInstance;
  let url = '';
  let stopCamera = (): void => {};

  beforeAll(async () => {
    const clip = await makeClip();
    const sound: Track = { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8_000, channels: 1 };
    const streams: Record<string, Stream> = { cam: new Stream([clip.track, sound]), h265: new Stream([H265]) };
    let number = 0;
    stopCamera = systemClock.every(1000 / FPS, () => {
      const { key, data } = clip.pictures[number % clip.pictures.length] as Clip['pictures'][number];
      const pts = number * TICKS;
      streams['cam']?.write(0, { pts, dts: pts, wall: Date.now(), key, data });
      number += 1;
    });
    const lookup = webrtcPaths(async (path) => streams[path] as Stream);
    server = new WebRtcServer(WEBRTC_OPTIONS, lookup, systemClock, silentLogger);
    await server.listen();
    app = fastify();
    installErrorHandler(app);
    await app.register(webrtcPlugin, {
      server,
      access: { require: async () => {}, identify: (request) => ({ ip: request.ip }) },
      cors: (methods, headers) => cors(() => ['*'], methods, headers),
      iceServers: [],
      prefix: '/webrtc',
    });
    url = await app.listen({ host: '127.0.0.1', port: 0 });
    viewer = await startViewer(CHROMIUM);
  });

  afterAll(async () => {
    stopCamera();
    await viewer?.[Symbol.asyncDispose]();
    await server?.close();
    await app?.close();
  });

  test('it shows the moving picture, and leaving it ends the session', async () => {
    const page = await viewer.browser.newPage();
    await page.goto(`${url}/webrtc/cam`);
    expect(page.url()).toBe(`${url}/webrtc/cam/`);
    const played = () =>
      page.evaluate(() => {
        const video = document.querySelector('video') as HTMLVideoElement;
        return {
          frames: video.getVideoPlaybackQuality().totalVideoFrames,
          size: [video.videoWidth, video.videoHeight],
        };
      });
    await expect.poll(async () => (await played()).frames, { timeout: 10_000 }).toBeGreaterThan(FPS);
    expect((await played()).size).toEqual([320, 240]);
    expect(await page.textContent('#message')).toBe('');
    expect(server.list()).toHaveLength(1);
    expect(server.list()[0]).toMatchObject({ peerConnectionEstablished: true, outboundRTPPacketsReportedLost: 0 });
    await page.close({ runBeforeUnload: true });
    await expect.poll(() => server.list().length, { timeout: 10_000 }).toBe(0);
  });

  test('it explains why a stream does not play', async () => {
    const page = await viewer.browser.newPage();
    await page.goto(`${url}/webrtc/h265/`);
    const why = 'codecs not supported by client: the video is H265 and this player does not offer';
    await expect.poll(() => page.textContent('#message'), { timeout: 10_000 }).toContain(why);
    await page.close();
  });

  test("it follows the query's parameters", async () => {
    const page = await viewer.browser.newPage();
    await page.goto(`${url}/webrtc/cam/?controls=no&muted=0&autoplay=false`);
    const video = await page.evaluate(() => {
      const { controls, muted, autoplay, playsInline } = document.querySelector('video') as HTMLVideoElement;
      return { controls, muted, autoplay, playsInline };
    });
    expect(video).toEqual({ controls: false, muted: false, autoplay: false, playsInline: true });
    await page.close();
  });
});
