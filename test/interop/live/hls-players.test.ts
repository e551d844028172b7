import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent } from '../../peers/agent/agent.ts';
import { type BarClip, barClip, TINY } from '../../peers/cameras/bar-clip.ts';
import { segmentsListed } from '../../peers/clients/hls-playlists.ts';
import { readWithFfmpeg, readWithGstreamer, wrongSteps } from '../../peers/clients/hls-readers.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { byLength, describeWith, inShort, LENGTH } from '../../peers/programs/peers.ts';

const SECONDS = byLength(5, 60);
const CLIP: BarClip = { ...TINY, audio: 'aac' };
const PICTURES = { width: CLIP.width, height: CLIP.height, count: SECONDS * CLIP.fps };
const VARIANTS = inShort(['lowLatency', 'fmp4', 'mpegts'] as const, 'lowLatency', 'mpegts');
/** Pictures come every 100 ms; a busy machine may be late with some. */
const STALL_MS = 1_000;
/** Players begin three segments before the end, if the list has as many. */
const ENOUGH_TO_BEGIN = 5;

describeWith(['ffmpeg', 'gstreamer'], 'HLS read by other programs', () => {
  const agents = new Map<string, Agent>();
  const started: AsyncDisposable[] = [];
  const urlOf = (variant: string): string => `http://127.0.0.1:${agents.get(variant)?.ports.hls}/cam/index.m3u8`;

  beforeAll(async () => {
    const clip = await barClip(CLIP);
    await Promise.all(
      VARIANTS.map(async (variant) => {
        const agent = await startAgent({
          config: `hlsVariant: ${variant}\nhlsAlwaysRemux: yes\npaths:\n  all_others:\n`,
        });
        agents.set(variant, agent);
        started.unshift(agent);
        started.unshift(await publishClip(agent, 'cam', clip, { isEndless: true }));
        await segmentsListed(urlOf(variant), ENOUGH_TO_BEGIN);
      }),
    );
  });
  afterAll(async () => {
    for (const one of started) {
      await one[Symbol.asyncDispose]();
    }
  });

  const each = LENGTH === 'short' ? test.concurrent : test;

  each.for(VARIANTS)('ffmpeg, %s: every picture once, every sound, not a word at level warning', async (variant) => {
    const { clocksMs, soundTicks, messages } = await readWithFfmpeg(urlOf(variant), SECONDS, PICTURES);
    expect(messages).toBe('');
    expect(clocksMs.length).toBeGreaterThanOrEqual(PICTURES.count - 2);
    expect(wrongSteps(clocksMs, CLIP.seconds * 1000, 1000 / CLIP.fps)).toEqual([]);
    expect(soundTicks.length).toBeGreaterThanOrEqual((SECONDS * 48_000) / 1024 - 3);
  });

  each.for(inShort(VARIANTS, 'lowLatency'))('GStreamer, %s: every picture once, in time', async (variant) => {
    const { clocksMs, messages, longestWaitMs } = await readWithGstreamer(urlOf(variant), PICTURES);
    expect(messages).toBe('');
    expect(longestWaitMs).toBeLessThan(byLength(Number.POSITIVE_INFINITY, STALL_MS));
    expect(clocksMs.length).toBeGreaterThanOrEqual(PICTURES.count);
    expect(wrongSteps(clocksMs, CLIP.seconds * 1000, 1000 / CLIP.fps)).toEqual([]);
  });
});
