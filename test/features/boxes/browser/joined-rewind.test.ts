import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner, pairBox, startBox } from '../../../peers/agent/paired-boxes.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { clockIn } from '../../../peers/browser/recorded-cameras.ts';
import { HLS_JS, type HlsWindow, SETUP } from '../../../peers/browser/recorded-video.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { GROUP_MS, recordClock } from '../../../support/disks/recorded-clock.ts';

const SECONDS = 60;
const [OWN_FROM, OWN_SECONDS] = [20, 20];
const FPS = 10;
const SPEED = 4;

interface PlayerWindow extends HlsWindow {
  faults: string[];
}

const play = (page: Page, url: string): Promise<void> =>
  page.evaluate(
    ([source, speed]) =>
      new Promise<void>((resolve) => {
        const video = document.querySelector('video') as HTMLVideoElement;
        const globals = window as unknown as PlayerWindow;
        const hls = new globals.Hls({ startPosition: 0 });
        globals.faults = [];
        hls.on('hlsError', (_, { fatal, details = '' }) => fatal && globals.faults.push(details));
        video.onloadeddata = () => {
          video.playbackRate = speed;
          void video.play();
          resolve();
        };
        globals.player = hls;
        hls.attachMedia(video);
        hls.loadSource(source);
      }),
    [url, SPEED] as const,
  );

describeWith(['chromium', 'ffmpeg'], 'a rewind over recordings of a box and of the server', () => {
  const startMs = Math.floor(Date.now() / 1000) * 1000 - 180_000;
  let viewer: Viewer;
  let box: Agent;
  let server: Agent;

  beforeAll(async () => {
    viewer = await startViewer();
    box = await startBox(['yard'], [{ path: 'yard', startMs, seconds: SECONDS }]);
    server = await startAgent({ isOwned: true, listen: () => ({}) });
    // The server has the middle.
    await recordClock(join(server.dataDir, 'recordings'), 'yard', startMs + OWN_FROM * 1000, OWN_SECONDS);
    await pairBox(server, box);
    await until(async () => {
      const spans = await asOwner<readonly object[]>(server, 'GET', '/playback/list?path=yard');
      return spans.length === 3 ? true : undefined;
    });
  });
  afterAll(async () => {
    await viewer?.[Symbol.asyncDispose]();
    for (const agent of [server, box]) {
      await agent?.[Symbol.asyncDispose]();
    }
  });

  const rewind = (): string => {
    const back = Math.ceil((Date.now() - startMs) / 1000);
    return `${server.url}/hls/yard/rewind.m3u8?back=${back}`;
  };

  test('hls.js plays across both joints: pictures go on, and its date is that of the picture', async () => {
    const page = await viewer.open(`${server.url}/health`);
    const [cookie = ''] = (server.headers['cookie'] ?? '').split(';');
    const [name = '', value = ''] = cookie.split('=');
    await page.context().addCookies([{ name, value, url: server.url }]);
    await page.setContent(SETUP);
    await page.addScriptTag({ path: HLS_JS });
    await play(page, rewind());
    const clocks: number[] = [];
    await until(async () => {
      const clock = await clockIn(page, 'video');
      expect(await page.evaluate(() => (window as unknown as PlayerWindow).faults)).toEqual([]);
      if (clock !== undefined && clock !== clocks.at(-1)) {
        clocks.push(clock);
      }
      return clock !== undefined && clock > startMs + (SECONDS - 3) * 1000 ? true : undefined;
    });
    for (const [from, to] of [
      [0, OWN_FROM],
      [OWN_FROM, OWN_FROM + OWN_SECONDS],
      [OWN_FROM + OWN_SECONDS, SECONDS],
    ] as const) {
      const shown = clocks.filter((ms) => ms >= startMs + from * 1000 && ms < startMs + to * 1000);
      expect(shown.length, `pictures from ${from} s to ${to} s`).toBeGreaterThan(2);
    }
    // A part of a segment of the box may be shown twice at a joint.
    const backMs = clocks.map((ms, i) => (clocks[i - 1] ?? ms) - ms);
    expect(Math.max(...backMs)).toBeLessThanOrEqual(6_000);
    expect(backMs.filter((ms) => ms > 0).length).toBeLessThanOrEqual(2);
    await page.evaluate(() => document.querySelector('video')?.pause());
    const [clock, date] = [
      await until(() => clockIn(page, 'video')),
      await page.evaluate(() => (window as unknown as PlayerWindow).player.playingDate?.getTime()),
    ];
    expect(Math.abs((date ?? 0) - clock)).toBeLessThan(GROUP_MS);
  });

  test('ffmpeg decodes the pictures of both', async () => {
    const least = SECONDS * FPS * 0.95;
    const url = rewind();
    const header = `Cookie: ${server.headers['cookie']}`;
    const { output } = await runProcess('ffmpeg', [
      ...['-nostdin', '-hide_banner', '-v', 'warning', '-stats', '-headers', `${header}\r\n`],
      ...[
        '-live_start_index',
        '0',
        '-t',
        String(SECONDS - 2),
        '-i',
        url,
        '-fps_mode',
        'passthrough',
        '-f',
        'null',
        '-',
      ],
    ]);
    expect(output).not.toMatch(/corrupt|error|invalid|non-monoton/i);
    const frames = Number(/frame=\s*(\d+)[^\r]*$/.exec(output.trimEnd())?.[1]);
    expect(frames, output).toBeGreaterThan(least - 2 * FPS);
  });
});
