import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, mediaEverywhere, startAgent, until } from '../peers/agent/agent.ts';
import { addElement, elementState } from '../peers/browser/element-page.ts';
import { type Firefox, startFirefox } from '../peers/browser/firefox.ts';
import { barClip, TINY } from '../peers/cameras/bar-clip.ts';
import { clip } from '../peers/cameras/camera.ts';
import { publishClip } from '../peers/clients/publisher.ts';
import { byLength, describeWith, inLong, inShort } from '../peers/programs/peers.ts';

const SECONDS = byLength(2, 60);

/** How far the video has played, and whether its pixels have more than one colour. */
const playedOf = (page: Page): Promise<{ playedS: number; colours: number }> =>
  page.evaluate(() => {
    const { video } = document.querySelector('perch-video') as unknown as { video: HTMLVideoElement };
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d');
    context?.drawImage(video, 0, 0, canvas.width, canvas.height);
    const pixels = context?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    return {
      playedS: video.played.length > 0 ? video.played.end(video.played.length - 1) - video.played.start(0) : 0,
      colours: new Set(pixels).size,
    };
  });

describeWith(['firefox', 'ffmpeg'], '<perch-video> in Firefox', () => {
  const publishers: AsyncDisposable[] = [];
  let agent: Agent;
  let firefox: Firefox;

  beforeAll(async () => {
    [agent, firefox] = await Promise.all([
      startAgent({ config: 'api: yes\npaths:\n  all_others:\n', listen: mediaEverywhere }),
      startFirefox(),
    ]);
    for (const video of ['h264', 'h265'] as const) {
      const file = await barClip({ ...TINY, video, audio: 'opus' });
      publishers.push(await publishClip(agent, video, file, { isEndless: true }));
    }
    const tone = await clip('tone-opus.mkv', [
      '-f',
      'lavfi',
      '-i',
      'sine=f=440:r=48000:d=20',
      '-c:a',
      'libopus',
      '-ac',
      '2',
    ]);
    publishers.push(await publishClip(agent, 'tone', tone, { isEndless: true }));
  });
  afterAll(async () => {
    for (const one of [firefox, ...publishers, agent]) {
      await one?.[Symbol.asyncDispose]();
    }
  });

  // Debian's Firefox has no WebRTC decoder for either, but one for Media Source.
  const VIDEOS = [
    ['h264', 'H264', 'H.264'],
    ['h265', 'H265', 'H.265'],
  ] as const;
  test.for(inShort(VIDEOS, 'h264'))(
    '%s goes from the refusal of WebRTC to MSE by itself, and plays there',
    async ([path, label, codec]) => {
      const page = await firefox.open(`${agent.url}/health`);
      await addElement(page, `${agent.url}/perch-video.js`, { src: path, autoplay: '', muted: '' });
      const { passed } = await until(async () => {
        const state = await elementState(page);
        return state.technology === 'MSE' && state.phase === 'playing' ? state : undefined;
      });
      expect(passed).toMatchObject([{ technology: 'WebRTC', kind: 'codec' }]);
      expect(passed[0]?.reason).toContain(`the video is ${label} and this player does not offer`);
      const played = await until(async () => {
        const now = await playedOf(page);
        return now.playedS >= SECONDS ? now : undefined;
      });
      expect(played.colours).toBeGreaterThan(10);
      const { size, reason } = await elementState(page);
      expect({ size, reason }).toEqual({ size: [TINY.width, TINY.height], reason: '' });
      const { codec: shown } = (await page.evaluate(() =>
        (document.querySelector('perch-video') as unknown as { facts(): Promise<{ codec?: string }> }).facts(),
      )) as { codec?: string };
      expect(shown).toBe(codec);
      await page.close();
    },
  );

  inLong(() =>
    test.for([
      ['webrtc', 'WebRTC'],
      ['mse', 'MSE'],
      ['hls', 'HLS'],
    ] as const)('audio alone plays over %s', async ([ways, technology]) => {
      const page = await firefox.open(`${agent.url}/health`);
      await addElement(page, `${agent.url}/perch-video.js`, { src: 'tone', ways, autoplay: '', muted: '' });
      const state = await until(async () => {
        const now = await elementState(page);
        return now.phase === 'playing' ? now : undefined;
      });
      expect(state).toMatchObject({ technology, reason: '', size: [0, 0] });
      await page.close();
    }),
  );
});
