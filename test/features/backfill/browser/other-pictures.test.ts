import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { Sample } from '../../../../agent/media/sample/sample.ts';
import { startViewer } from '../../../peers/browser/browser.ts';
import { HLS_JS, type HlsWindow, openVideo, SETUP, seek } from '../../../peers/browser/recorded-video.ts';
import { type Mp4ClipCodec, mp4Clip } from '../../../peers/cameras/mp4-clip.ts';
import { ffmpegWarnings, ffprobe } from '../../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import {
  type AtEnd,
  eventually,
  GAP,
  noteOutage,
  openMissedBox,
  pathLines,
  recordSamples,
  startMissedCamera,
} from '../support/outage.ts';
import { recordedPictures } from '../support/pictures.ts';

const CLIP_SECONDS = 14;
const END_SECOND = 39;

/** A box whose stream was 320x240, High profile, and that has filled a gap from a card with 160x90, Baseline. */
async function openFilled(atEnd: AtEnd, codec: Mp4ClipCodec) {
  const folder = temporaryFolder();
  atEnd(() => folder[Symbol.dispose]());
  const door = await startMissedCamera(atEnd, 'door', { cardHasNoSound: true });
  const { track, samples } = await mp4Clip(codec, CLIP_SECONDS);
  const recordPath = join(folder.path, 'recordings/%path/%s-%f');
  const firstMs = samples[0]?.wall ?? 0;
  for (const [from, until] of [[0, GAP[0]] as const, [GAP[1], END_SECOND] as const]) {
    const moved = samples.map((one): Sample => ({ ...one, wall: one.wall - firstMs + door.fromMs + from * 1_000 }));
    await recordSamples(
      recordPath,
      'door',
      track,
      moved.filter(({ wall }) => wall < door.fromMs + until * 1_000),
    );
  }
  const dataDir = join(folder.path, 'data');
  await noteOutage(dataDir, 'door', door.fromMs);
  const { box, host, isOver } = await openMissedBox(atEnd, dataDir, pathLines(door, recordPath));
  await eventually(async () => (await isOver('door')) || undefined);
  const isMeant = ([ms]: readonly [number, string]) => ms < door.fromMs + END_SECOND * 1_000;
  const pictures = (await recordedPictures(host)).filter(isMeant).length;
  return { box, folder: folder.path, pictures, fromMs: door.fromMs };
}

/** All downloads of the range, each from where the one before has ended. */
async function download({ box, folder, fromMs }: Awaited<ReturnType<typeof openFilled>>, format: string) {
  const endMs = fromMs + END_SECOND * 1_000;
  const parts: { file: string; url: string }[] = [];
  for (let start: string | undefined = new Date(fromMs).toISOString(); start !== undefined; ) {
    const duration = String((endMs - Date.parse(start)) / 1_000);
    const url: string = `${box.url}/playback/get?${new URLSearchParams({ path: 'door', start, duration, format })}`;
    const answer: Response = await fetch(url, { headers: { cookie: box.cookie } });
    expect(answer.status).toBe(200);
    const file = join(folder, `part-${parts.length}.mp4`);
    writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
    parts.push({ file, url });
    const resume: string | undefined = /resume="([^"]+)"/.exec(answer.headers.get('perch-ends') ?? '')?.[1];
    start = resume !== undefined && Date.parse(resume) < endMs ? resume : undefined;
  }
  return parts;
}

const LIMIT = { timeout: 120_000 };
const widthOf = (page: Page): Promise<number> =>
  page.evaluate(() => (document.querySelector('video') as HTMLVideoElement).videoWidth);

describeWith(['ffmpeg', 'chromium'], 'a gap filled from a card whose pictures differ from those of the stream', () => {
  test.for(['h264', 'h265'] as const)(
    'ffmpeg plays all pictures around and within it, beside a stream of %s',
    LIMIT,
    async (codec, { onTestFinished }) => {
      const filled = await openFilled(onTestFinished, codec);
      for (const format of ['mp4', 'fmp4']) {
        const streams = [];
        for (const { file } of await download(filled, format)) {
          expect(await ffmpegWarnings(['-i', file])).toBe('');
          streams.push(
            ...(await ffprobe(file, ['-count_packets'])).streams.filter((one) => one.codec_type === 'video'),
          );
        }
        expect(streams.map(({ codec_name, width }) => [codec_name, width])).toEqual(
          [
            [codec, 320],
            ['h264', 160],
            [codec, 320],
          ].map(([name, width]) => [name === 'h265' ? 'hevc' : name, width]),
        );
        expect(streams.reduce((sum, one) => sum + Number(one.nb_read_packets), 0)).toBe(filled.pictures);
      }
    },
  );

  test('Chromium plays it in /get and as HLS', LIMIT, async ({ onTestFinished }) => {
    const filled = await openFilled(onTestFinished, 'h264');
    const { box, fromMs } = filled;
    const viewer = await startViewer();
    onTestFinished(async () => await viewer[Symbol.asyncDispose]());
    const page = await viewer.open(`${box.url}/health`);
    const cookies = box.cookie.split('; ').map((one) => one.split('='));
    await page.context().addCookies(cookies.map(([name = '', value = '']) => ({ name, value, url: box.url })));
    const widths: number[] = [];
    for (const { url } of await download(filled, 'mp4')) {
      await openVideo(page, url);
      await seek(page, 5);
      widths.push(await widthOf(page));
    }
    expect(widths).toEqual([320, 160, 320]);
    const query = new URLSearchParams({ start: new Date(fromMs).toISOString(), duration: String(END_SECOND) });
    await page.setContent(SETUP);
    await page.addScriptTag({ path: HLS_JS });
    await page.evaluate(
      (source) =>
        new Promise<void>((resolve, reject) => {
          const video = document.querySelector('video') as HTMLVideoElement;
          const hls = new (window as unknown as HlsWindow).Hls({ startPosition: 0 });
          hls.on('hlsError', (_, { fatal, details }) => fatal && reject(new Error(details)));
          video.onloadeddata = () => resolve();
          hls.attachMedia(video);
          hls.loadSource(source);
        }),
      `${box.url}/playback/door/index.m3u8?${query}`,
    );
    const seen: number[] = [];
    for (const second of [5, 18, 32]) {
      await seek(page, second);
      seen.push(await widthOf(page));
    }
    expect(seen).toEqual([320, 160, 320]);
  });
});
