import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent } from '../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../peers/browser/browser.ts';
import { stepsOf } from '../peers/browser/hls-player.ts';
import { type LiveReport, playLive } from '../peers/browser/live-player.ts';
import { type BarClip, barClip, TINY } from '../peers/cameras/bar-clip.ts';
import { publishClip } from '../peers/clients/publisher.ts';
import { byLength, describeWith, inLong, inShort } from '../peers/programs/peers.ts';

const SECONDS = byLength(6, 60);
/** A new player determines its buffer first. */
const SETTLING_MS = 2_000;
/** Buffer that our player keeps behind the latest arrival, in ms (`live-edge.ts`). */
const IN_HAND_MS = 140;
/** The browser's own keeps nothing: a picture that is late by a fifth of its time is waited for. */
const LATE_PICTURES = 1.2;
/** Without a stall of the machine this long, nothing arrives late. */
const QUIET_MS = 40;
/** A player that has received the missing data continues. */
const GOES_ON_MS = 1_000;
const CAMERAS = {
  usual: { ...TINY, audio: 'aac' },
  'long-groups': { ...TINY, groupSeconds: 10, audio: 'pcm_alaw' },
  reordered: { ...TINY, bFrames: 2, audio: 'opus' },
} satisfies Readonly<Record<string, BarClip>>;
const NAMES = Object.keys(CAMERAS) as (keyof typeof CAMERAS)[];

interface Report extends LiveReport {
  /** Longest time that the machine let this process wait. */
  readonly heldUpMs: number;
}

describeWith(['chromium', 'ffmpeg'], 'Chromium plays live fMP4', () => {
  let agent: Agent;
  let viewer: Viewer;
  const started: AsyncDisposable[] = [];
  beforeAll(async () => {
    viewer = await startViewer();
    agent = await startAgent({ config: 'paths:\n  all_others:\n' });
    started.push(viewer, agent);
    for (const name of NAMES) {
      started.unshift(await publishClip(agent, name, await barClip(CAMERAS[name]), { isEndless: true }));
    }
  });
  afterAll(async () => {
    for (const one of started) {
      await one[Symbol.asyncDispose]();
    }
  });

  async function play(url: string): Promise<Report> {
    const page = await viewer.open(`http://127.0.0.1:${agent.ports.hls}/usual/hls.min.js`);
    const playing = await playLive(page, { url, readsClock: true });
    const delays = monitorEventLoopDelay({ resolution: 10 });
    delays.enable();
    const report = await playing.played(SECONDS);
    delays.disable();
    await page.close();
    return { ...report, heldUpMs: delays.max / 1e6 };
  }

  const settledMs = ({ pictures }: LiveReport): number => (pictures[0]?.wallMs ?? 0) + SETTLING_MS;

  /** Pictures shown after the player's last seek. @param share of the pictures that a busy machine shows at least */
  function expectSteady(report: LiveReport, name: keyof typeof CAMERAS, share: number): void {
    const { fps, seconds, width, height } = CAMERAS[name];
    expect(report.errors).toEqual([]);
    expect([...report.size, report.hasSound]).toEqual([width, height, true]);
    const pictures = report.pictures.filter(({ wallMs }) => wallMs >= settledMs(report));
    const steps = stepsOf(pictures, seconds * 1000, 1000 / fps);
    expect(steps.wrong).toEqual([]);
    expect(steps.count).toBeGreaterThan((SECONDS - SETTLING_MS / 1000) * fps * share);
  }

  /** @param lateMs a player that waited this long for data may have stalled as long, and no longer */
  function expectFewStalls({ pictures, stalls }: LiveReport, lateMs: number): void {
    const shown = stalls.filter(({ wallMs }) => wallMs > (pictures[0]?.wallMs ?? 0));
    expect(shown.filter(({ pausedMs }) => pausedMs < lateMs)).toEqual([]);
    expect(shown.filter(({ forMs, pausedMs }) => forMs !== undefined && forMs > pausedMs + GOES_ON_MS)).toEqual([]);
  }

  test.concurrent.for(inShort(NAMES, 'long-groups'))(
    'over the WebSocket, camera %s: no stall, no gap, no picture twice',
    async (name) => {
      const report = await play(`ws://127.0.0.1:${agent.ports.hls}/${name}/mse`);
      expectSteady(report, name, 0.8);
      // From the first picture on. On a quiet machine no stall is excused; on a busy one those by late data are. The browser's decoder
      // waits for the machine, too: that is taken from the player's reserve.
      const lateMs = 1000 / CAMERAS[name].fps + Math.max(0, IN_HAND_MS - report.heldUpMs);
      expectFewStalls(report, report.heldUpMs < QUIET_MS ? Number.POSITIVE_INFINITY : lateMs);
      // The group's pictures were not played one by one.
      expect(report.lagMs).toBeLessThan(2_000);
    },
  );

  test('the video of a camera whose audio stops continues', async () => {
    // The last three of the clip's five seconds have no audio, and the clip is repeated.
    const clip = await barClip({ ...TINY, audio: 'aac', seconds: 5, soundSeconds: 2 });
    await using _camera = await publishClip(agent, 'halting', clip, { isEndless: true, interleaveMs: 100 });
    const page = await viewer.open(`http://127.0.0.1:${agent.ports.hls}/usual/hls.min.js`);
    const playing = await playLive(page, { url: `ws://127.0.0.1:${agent.ports.hls}/halting/mse`, readsClock: false });
    const { pictures, errors, hasSound } = await playing.played(byLength(7, 12));
    await page.close();
    expect([errors, hasSound]).toEqual([[], true]);
    const pausesMs = pictures.map(({ wallMs }, i) => wallMs - (pictures[i - 1]?.wallMs ?? wallMs));
    expect(Math.max(...pausesMs)).toBeLessThan(2_500);
  });

  test('data received while Media Source opens is kept, in order', async () => {
    const page = await viewer.open(`http://127.0.0.1:${agent.ports.hls}/usual/hls.min.js`);
    await page.evaluate(() => {
      // It takes the source after the first message, and says so a while after it has.
      const { set } = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, 'src') as PropertyDescriptor;
      Object.defineProperty(HTMLMediaElement.prototype, 'src', {
        set(address: string) {
          setTimeout(() => set?.call(this, address), 300);
        },
      });
      const add = MediaSource.prototype.addEventListener as EventTarget['addEventListener'];
      MediaSource.prototype.addEventListener = function (this: MediaSource, kind: string, listener: () => void) {
        add.call(this, kind, () => setTimeout(listener, 500));
      } as typeof MediaSource.prototype.addEventListener;
    });
    const playing = await playLive(page, { url: `ws://127.0.0.1:${agent.ports.hls}/usual/mse`, readsClock: false });
    const { errors } = await playing.played(1);
    const ranges = await page.evaluate(() => (document.querySelector('video') as HTMLVideoElement).buffered.length);
    await page.close();
    expect([errors, ranges]).toEqual([[], 1]);
  });

  inLong(() =>
    test('below /hls/ on the main port as well', async () => {
      const page = await viewer.open(`${agent.url}/health`);
      const playing = await playLive(page, {
        url: `${agent.url.replace('http', 'ws')}/hls/usual/mse`,
        readsClock: false,
      });
      const { errors, pictures } = await playing.played(1);
      await page.close();
      expect([errors, pictures.length > 1]).toEqual([[], true]);
    }),
  );

  test.concurrent.for(inShort(NAMES, 'reordered'))(
    'live.mp4 as the source of <video>, camera %s: no stall, no gap, no duplicate picture',
    async (name) => {
      const report = await play(`http://127.0.0.1:${agent.ports.hls}/${name}/live.mp4`);
      // The browser's own player has no reserve: it waits for each late picture.
      expectSteady(report, name, 0.5);
      expectFewStalls(report, (LATE_PICTURES * 1000) / CAMERAS[name].fps);
    },
  );

  test('viewers are listed until they close the page', async () => {
    const readers = async () => (await agent.json<{ readers: { type: string }[] }>('/v3/paths/get/usual')).readers;
    const page = await viewer.open(`${agent.url}/health`);
    const playing = await playLive(page, { url: `ws://127.0.0.1:${agent.ports.hls}/usual/mse`, readsClock: false });
    await playing.played(0.5);
    expect(await readers()).toMatchObject([{ type: 'hlsSession' }]);
    const { items } = await agent.json<{ items: object[] }>('/v3/hlssessions/list');
    expect(items).toMatchObject([{ path: 'usual', transport: 'mse' }]);
    await page.close();
    while ((await readers()).length > 0) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
});
