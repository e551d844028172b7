import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Agent, PATIENT, startAgent, until } from '../peers/agent.ts';
import { type BarClip, barClip, TINY } from '../peers/bar-clip.ts';
import { startViewer, type Viewer } from '../peers/browser.ts';
import { addElement, type ElementState, elementState } from '../peers/element-page.ts';
import { byLength, describeWith } from '../peers/peers.ts';
import { publishClip } from '../peers/publisher.ts';

const FRAMES = byLength(20, 600);
const CONFIG = `api: yes\n${PATIENT}paths:\n  all_others:\n`;
const CLIPS: Readonly<Record<string, BarClip>> = {
  cam: { ...TINY, audio: 'opus' },
  surround: { ...TINY, audio: 'aac 5.1' },
  h265: { ...TINY, video: 'h265' },
};

describeWith(['chromium', 'ffmpeg'], '<perch-video> in Chromium', () => {
  const publishers: AsyncDisposable[] = [];
  let agent: Agent;
  let viewer: Viewer;

  beforeAll(async () => {
    [agent, viewer] = await Promise.all([startAgent({ config: CONFIG }), startViewer()]);
    for (const [name, clip] of Object.entries(CLIPS)) {
      publishers.push(await publishClip(agent, name, await barClip(clip), { isEndless: true }));
    }
  });
  afterAll(async () => {
    for (const one of [viewer, ...publishers, agent]) {
      await one?.[Symbol.asyncDispose]();
    }
  });

  interface Opened {
    readonly page: Page;
    state(): Promise<ElementState>;
    /** Waits for that many pictures that come by this way. */
    plays(technology: string, frames?: number): Promise<ElementState>;
  }

  async function open(
    attributes: Readonly<Record<string, string>>,
    { script = `${agent.url}/perch-video.js`, prepare = async (_page: Page): Promise<unknown> => undefined } = {},
  ): Promise<Opened> {
    const page = await viewer.browser.newPage();
    onTestFinished(() => page.close());
    await prepare(page);
    await page.goto(`${agent.url}/health`);
    await addElement(page, script, { autoplay: '', muted: '', ...attributes });
    return {
      page,
      state: () => elementState(page),
      plays: async (technology, frames = FRAMES) => {
        let before: number | undefined;
        return until(async () => {
          const state = await elementState(page);
          if (state.technology !== technology || state.phase !== 'playing') {
            before = undefined;
            return undefined;
          }
          before ??= state.frames;
          return state.frames - before >= frames ? state : undefined;
        });
      },
    };
  }

  test('WebRTC is the first choice, and the label says so', async () => {
    const { plays } = await open({ src: 'cam', label: '' });
    expect(await plays('WebRTC')).toMatchObject({ passed: [], reason: '', label: 'WebRTC', size: [320, 180] });
  });

  test.for(['webrtc', 'mse', 'hls'])('%s alone plays too', async (ways) => {
    const { plays, state } = await open({ src: 'cam', ways });
    const names: Record<string, string> = { webrtc: 'WebRTC', mse: 'MSE', hls: 'HLS' };
    await plays(names[ways] ?? '');
    expect((await state()).passed).toEqual([]);
  });

  test('without WebRTC it takes MSE, without that HLS, and says why', async () => {
    const noWebRtc = (page: Page) => page.addInitScript(() => Reflect.deleteProperty(window, 'RTCPeerConnection'));
    const { plays } = await open({ src: 'cam' }, { prepare: noWebRtc });
    const { passed } = await plays('MSE');
    expect(passed).toMatchObject([{ technology: 'WebRTC', kind: 'transport', reason: 'this browser has no WebRTC' }]);

    const neither = async (page: Page) => {
      await noWebRtc(page);
      await page.routeWebSocket(/\/mse\?/, (socket) => socket.close());
    };
    const other = await open({ src: 'cam' }, { prepare: neither });
    const last = await other.plays('HLS');
    expect(last.passed.map(({ technology }) => technology)).toEqual(['WebRTC', 'MSE']);
    expect(last.passed[1]?.reason).toContain('WebSocket');
  });

  test("from MediaMTX's HLS port it takes MSE", async () => {
    const { plays } = await open({ src: 'cam' }, { script: `http://127.0.0.1:${agent.ports.hls}/perch-video.js` });
    const { passed } = await plays('MSE');
    expect(passed).toEqual([{ technology: 'WebRTC', kind: 'unwanted', reason: 'it is not served here' }]);
  });

  test('sound that WebRTC lacks is heard over MSE, and silence brings WebRTC back', async () => {
    const { page, plays } = await open({ src: 'surround' });
    await plays('WebRTC', 2);
    const mute = (isMuted: boolean) =>
      page.evaluate((muted) => {
        (document.querySelector('perch-video') as unknown as { video: HTMLVideoElement }).video.muted = muted;
      }, isMuted);
    await mute(false);
    const { passed, muted } = await plays('MSE');
    expect({ muted, passed }).toEqual({
      muted: false,
      passed: [{ technology: 'WebRTC', kind: 'unwanted', reason: "it does not carry this camera's sound" }],
    });
    expect(await soundIsHeard(page)).toBe(true);
    await mute(true);
    await plays('WebRTC');
  });

  test('sound that WebRTC has does not move', async () => {
    const { page, plays, state } = await open({ src: 'cam' });
    await plays('WebRTC', 2);
    await page.evaluate(() => {
      (document.querySelector('perch-video') as unknown as { video: HTMLVideoElement }).video.muted = false;
    });
    expect(await plays('WebRTC')).toMatchObject({ muted: false });
    expect((await state()).passed).toEqual([]);
  });

  test('H.265 that Chromium has no decoder for is named, with the way out, in the languages of the page', async () => {
    for (const [lang, words] of [
      [
        'en',
        'This browser cannot play H.265, which the camera sends. Try another browser, or set the camera to H.264.',
      ],
      ['zh-CN', '此浏览器无法播放摄像头发送的 H.265。请换一个浏览器，或把摄像头设为 H.264。'],
    ] as const) {
      const { state } = await open({ src: 'h265', lang });
      const { reason, passed } = await until(async () => {
        const now = await state();
        return now.phase === 'unplayable' ? now : undefined;
      });
      expect(reason).toBe(words);
      // What Media Source cannot decode HLS is not asked for.
      expect(passed.map(({ technology, kind }) => [technology, kind])).toEqual([
        ['WebRTC', 'codec'],
        ['MSE', 'codec'],
      ]);
    }
  });

  test('a camera that comes back is shown again by itself, and what is seen of it meanwhile is its last picture', async () => {
    const first = await publishClip(agent, 'gate', await barClip(TINY), { isEndless: true });
    const { plays, state } = await open({ src: 'gate', ways: 'mse' });
    await plays('MSE', 5);
    await first[Symbol.asyncDispose]();
    await until(async () => ((await state()).phase === 'waiting' ? true : undefined));
    await using _second = await publishClip(agent, 'gate', await barClip(TINY), { isEndless: true });
    await plays('MSE');
  });
});

/** Whether the video's sound is more than silence, by what the page can capture of it. */
const soundIsHeard = (page: Page): Promise<boolean> =>
  page.evaluate(async () => {
    const { video } = document.querySelector('perch-video') as unknown as { video: HTMLVideoElement };
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    const stream = (video as HTMLVideoElement & { captureStream(): MediaStream }).captureStream();
    context.createMediaStreamSource(new MediaStream(stream.getAudioTracks())).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    for (;;) {
      analyser.getFloatTimeDomainData(samples);
      if (samples.some((sample) => Math.abs(sample) > 0.01)) {
        return true;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
