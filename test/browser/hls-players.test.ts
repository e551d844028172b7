import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent } from '../peers/agent.ts';
import { type BarClip, barClip, TINY } from '../peers/bar-clip.ts';
import { startViewer, type Viewer } from '../peers/browser.ts';
import { playHls, stepsOf } from '../peers/hls-player.ts';
import { segmentsListed } from '../peers/hls-playlists.ts';
import { byLength, describeWith } from '../peers/peers.ts';
import { publishClip } from '../peers/publisher.ts';

const SECONDS = byLength(8, 60);
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

/** Players begin three segments before the end, where there are so many, and wait for more where there are not. */
const ENOUGH_TO_BEGIN = 5;

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

  test.for(PLAYERS)('%s with %s: no stall, no gap, no picture twice', async ([variant, kind]) => {
    const base = `http://127.0.0.1:${agents.get(variant)?.ports.hls}`;
    await segmentsListed(`${base}/cam/index.m3u8`, ENOUGH_TO_BEGIN);
    const page = await viewer.open(`${base}/cam/hls.min.js`);
    const report = await playHls(page, `${base}/cam/index.m3u8`, kind, SECONDS);
    await page.close();
    expect(report.errors).toEqual([]);
    expect(report.stalls).toBe(0);
    expect([...report.size, report.hasSound]).toEqual([CLIP.width, CLIP.height, true]);
    const steps = stepsOf(report.pictures, CLIP.seconds * 1000, 1000 / CLIP.fps);
    expect(steps.wrong).toEqual([]);
    expect(steps.count).toBeGreaterThan(SECONDS * CLIP.fps * 0.8);
  });
});
