import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { startViewer, timeShown, type Viewer } from '../../peers/browser/browser.ts';
import { HLS_JS, type HlsWindow, openVideo, SETUP, seek } from '../../peers/browser/recorded-video.ts';
import { barClip, SMALL } from '../../peers/cameras/bar-clip.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';
import { random } from '../../support/base/random.ts';

const SECONDS = byLength(12, 60);
const SEGMENT_SECONDS = byLength(4, 13);
const MOMENTS = byLength(5, 10);
const FRAME_MS = 1000 / SMALL.fps;
/** Length of a recording that no player has read to its end before it seeks. */
const LONG_SECONDS = byLength(24, 60);
/** Cameras with groups of pictures longer than a part of a recording; with B-frames a key frame is sent two pictures before it is shown. */
const CAMERAS = [
  { path: 'slow', name: 'groups of ten seconds', groupSeconds: 10, lateFrames: 0 },
  { path: 'reordered', name: 'groups of two seconds with B-frames', groupSeconds: 2, bFrames: 3, lateFrames: 2 },
  { path: 'loud', name: 'groups of ten seconds and sound', groupSeconds: 10, audio: 'opus', lateFrames: 0 },
] as const;
const NAMES = inShort(
  CAMERAS.map(({ path }) => path),
  ...['reordered', 'loud'],
);
const LONG_GROUPS = CAMERAS.filter(({ path }) => NAMES.includes(path));

interface Span {
  readonly start: string;
  readonly duration: number;
}

async function openHls(page: Page, url: string): Promise<void> {
  await page.setContent(SETUP);
  await page.addScriptTag({ path: HLS_JS });
  await page.evaluate(
    (source) =>
      new Promise<void>((resolve, reject) => {
        const video = document.querySelector('video') as HTMLVideoElement;
        const globals = window as unknown as HlsWindow;
        const hls = new globals.Hls({ startPosition: 0 });
        hls.on('hlsError', (_, { fatal, details }) => fatal && reject(new Error(details)));
        video.onloadeddata = () => resolve();
        globals.player = hls;
        hls.attachMedia(video);
        hls.loadSource(source);
      }),
    url,
  );
}

/** Plays on for a moment with sound. @returns its loudness, from 0 to 1 */
const loudness = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const video = document.querySelector('video') as HTMLVideoElement;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    context.createMediaElementSource(video).connect(analyser).connect(context.destination);
    await Promise.all([context.resume(), video.play()]);
    const samples = new Float32Array(analyser.fftSize);
    for (let loudest = 0; ; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      analyser.getFloatTimeDomainData(samples);
      loudest = Math.max(loudest, ...samples.map(Math.abs));
      if (loudest > 0.05 || video.ended) {
        video.pause();
        return loudest;
      }
    }
  });

describeWith(['chromium', 'ffmpeg'], 'Chromium seeks in recordings', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-seek-'));
  let agent: Agent;
  let viewer: Viewer;
  let span: Span;
  /** The clock in the recording's first picture. */
  let firstMs = Number.NaN;
  let clip = '';

  beforeAll(async () => {
    clip = await barClip({ ...SMALL, audio: 'opus', seconds: SECONDS });
    const rules = `record: yes, recordPath: '${dataDir}/%path/%Y-%m-%d_%H-%M-%S-%f', recordSegmentDuration: ${SEGMENT_SECONDS}s`;
    const config = `api: yes\nplayback: yes\npaths:\n  all_others: { ${rules} }\n`;
    [agent, viewer] = await Promise.all([startAgent({ dataDir, config }), startViewer()]);
    const clips = await Promise.all(
      LONG_GROUPS.map(({ path: _, name: _name, lateFrames: _late, ...of }) =>
        barClip({ ...SMALL, ...of, seconds: LONG_SECONDS }),
      ),
    );
    const published = await Promise.all([
      runProcess('ffmpeg', publishing('cam')),
      ...LONG_GROUPS.map(({ path }, i) => runProcess('ffmpeg', publishing(path, clips[i]))),
    ]);
    expect(published).toEqual(published.map(() => ({ code: 0, output: '' })));
    span = await spanOf('cam', SECONDS - 1);
  });
  afterAll(async () => {
    await viewer?.[Symbol.asyncDispose]();
    await agent?.[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const publishing = (path: string, file = clip): string[] => {
    const input = ['-nostdin', '-v', 'error', '-re', '-i', file, '-c', 'copy'];
    return [...input, '-f', 'rtsp', '-rtsp_transport', 'tcp', agent.rtspUrl(path)];
  };

  /** The only recording, once it has this length. */
  const spanOf = (path: string, seconds: number): Promise<Span> =>
    until(async () => {
      const spans = await agent.json<Span[]>(`/playback/list?path=${path}`).catch(() => []);
      return spans[0] && spans[0].duration >= seconds ? spans[0] : undefined;
    });

  const getUrl = (format: string, fromMs: number, path = 'cam', { start: first } = span): string => {
    const start = new Date(Date.parse(first) + fromMs).toISOString();
    const query = new URLSearchParams({ path, start, duration: String(LONG_SECONDS + 5), format });
    return `${agent.url}/playback/get?${query}`;
  };

  /**
   * @param fromMs of the recording: the page's time 0
   * @param lateFrames this many pictures before a key frame it may already be shown: players find it by its decode time
   */
  async function expectMoment(page: Page, toS: number, fromMs: number, lateFrames = 0): Promise<void> {
    const mediaS = await seek(page, toS);
    const shownMs = await timeShown(page);
    const message = `${toS} s of what begins ${fromMs} ms into the recording, picture of ${mediaS} s`;
    expect(shownMs, message).toBeDefined();
    // The camera's picture at that moment: the last that had begun.
    const wantedMs = firstMs + Math.floor((fromMs + toS * 1000 + 0.5) / FRAME_MS) * FRAME_MS;
    const farthestMs = (shownMs ?? 0) < wantedMs ? FRAME_MS : FRAME_MS * (1 + lateFrames);
    expect(Math.abs((shownMs ?? 0) - wantedMs), message).toBeLessThanOrEqual(farthestMs);
  }

  async function expectMoments(page: Page, seed: number, fromMs: number, lengthS: number): Promise<void> {
    const next = random(seed);
    for (let i = 0; i < MOMENTS; i += 1) {
      await expectMoment(page, next() * (lengthS - 0.2), fromMs);
    }
  }

  for (const [i, format] of ['mp4', 'fmp4'].entries()) {
    test(`in /get as ${format}: a seek shows the picture of the moment, and audio plays`, async () => {
      const page = await viewer.open(`${agent.url}/health`);
      await openVideo(page, getUrl(format, 0));
      await seek(page, 0);
      firstMs = (await timeShown(page)) ?? Number.NaN;
      expect(firstMs).toBe(0);
      await expectMoments(page, 100 + i, 0, span.duration);
      await seek(page, 0.5);
      expect(await loudness(page)).toBeGreaterThan(0.05);
      // From the middle of a group of pictures on.
      await openVideo(page, getUrl(format, 2_345));
      await expectMoments(page, 200 + i, 2_345, span.duration - 2.345);
      await page.close();
    });
  }

  for (const [i, { path, name, groupSeconds, lateFrames }] of LONG_GROUPS.entries()) {
    test(`in /get as fmp4 with ${name}: a seek shows the picture of the moment, also in a response from the end of a group`, async () => {
      // ffmpeg drops a few of its last pictures when it exits.
      const own = await spanOf(path, LONG_SECONDS - 2);
      const page = await viewer.open(`${agent.url}/health`);
      const next = random(500 + i);
      firstMs = 0;
      for (const fromMs of [0, groupSeconds * 900]) {
        for (let k = 0; k < MOMENTS; k += 1) {
          // A player has some of the seek targets in its buffer, and others not.
          if (k % 3 === 0) {
            await openVideo(page, getUrl('fmp4', fromMs, path, own));
            // Its first picture is shown: the next one is the seek's.
            await seek(page, 0);
          }
          // Every other one in the rest of the group follows hundreds of decode-only pictures; until the second picture
          // Chromium shows the key frame: it assumes the usual duration for that one.
          const lengthS = own.duration - fromMs / 1000 - 0.2;
          const minS = fromMs > 0 ? FRAME_MS / 1000 : 0;
          const maxS = fromMs > 0 && k % 2 === 0 ? groupSeconds * 0.1 : lengthS;
          await expectMoment(page, minS + next() * (maxS - minS), fromMs, lateFrames);
        }
      }
      await page.close();
    });
  }

  test('in VOD HLS through hls.js: a seek shows the picture of the moment, its date is correct, and audio plays', async () => {
    const page = await viewer.open(`${agent.url}/health`);
    const query = new URLSearchParams({ start: span.start, duration: String(SECONDS + 5) });
    await openHls(page, `${agent.url}/playback/cam/index.m3u8?${query}`);
    await seek(page, 0.01);
    firstMs = (await timeShown(page)) ?? Number.NaN;
    expect(firstMs).toBe(0);
    await expectMoments(page, 300, 0, span.duration);
    // In the first file: each has its own label.
    const toS = SEGMENT_SECONDS / 2;
    await seek(page, toS);
    const dateMs = await page.evaluate(() => (window as unknown as HlsWindow).player.playingDate?.getTime());
    expect(Math.abs((dateMs ?? Number.NaN) - Date.parse(span.start) - toS * 1000)).toBeLessThanOrEqual(FRAME_MS);
    expect(await loudness(page)).toBeGreaterThan(0.05);
    await page.close();
  });

  test('in the live rewind through hls.js: pictures from before the page was opened, while the camera sends', async () => {
    const camera = startProcess('ffmpeg', publishing('live'));
    try {
      span = await spanOf('live', SEGMENT_SECONDS + 3);
      const page = await viewer.open(`${agent.url}/health`);
      await openHls(page, `${agent.url}/hls/live/rewind.m3u8`);
      // The playlist grows with the recording.
      await page.waitForFunction(
        (seconds) => {
          const { seekable } = document.querySelector('video') as HTMLVideoElement;
          return seekable.length > 0 && seekable.end(seekable.length - 1) > seconds;
        },
        SEGMENT_SECONDS + 1,
        { timeout: 0 },
      );
      await seek(page, 0.01);
      firstMs = (await timeShown(page)) ?? Number.NaN;
      expect(firstMs).toBe(0);
      await expectMoments(page, 400, 0, SEGMENT_SECONDS + 1);
      await page.close();
    } finally {
      await camera.stop('SIGKILL');
    }
  });
});
