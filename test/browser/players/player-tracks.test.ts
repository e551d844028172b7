import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Agent, PATIENT, startAgent, until } from '../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { addElement, type ElementState, elementState } from '../../peers/browser/element-page.ts';
import { barClip, TINY } from '../../peers/cameras/bar-clip.ts';
import { clip } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';

const CONFIG = `api: yes\n${PATIENT}paths:\n  all_others:\n`;
const WHY = 'This browser cannot play H.265. Try another browser, or set the camera to H.264.';
const TONE = ['-f', 'lavfi', '-i', 'sine=f=440:r=48000:d=20'];

describeWith(['chromium', 'ffmpeg'], 'Chromium with cameras whose tracks it can play in part', () => {
  const publishers: AsyncDisposable[] = [];
  let agent: Agent;
  let viewer: Viewer;

  beforeAll(async () => {
    [agent, viewer] = await Promise.all([startAgent({ config: CONFIG }), startViewer()]);
    const clips = {
      h265: await barClip({ ...TINY, video: 'h265', audio: 'aac' }),
      opus: await clip('tone-opus.mkv', [...TONE, '-c:a', 'libopus', '-ac', '2']),
      aac: await clip('tone-aac.mkv', [...TONE, '-c:a', 'aac', '-ac', '1']),
    };
    for (const [name, file] of Object.entries(clips)) {
      publishers.push(await publishClip(agent, name, file, { isEndless: true }));
    }
  });
  afterAll(async () => {
    for (const one of [viewer, ...publishers, agent]) {
      await one?.[Symbol.asyncDispose]();
    }
  });

  async function open(attributes: Readonly<Record<string, string>>): Promise<Page> {
    const page = await viewer.browser.newPage();
    onTestFinished(() => page.close());
    await page.goto(`${agent.url}/health`);
    await addElement(page, `${agent.url}/perch-video.js`, { autoplay: '', muted: '', ...attributes });
    return page;
  }

  const reaches = (page: Page, phase: string): Promise<ElementState> =>
    until(async () => {
      const state = await elementState(page);
      return state.phase === phase ? state : undefined;
    });

  const WAYS = [
    ['webrtc mse hls', ['WebRTC', 'MSE']],
    ['mse', ['MSE']],
    ['hls', ['HLS']],
  ] as const;
  test.for(inShort(WAYS, 'webrtc'))(
    'for H.265 with audio by %s the viewer sees that it cannot be played, and why',
    async ([ways, tried]) => {
      const { reason, technology, passed } = await reaches(await open({ src: 'h265', ways, lang: 'en' }), 'unplayable');
      expect([reason, technology]).toEqual([WHY, undefined]);
      expect(passed.map((way) => [way.technology, way.kind])).toEqual(tried.map((name) => [name, 'codec']));
    },
  );

  test('an unplayable stream is not requested repeatedly', async () => {
    const page = await viewer.browser.newPage();
    onTestFinished(() => page.close());
    const asked: string[] = [];
    page.on('websocket', (socket) => asked.push(socket.url()));
    await page.goto(`${agent.url}/#/live/h265`);
    await page.getByText('H.265').first().waitFor();
    const before = asked.length;
    expect(before).toBeGreaterThan(0);
    // The box's events arrive with each check; many more change nothing.
    for (let i = 0; i < 2; i += 1) {
      await page.waitForResponse((response) => response.url().includes('/v3/'));
    }
    expect(asked.length).toBe(before);
  });

  test('the page shows the same mark, on the tile and on the camera, for audio without video', async () => {
    const page = await viewer.browser.newPage();
    onTestFinished(() => page.close());
    for (const place of ['', '#/live/opus']) {
      await page.goto(`${agent.url}/${place}`);
      await page.locator('.surface.playing.sound-alone > .sound-mark').first().waitFor();
    }
  });

  const SOUNDS = [
    ['opus', 'webrtc', 'WebRTC'],
    ['aac', 'webrtc', 'WebRTC'],
    ['opus', 'mse', 'MSE'],
    ['aac', 'hls', 'HLS'],
  ] as const;
  test.for(inShort(SOUNDS, 'opus mse', 'aac hls'))(
    'audio alone, %s over %s, plays, with a mark in place of the picture',
    async ([src, ways, technology]) => {
      const page = await open({ src, ways });
      expect(await reaches(page, 'playing')).toMatchObject({ technology, reason: '', size: [0, 0] });
      expect(await hasMark(page)).toBe(true);
    },
  );
});

const hasMark = (page: Page): Promise<boolean> =>
  page.evaluate(() => {
    const mark = document.querySelector('perch-video')?.shadowRoot?.querySelector('.surface.sound-alone > .sound-mark');
    return mark != null && getComputedStyle(mark).display !== 'none' && getComputedStyle(mark).opacity !== '0';
  });
