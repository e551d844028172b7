import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { startDemoAgent } from '../peers/agent/demo-agent.ts';
import { startViewer, type Viewer } from '../peers/browser/browser.ts';
import { hlsReport, lagNowMs, playHls, stepsOf } from '../peers/browser/hls-player.ts';
import { type BarClip, barClip, TINY } from '../peers/cameras/bar-clip.ts';
import { segmentsListed } from '../peers/clients/hls-playlists.ts';
import { publishClip } from '../peers/clients/publisher.ts';
import { byLength, describeWith, inLong, inShort, LENGTH } from '../peers/programs/peers.ts';

const SECONDS = byLength(5, 60);
const CLIP: BarClip = { ...TINY, audio: 'aac' };
const VARIANTS = ['lowLatency', 'fmp4', 'mpegts'] as const;
const PLAYERS = [
  ['lowLatency', 'hls.js low latency'],
  ['lowLatency', 'hls.js'],
  ['lowLatency', 'native'],
  ['fmp4', 'hls.js'],
  ['fmp4', 'native'],
  ['mpegts', 'hls.js'],
  ['mpegts', 'native'],
] as const;

/** Next to other suites, data delayed by a busy machine may be too late for players with little buffer. */
const QUIET_MS = byLength(40, Number.POSITIVE_INFINITY);
const STALLED = /^bufferStalledError:/;

/** Players begin three segments before the end, and wait for more if the list has fewer. */
const ENOUGH_TO_BEGIN = 5;

/** hls.js plays faster until it has made good the first, and would never make good the second: a jump does. */
const BEHIND_MS = [1_500, 6_000] as const;

/** hls.js without low latency asks for the last part of a segment of one second, and waits 0.8 s for it before it asks again. */
const OWN_TIMEOUT: Readonly<Record<string, RegExp>> = { 'hls.js': /^(level|audioTrack)LoadTimeOut:/ };

describeWith(['chromium', 'ffmpeg'], 'Chromium plays HLS', () => {
  const agents = new Map<string, Agent>();
  const started: AsyncDisposable[] = [];
  let viewer: Viewer;

  beforeAll(async () => {
    const clip = await barClip(CLIP);
    viewer = await startViewer();
    await Promise.all(
      VARIANTS.map(async (variant) => {
        const agent = await startAgent({
          config: `hlsVariant: ${variant}\nhlsAlwaysRemux: yes\npaths:\n  all_others:\n`,
        });
        agents.set(variant, agent);
        started.push(agent, await publishClip(agent, 'cam', clip, { isEndless: true }));
      }),
    );
  });
  afterAll(async () => {
    for (const one of [viewer, ...started.reverse()]) {
      await one[Symbol.asyncDispose]();
    }
  });

  // In short form side by side; the figures of the long one are each player's alone.
  const each = LENGTH === 'short' ? test.concurrent : test;

  each.for(inShort(PLAYERS, 'lowLatency hls.js low latency', 'fmp4 native', 'mpegts hls.js'))(
    '%s with %s: no stall, no gap, no picture twice',
    async ([variant, kind]) => {
      const base = `http://127.0.0.1:${agents.get(variant)?.ports.hls}`;
      await segmentsListed(`${base}/cam/index.m3u8`, ENOUGH_TO_BEGIN);
      const page = await viewer.open(`${base}/cam/hls.min.js`);
      const delays = monitorEventLoopDelay({ resolution: 10 });
      delays.enable();
      const report = await playHls(page, `${base}/cam/index.m3u8`, kind, SECONDS);
      delays.disable();
      await page.close();
      const wasQuiet = delays.max / 1e6 < QUIET_MS;
      const errors = report.errors.filter((error) => !OWN_TIMEOUT[kind]?.test(error));
      expect(errors.filter((error) => wasQuiet || !STALLED.test(error))).toEqual([]);
      expect(wasQuiet ? report.stalls : 0).toBe(0);
      expect([...report.size, report.hasSound]).toEqual([CLIP.width, CLIP.height, true]);
      const steps = stepsOf(report.pictures, CLIP.seconds * 1000, 1000 / CLIP.fps);
      expect(steps.wrong).toEqual([]);
      expect(steps.count).toBeGreaterThan(SECONDS * CLIP.fps * 0.8);
    },
  );

  each.for(inShort(VARIANTS, 'lowLatency'))(
    '%s with native, opened at once in a first group of ten seconds: it begins and keeps playing',
    async (variant) => {
      const agent = agents.get(variant) as Agent;
      const path = `long-${variant}`;
      await using _publisher = await publishClip(agent, path, await barClip({ ...CLIP, groupSeconds: 10 }), {
        isEndless: true,
      });
      const base = `http://127.0.0.1:${agent.ports.hls}`;
      const page = await viewer.open(`${base}/${path}/hls.min.js`);
      const { errors, pictures } = await playHls(page, `${base}/${path}/index.m3u8`, 'native', SECONDS);
      await page.close();
      expect(errors).toEqual([]);
      expect(stepsOf(pictures, CLIP.seconds * 1000, 1000 / CLIP.fps).wrong).toEqual([]);
    },
  );

  inLong(() =>
    each('low latency shows what happened at most 1.5 s ago, by the clock in the picture', async () => {
      // The demo camera's pictures say when they were made.
      await using agent = await startDemoAgent();
      const base = `http://127.0.0.1:${agent.ports.hls}`;
      await segmentsListed(`${base}/demo/index.m3u8`, ENOUGH_TO_BEGIN);
      const page = await viewer.open(`${base}/demo/hls.min.js`);
      const { pictures, stalls, errors } = await playHls(
        page,
        `${base}/demo/index.m3u8`,
        'hls.js low latency',
        SECONDS,
      );
      await page.close();
      expect(errors).toEqual([]);
      expect(stalls).toBe(0);
      const lags = pictures.flatMap(({ wallMs, clockMs }) => (clockMs === undefined ? [] : [wallMs - clockMs]));
      lags.sort((a, b) => a - b);
      const [median = 0, most = Number.NaN] = [lags[lags.length >> 1], lags.at(-1)];
      process.stdout.write(`LL-HLS in Chromium: ${median} ms behind the camera, at most ${most} ms\n`);
      expect(most).toBeLessThan(1_500);
    }),
  );

  each.for(inShort(BEHIND_MS, '6000'))(
    'low latency returns near live after a delay of %i ms, and does not stall over that',
    async (behindMs) => {
      await using agent = await startDemoAgent();
      const base = `http://127.0.0.1:${agent.ports.hls}`;
      await segmentsListed(`${base}/demo/index.m3u8`, ENOUGH_TO_BEGIN);
      const page = await viewer.open(`${base}/demo/hls.min.js`);
      const before = lagNowMs(await playHls(page, `${base}/demo/index.m3u8`, 'hls.js low latency', 2));
      // Nothing is shown for this long; then it continues where it was.
      await page.evaluate(async (pauseMs) => {
        const video = document.querySelector('video') as HTMLVideoElement;
        video.pause();
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        await video.play();
      }, behindMs);
      const { length } = (await hlsReport(page)).pictures;
      // However long that takes a busy machine; without being hurried or sent ahead it would never be.
      const wanted = Math.min(before + behindMs / 2 - 250, byLength(Number.POSITIVE_INFINITY, 1_500));
      const report = await until(async () => {
        const { pictures, ...rest } = await hlsReport(page);
        const since = { ...rest, pictures: pictures.slice(length) };
        return since.pictures.length > 0 && lagNowMs(since) <= wanted ? since : undefined;
      });
      await page.close();
      process.stdout.write(`LL-HLS ${before} ms behind, some time after ${behindMs} ms more ${lagNowMs(report)} ms\n`);
      expect([report.stalls, report.errors]).toEqual([0, []]);
    },
  );

  each('the page of a path continues near live after a pause from which hls.js alone would not recover', async () => {
    const page = await viewer.open(`http://127.0.0.1:${agents.get('lowLatency')?.ports.hls}/cam/`);
    const inHandS = () =>
      page.evaluate(() => {
        const { buffered, currentTime } = document.querySelector('video') as HTMLVideoElement;
        return buffered.length > 0 && currentTime > 1 ? buffered.end(buffered.length - 1) - currentTime : undefined;
      });
    await until(inHandS);
    const video = (what: 'pause' | 'play') =>
      page.evaluate((name) => (document.querySelector('video') as HTMLVideoElement)[name](), what);
    await video('pause');
    const behindS = await until(async () => {
      const inHand = await inHandS();
      return inHand !== undefined && inHand > BEHIND_MS[1] / 1000 ? inHand : undefined;
    });
    await video('play');
    await until(async () => ((await inHandS()) ?? behindS) < behindS / 2 || undefined);
    await page.close();
  });
});
