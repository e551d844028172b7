import { startAgent, until } from '../../peers/agent/agent.ts';
import { startViewer } from '../../peers/browser/browser.ts';
import { tilesPlayMs } from '../../peers/browser/page-speed.ts';
import type { BarClip } from '../../peers/cameras/bar-clip.ts';
import { startClipCamera } from '../cameras/clip-cameras.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';

const CAMERAS = 9;
const WATCHED_SECONDS = 60;
const STALL_MS = 500;
const STARTS = 5;
/** As cameras send their small pictures. */
const SMALL: BarClip = {
  video: 'h264',
  width: 640,
  height: 360,
  fps: 15,
  kilobitsPerSecond: 400,
  groupSeconds: 4,
  seconds: 60,
};

export const uiGrid9: Figure = {
  name: 'ui-grid-9',
  unit: 'stalls',
  goal: 0,
  isAbsolute: false,
  about: `stalls of more than ${STALL_MS} ms in ${WATCHED_SECONDS} s: ${CAMERAS} live pictures of ${SMALL.width} × ${SMALL.height} in the page's grid in Chromium`,
  measure: async (note) => {
    await using nine = await startNine();
    await using viewer = await startViewer();
    const page = await viewer.open(`${nine.url}/#/live`, { width: 1440, height: 900 });
    await page
      .locator('.tile .surface.playing')
      .nth(CAMERAS - 1)
      .waitFor();
    const watching = page.evaluate(watchFrames, { stallMs: STALL_MS, watchedMs: WATCHED_SECONDS * 1000 });
    await seconds(WATCHED_SECONDS);
    const seen = await watching;
    for (const [i, { frames, longestMs }] of seen.entries()) {
      note(`picture ${i + 1}: ${frames} frames, at most ${longestMs.toFixed(0)} ms between two`);
    }
    return [seen.length === CAMERAS ? seen.reduce((sum, { stalls }) => sum + stalls, 0) : Number.NaN];
  },
};

export const uiGrid9Start: Figure = {
  name: 'ui-grid-9-start',
  unit: 'ms',
  goal: 1_800,
  isAbsolute: true,
  about: `from the request for the page to the first frame of the last of ${CAMERAS} live pictures in its grid: Chromium, empty cache, over loopback`,
  measure: async (note) => {
    await using nine = await startNine();
    await using viewer = await startViewer();
    const times: number[] = [];
    for (let i = 0; i < STARTS; i += 1) {
      const ms = await tilesPlayMs(viewer.browser, `${nine.url}/#/live`, { count: CAMERAS });
      note(`${ms.toFixed(0)} ms`);
      times.push(ms);
    }
    return times;
  },
};

/** An agent with nine live cameras, which anybody may watch. */
async function startNine(): Promise<AsyncDisposable & { readonly url: string }> {
  const camera = await startClipCamera(SMALL);
  const paths = Array.from({ length: CAMERAS }, (_, i) => `  cam${i + 1}: { source: '${camera.url}' }\n`);
  const agent = await startAgent({ config: `paths:\n${paths.join('')}` });
  await until(async () => {
    const { items } = await agent.json<{ items: { ready: boolean }[] }>('/v3/paths/list');
    return items.filter(({ ready }) => ready).length === CAMERAS || undefined;
  });
  return {
    url: agent.url,
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await camera[Symbol.asyncDispose]();
    },
  };
}

interface Seen {
  readonly frames: number;
  readonly stalls: number;
  readonly longestMs: number;
}

/** Runs in the page. @returns what each of its videos shows */
async function watchFrames({ stallMs, watchedMs }: { stallMs: number; watchedMs: number }): Promise<Seen[]> {
  const watchOne = async (video: HTMLVideoElement): Promise<Seen> => {
    const gaps: number[] = [];
    let lastMs = performance.now();
    const note = (nowMs: number) => {
      gaps.push(nowMs - lastMs);
      lastMs = nowMs;
    };
    const onFrame = (nowMs: number) => {
      note(nowMs);
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
    await new Promise((resolve) => setTimeout(resolve, watchedMs));
    const frames = gaps.length;
    // A picture frozen until the end has stalled as well.
    note(performance.now());
    return { frames, stalls: gaps.filter((ms) => ms > stallMs).length, longestMs: Math.max(...gaps) };
  };
  return await Promise.all([...document.querySelectorAll<HTMLVideoElement>('.tile video')].map(watchOne));
}
