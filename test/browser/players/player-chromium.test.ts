import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Agent, PATIENT, startAgent, until } from '../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { addElement, type ElementState, elementState } from '../../peers/browser/element-page.ts';
import { type BarClip, barClip, TINY } from '../../peers/cameras/bar-clip.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { byLength, describeWith, HEADLESS, inLong, inShort } from '../../peers/programs/peers.ts';

const FRAMES = byLength(10, 600);
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
    /** Waits for this many pictures over this technology. */
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

  test('WebRTC is the first choice, and the label names it', async () => {
    const { plays } = await open({ src: 'cam', label: '' });
    expect(await plays('WebRTC')).toMatchObject({ passed: [], reason: '', label: 'WebRTC', size: [320, 180] });
  });

  test('without WebRTC it takes MSE, without that HLS, and gives the reason', async () => {
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

  test("it falls back to MSE if WebRTC's media do not get through", async () => {
    // Nothing answers at the box's announced address.
    const unreachable = (page: Page) =>
      page.addInitScript(() => {
        const { setRemoteDescription } = RTCPeerConnection.prototype;
        RTCPeerConnection.prototype.setRemoteDescription = function (answer: RTCSessionDescriptionInit) {
          const sdp = answer.sdp?.replace(/^(a=candidate:\S+ 1 \S+ \d+) \S+/gm, '$1 192.0.2.1') ?? '';
          return (setRemoteDescription as (answer: object) => Promise<void>).call(this, { type: 'answer', sdp });
        };
      });
    const { plays } = await open({ src: 'cam' }, { prepare: unreachable });
    const { passed } = await plays('MSE');
    expect(passed).toEqual([{ technology: 'WebRTC', kind: 'transport', reason: 'no connection within 5 s' }]);
  });

  test('a page without autoplay permission for sound plays muted, and with sound after a tap', async () => {
    const args = ['--no-sandbox', '--disable-gpu'];
    const browser = await chromium.launch({ executablePath: HEADLESS, args });
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    // A script from a driver counts as a tap: the page reports by itself.
    const message = page.waitForEvent('console');
    await page.goto(
      await serve(`<script src="${agent.url}/perch-video.js"></script><perch-video src="cam" ways="mse" autoplay></perch-video>
        <script>
          const element = document.querySelector('perch-video');
          element.onchange = () => element.phase === 'playing' && console.log(element.video.muted ? 'muted' : 'heard');
          document.onclick = () => { element.video.muted = false; };
        </script>`),
    );
    expect((await message).text()).toBe('muted');
    await page.mouse.click(5, 5);
    const { frames } = await elementState(page);
    const heard = await until(async () => {
      const state = await elementState(page);
      return state.frames > frames + 5 ? state : undefined;
    });
    expect(heard).toMatchObject({ muted: false, phase: 'playing' });
  });

  test.for(inShort(['webrtc', 'mse', 'hls'], 'webrtc'))(
    'a page of another site shows a camera over %s',
    async (ways) => {
      const page = await viewer.browser.newPage();
      onTestFinished(() => page.close());
      await page.goto(
        await serve(`<perch-video src="cam" ways="${ways}" autoplay muted></perch-video>
        <script src="${agent.url}/perch-video.js"></script>`),
      );
      await until(async () => ((await elementState(page)).frames >= FRAMES ? true : undefined));
      const { technology, passed } = await elementState(page);
      expect([technology?.toLowerCase(), passed]).toEqual([ways, []]);
    },
  );

  test('without autoplay it makes no request to the box before its button is pressed', async () => {
    const page = await viewer.browser.newPage();
    onTestFinished(() => page.close());
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('websocket', (socket) => asked.push(socket.url()));
    await page.goto(
      await serve(`<perch-video src="cam" controls></perch-video><script src="${agent.url}/perch-video.js"></script>`),
    );
    const button = page.getByRole('button', { name: 'Play' });
    await button.waitFor();
    expect(asked.filter((address) => address.includes('cam'))).toEqual([]);
    await button.click();
    await until(async () => ((await elementState(page)).frames >= FRAMES ? true : undefined));
    expect(await button.isVisible()).toBe(false);
    expect((await elementState(page)).muted).toBe(false);
  });

  test("from MediaMTX's HLS port it takes MSE", async () => {
    const { plays } = await open({ src: 'cam' }, { script: `http://127.0.0.1:${agent.ports.hls}/perch-video.js` });
    const { passed } = await plays('MSE');
    expect(passed).toEqual([{ technology: 'WebRTC', kind: 'unwanted', reason: 'it is not served here' }]);
  });

  test('audio that WebRTC does not support plays over MSE, and muting returns to WebRTC', async () => {
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

  inLong(() =>
    test('audio that WebRTC supports does not change the technology', async () => {
      const { page, plays, state } = await open({ src: 'cam' });
      await plays('WebRTC', 2);
      await page.evaluate(() => {
        (document.querySelector('perch-video') as unknown as { video: HTMLVideoElement }).video.muted = false;
      });
      expect(await plays('WebRTC')).toMatchObject({ muted: false });
      expect((await state()).passed).toEqual([]);
    }),
  );

  test('names H.265 without a decoder in Chromium, with a remedy, in the languages of the page', async () => {
    for (const [lang, words] of [
      ['en', 'This browser cannot play H.265. Try another browser, or set the camera to H.264.'],
      ['zh-CN', '此浏览器无法播放摄像头发送的 H.265。请换一个浏览器，或把摄像头设为 H.264。'],
    ] as const) {
      const { state } = await open({ src: 'h265', lang });
      const { reason, passed } = await until(async () => {
        const now = await state();
        return now.phase === 'unplayable' ? now : undefined;
      });
      expect(reason).toBe(words);
      // HLS is not requested for a codec that Media Source cannot decode.
      expect(passed.map(({ technology, kind }) => [technology, kind])).toEqual([
        ['WebRTC', 'codec'],
        ['MSE', 'codec'],
      ]);
    }
  });

  test('a camera that returns is shown again by itself, and meanwhile its last picture', async () => {
    const first = await publishClip(agent, 'gate', await barClip(TINY), { isEndless: true });
    const { plays, state } = await open({ src: 'gate', ways: 'mse' });
    await plays('MSE', 5);
    await first[Symbol.asyncDispose]();
    await until(async () => ((await state()).phase === 'waiting' ? true : undefined));
    await using _second = await publishClip(agent, 'gate', await barClip(TINY), { isEndless: true });
    await plays('MSE');
  });
});

/** A page of another site, for the duration of the test. @returns its address */
async function serve(body: string): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html').end(`<!doctype html><link rel="icon" href="data:,">${body}`);
  });
  onTestFinished(() => {
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Whether the video's captured sound is more than silence. */
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
