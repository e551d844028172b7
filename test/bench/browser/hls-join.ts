import type { Page } from 'playwright-core';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { type ClipCamera, startClipCamera } from '../cameras/clip-cameras.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { LONG_GROUPS } from '../webrtc/webrtc-server.ts';

const RUNS = 3;
const PAIRS = 5;
const { groupSeconds } = LONG_GROUPS;
const STEP_SECONDS = groupSeconds / PAIRS;
const BETWEEN_SECONDS = 1;
/** The nearest rank: one of ten may be slower. */
const P90_RANK = Math.ceil(0.9 * PAIRS * 2) - 1;

interface Box {
  readonly camera: ClipCamera;
  readonly agent: Agent;
  readonly viewer: Viewer;
}

/**
 * Opens the page at `/{path}/`: hls.js in low-latency mode.
 * @returns the page, and the milliseconds from its opening to the first picture
 */
async function join({ agent, viewer }: Box): Promise<{ page: Page; ms: number }> {
  const page = await viewer.browser.newPage();
  await page.addInitScript(() => {
    addEventListener('DOMContentLoaded', () => {
      document.querySelector('video')?.requestVideoFrameCallback((nowMs) => {
        (globalThis as { shownMs?: number }).shownMs = nowMs;
      });
    });
  });
  await page.goto(`http://127.0.0.1:${agent.ports.hls}/cam/`);
  const shown = await page.waitForFunction(() => (globalThis as { shownMs?: number }).shownMs);
  return { page, ms: (await shown.jsonValue()) ?? Number.NaN };
}

/** A viewer that finds no muxer, at this age of the group, and a viewer that joins while the muxer runs. */
async function joinTwice(box: Box, phase: number): Promise<readonly [number, number]> {
  await until(async () => {
    const { itemCount } = await box.agent.json<{ itemCount: number }>('/v3/hlsmuxers/list');
    return itemCount === 0 || undefined;
  });
  await seconds((phase - box.camera.phase() + groupSeconds) % groupSeconds);
  const first = await join(box);
  await seconds(BETWEEN_SECONDS);
  const second = await join(box);
  await Promise.all([first.page.close(), second.page.close()]);
  return [first.ms, second.ms];
}

async function p90(box: Box, note: (text: string) => void): Promise<number> {
  const firsts: number[] = [];
  const seconds: number[] = [];
  for (let i = 0; i < PAIRS; i += 1) {
    // Every second one: the muxer has time to end, and the joins are still spread over the group.
    const [first, second] = await joinTwice(box, (((i * 2) % PAIRS) + 0.5) * STEP_SECONDS);
    firsts.push(first);
    seconds.push(second);
  }
  const times = (all: readonly number[]) => all.map((ms) => ms.toFixed(0)).join(' ');
  note(`first viewers ${times(firsts)}, later ones ${times(seconds)}`);
  return [...firsts, ...seconds].toSorted((a, b) => a - b)[P90_RANK] ?? Number.NaN;
}

export const hlsJoin: Figure = {
  name: 'hls-join',
  unit: 'ms',
  goal: 700,
  isAbsolute: true,
  about: `90th percentile of ${PAIRS * 2} joins in Chromium over LL-HLS with hls.js, spread evenly over a group of ${groupSeconds} s, half of them with a muxer still to start: from opening the page to the first picture`,
  measure: async (note) => {
    await using camera = await startClipCamera(LONG_GROUPS);
    const config = `api: yes\nhlsMuxerCloseAfter: 1s\npaths:\n  cam: { source: '${camera.url}' }\n`;
    await using agent = await startAgent({ config });
    await using viewer = await startViewer();
    await until(async () => (await agent.json<{ ready: boolean }>('/v3/paths/get/cam')).ready || undefined);
    const box = { camera, agent, viewer };
    // One-time work of a browser and a server does not count.
    await (await join(box)).page.close();
    const values: number[] = [];
    for (let i = 0; i < RUNS; i += 1) {
      values.push(await p90(box, note));
    }
    return values;
  },
};
