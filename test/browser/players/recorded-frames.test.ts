import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { startViewer, timeShown, type Viewer } from '../../peers/browser/browser.ts';
import { barClip, SMALL } from '../../peers/cameras/bar-clip.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { random } from '../../support/base/random.ts';

const SECONDS = 40;
const MOMENTS = byLength(5, 10);
const START_MS = Date.UTC(2026, 6, 1, 12, 0, 0);
const FRAME_MS = 1000 / SMALL.fps;

const open = async (page: Page, url: string): Promise<number> => {
  await page.setContent('<video preload="auto" style="width: 320px"></video>');
  return page.evaluate(
    (source) =>
      new Promise<number>((resolve, reject) => {
        const video = document.querySelector('video') as HTMLVideoElement;
        video.onerror = () => reject(new Error(video.error?.message));
        video.onloadeddata = () => resolve(video.duration);
        video.src = source;
      }),
    url,
  );
};

const timeAt = (ms: number): string => encodeURIComponent(new Date(START_MS + ms).toISOString());

describeWith(['chromium', 'ffmpeg'], 'Chromium steps through recordings', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-frames-'));
  let agent: Agent;
  let viewer: Viewer;

  beforeAll(async () => {
    const clip = await barClip({ ...SMALL, audio: 'opus', seconds: SECONDS });
    mkdirSync(join(dataDir, 'cam'));
    const file = join(dataDir, 'cam/2026-07-01_12-00-00-000000.mp4');
    const shape = [
      '-c',
      'copy',
      '-video_track_timescale',
      '90000',
      '-movflags',
      'frag_keyframe+empty_moov+default_base_moof',
    ];
    expect(await runProcess('ffmpeg', ['-v', 'error', '-i', clip, ...shape, file])).toEqual({ code: 0, output: '' });
    const rules = `recordPath: '${dataDir}/%path/%Y-%m-%d_%H-%M-%S-%f'`;
    const config = `api: yes\nplayback: yes\npaths:\n  all_others: { ${rules} }\n`;
    [agent, viewer] = await Promise.all([startAgent({ dataDir, config, env: { TZ: 'UTC' } }), startViewer()]);
  });
  afterAll(async () => {
    await viewer?.[Symbol.asyncDispose]();
    await agent?.[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true, force: true });
  });

  test('the frame of any moment is the key frame before it', async () => {
    const page = await viewer.open(`${agent.url}/health`);
    const next = random(9);
    for (let i = 0; i < MOMENTS; i += 1) {
      const ms = Math.floor(next() * SECONDS * 1000);
      await open(page, `${agent.url}/playback/cam/frame.mp4?time=${timeAt(ms)}`);
      // Loaded, the picture may still be on its way to what a canvas takes.
      expect(await until(() => timeShown(page)), `frame of ${ms} ms`).toBe(Math.floor(ms / 1000) * 1000);
    }
    await page.close();
  });

  for (const format of inShort(['fmp4', 'mp4'], 'fmp4')) {
    test(`eight times the speed, as ${format}: an eighth of the time, and a seek leads to the moment at eight times the offset`, async () => {
      const page = await viewer.open(`${agent.url}/health`);
      const query = `path=cam&start=${timeAt(0)}&duration=${SECONDS}&format=${format}&speed=8`;
      expect(await open(page, `${agent.url}/playback/get?${query}`)).toBeCloseTo(SECONDS / 8, 1);
      const next = random(10);
      for (let i = 0; i < MOMENTS; i += 1) {
        const toS = next() * (SECONDS / 8 - 0.2);
        await page.evaluate(
          (seconds) =>
            new Promise<void>((resolve) => {
              const video = document.querySelector('video') as HTMLVideoElement;
              const sought = new Promise((done) => video.addEventListener('seeked', done, { once: true }));
              video.requestVideoFrameCallback(() => void sought.then(() => resolve()));
              video.currentTime = seconds;
            }),
          toS,
        );
        const shownMs = (await timeShown(page)) ?? Number.NaN;
        expect(Math.abs(shownMs - Math.floor(toS * 8) * 1000), `at ${toS} s`).toBeLessThanOrEqual(FRAME_MS);
      }
      await page.close();
    });
  }

  test('a time-lapse has 30 pictures a second for ffprobe, and Chromium plays it to its last picture', async () => {
    const page = await viewer.open(`${agent.url}/health`);
    const address = `${agent.url}/playback/get?path=cam&start=${timeAt(0)}&duration=${SECONDS}&format=mp4&speed=30`;
    const entries = 'stream=avg_frame_rate,r_frame_rate,nb_frames:format=duration';
    const probe = await runProcess('ffprobe', ['-v', 'error', '-show_entries', entries, '-of', 'csv=p=0', address]);
    expect(probe.output.trim().split('\n')).toEqual([`30/1,30/1,${SECONDS}`, (SECONDS / 30).toFixed(6)]);
    expect(await open(page, address)).toBeCloseTo(SECONDS / 30, 2);
    await page.evaluate(
      () =>
        new Promise<void>((resolve) => {
          const video = document.querySelector('video') as HTMLVideoElement;
          video.onended = () => resolve();
          void video.play();
        }),
    );
    expect(await timeShown(page)).toBe((SECONDS - 1) * 1000);
    await page.close();
  });
});
