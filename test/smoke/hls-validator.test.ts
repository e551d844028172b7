import { afterAll, beforeAll, expect, test } from 'vitest';
import { getWithCookies, validate } from '../hls-validator/validate.ts';
import { type Agent, startAgent } from '../peers/agent/agent.ts';
import { type BarClip, barClip, SMALL } from '../peers/cameras/bar-clip.ts';
import { clip } from '../peers/cameras/camera.ts';
import { targetDuration } from '../peers/clients/hls-playlists.ts';
import { publishClip } from '../peers/clients/publisher.ts';
import { byLength, describeWith, inShort } from '../peers/programs/peers.ts';

const SECONDS = byLength(6, 60);
/** Playlists per second that a client must check: with the machine to itself, and on a busy one. */
const ROUNDS_A_SECOND = byLength(1, 3);

const VARIANTS = ['lowLatency', 'fmp4', 'mpegts'] as const;

/** Streams of the cameras, with small pictures, so that busy machines keep up. */
const CAMERAS: Readonly<Record<string, BarClip>> = {
  usual: { ...SMALL, audio: 'aac' },
  'long-groups': { ...SMALL, groupSeconds: 4, audio: 'aac', kilobitsPerSecond: 400 },
  reordered: { ...SMALL, bFrames: 2, audio: 'pcm_alaw' },
};

const SOUND = ['-f', 'lavfi', '-i', 'sine=f=440:r=48000', '-t', '20', '-c:a', 'aac', '-b:a', '64k'];

/** Transport streams have no place for A-law. */
const codecsOf = (variant: string, name: string): number =>
  name === 'sound' || (variant === 'mpegts' && name === 'reordered') ? 1 : 2;

const CASES = inShort(
  VARIANTS.flatMap((variant) => [...Object.keys(CAMERAS), 'sound'].map((name) => [variant, name] as const)),
  ...['lowLatency usual', 'lowLatency sound', 'fmp4 long-groups', 'mpegts reordered'],
);

describeWith(['ffmpeg'], 'the rules of HLS, held by a client that believes nothing', () => {
  const agents = new Map<string, Agent>();
  const started: AsyncDisposable[] = [];
  beforeAll(async () => {
    const pictures = Object.entries(CAMERAS).map(async ([name, of]) => [name, await barClip(of)] as const);
    const clips = await Promise.all([
      ...pictures,
      clip('sine-aac-20.mp4', SOUND).then((file) => ['sound', file] as const),
    ]);
    await Promise.all(
      VARIANTS.map(async (variant) => {
        const agent = await startAgent({ config: `hlsVariant: ${variant}\npaths:\n  all_others:\n` });
        agents.set(variant, agent);
        started.push(agent);
        const publishers = clips
          .filter(([name]) => CASES.some((one) => one[0] === variant && one[1] === name))
          .map(([name, clip]) => publishClip(agent, name, clip, { isEndless: true }));
        started.unshift(...(await Promise.all(publishers)));
      }),
    );
  });
  afterAll(async () => {
    for (const one of started) {
      await one[Symbol.asyncDispose]();
    }
  });

  test.concurrent.for(CASES)('%s, camera %s: no rule is broken', async ([variant, name]) => {
    const url = `http://127.0.0.1:${agents.get(variant)?.ports.hls}/${name}/index.m3u8`;
    const isLowLatency = variant === 'lowLatency';
    if (name === 'long-groups') {
      await targetDuration(url, CAMERAS[name]?.groupSeconds ?? 0);
    }
    const options = { url, seconds: SECONDS, isLowLatency, get: getWithCookies() };
    const { violations, multivariant, followers, reports } = await validate(options);
    expect(violations).toEqual([]);
    expect(multivariant.variants[0]?.codecs).toHaveLength(codecsOf(variant, name));
    expect(reports).toBeGreaterThanOrEqual(isLowLatency && followers.size > 1 ? SECONDS : 0);
    for (const { counts, history } of followers.values()) {
      const last = history.at(-1)?.media;
      const target = last?.targetDurationS ?? 0;
      expect(counts.segments).toBeGreaterThanOrEqual(SECONDS / target - 1);
      if (isLowLatency) {
        expect(counts.gzipped).toBeGreaterThan(0);
        // Five parts a second.
        expect(counts.parts).toBeGreaterThan(SECONDS * ROUNDS_A_SECOND);
        expect(history.length).toBeGreaterThan(SECONDS * ROUNDS_A_SECOND);
      }
    }
  });

  test.concurrent('a client that has no cookies and asks from time to time finds no broken rule in low latency either', async () => {
    const url = `http://127.0.0.1:${agents.get('lowLatency')?.ports.hls}/usual/index.m3u8`;
    const { violations } = await validate({ url, seconds: SECONDS, isLowLatency: false });
    expect(violations).toEqual([]);
  });
});
