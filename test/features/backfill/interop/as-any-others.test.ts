import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { filledCard } from '../../../onvif-camera/card/filled-card.ts';
import { ffprobe } from '../../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { filesBelow, temporaryFolder } from '../../../support/disks/recordings.ts';
import { verified } from '../../../support/disks/signed-recordings.ts';
import {
  eventually,
  expectMissedFilled,
  GAP,
  openMissed,
  openMissedBox,
  pathLines,
  prepareOutage,
  RECORDED_SECONDS,
  SECONDS,
  startMissedCamera,
} from '../support/outage.ts';

const DAY_MS = 86_400_000;
const FPS = 5;
/** Up to a group is missing at both ends of a gap. */
const LACKING_SECONDS = 2;
/** From one scan of the archive to the next. */
const SCAN_MS = 60_000;

test('hooks run for recordings from the card, and a signature says that no clock of the box dates them', {
  timeout: 60_000,
}, async ({ onTestFinished }) => {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const [created, completed] = ['created', 'completed'].map((name) => join(folder.path, name)) as [string, string];
  const keys =
    '    recordSign: yes\n' +
    `    runOnRecordSegmentCreate: sh -c 'echo "$MTX_SEGMENT_PATH" >> ${created}'\n` +
    `    runOnRecordSegmentComplete: sh -c 'echo "$MTX_SEGMENT_PATH $MTX_SEGMENT_DURATION" >> ${completed}'\n`;
  const { isOver, missed } = await openMissed(onTestFinished, { door: {} }, () => keys);
  await eventually(async () => (await isOver('door')) || undefined);
  const linesOf = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
  const [file = '', seconds = ''] =
    (await eventually(() => linesOf(completed).find((line) => Number(line.split(' ')[1]) > 5)))?.split(' ') ?? [];
  expect(Number(seconds)).toBeGreaterThan(GAP[1] - GAP[0] - 2);
  expect(Number(seconds)).toBeLessThan(GAP[1] - GAP[0] + 2);
  expect(linesOf(created)).toContain(file);
  const startS = Number(/(\d+)-\d+\.mp4$/.exec(file)?.[1]) - (missed[0]?.fromMs ?? 0) / 1_000;
  expect(Math.abs(startS - GAP[0])).toBeLessThan(2);
  await eventually(() => (existsSync(`${file}.sig`) ? true : undefined));
  const { code, text } = await verified(file);
  expect([code, text]).toEqual([0, expect.stringContaining('not by a set clock of the box')]);
});

describeWith(['ffmpeg'], 'a gap of three days ago', () => {
  test('what fills it is listed, played, archived and part of a clip in the order of its pictures', {
    timeout: 120_000,
  }, async ({ onTestFinished }) => {
    const folder = temporaryFolder();
    onTestFinished(() => folder[Symbol.dispose]());
    const fromMs = Math.floor(Date.now() / 1_000) * 1_000 - 3 * DAY_MS;
    const card = filledCard({ fromMs, seconds: SECONDS, fps: FPS, group: FPS });
    const door = { ...(await startMissedCamera(onTestFinished, 'door', { cardHasNoSound: true }, card)), fromMs };
    const { recordPath, dataDir } = await prepareOutage(folder.path, [door]);
    const nas = join(folder.path, 'nas');
    mkdirSync(nas);
    const archive = `archive: folder\narchiveFolder: '${nas}'\narchiveEncryption: no\n`;
    const { box, host, isOver, skip } = await openMissedBox(
      onTestFinished,
      dataDir,
      pathLines(door, recordPath),
      archive,
    );
    await eventually(async () => (await isOver('door')) || undefined);
    const expectedSeconds = RECORDED_SECONDS - LACKING_SECONDS;
    const isOfThen = ({ start }: { readonly start: string }) => Date.parse(start) < fromMs + DAY_MS;
    const headers = { cookie: box.cookie };

    await expectMissedFilled(host, door);
    const listed = (await (await fetch(`${box.url}/playback/list?path=door`, { headers })).json()) as {
      readonly start: string;
      readonly duration: number;
    }[];
    const spans = listed.filter(isOfThen).map(({ start, duration }) => [Date.parse(start), duration * 1_000] as const);
    expect(spans).toEqual(spans.toSorted(([a], [b]) => a - b));
    expect(spans.slice(1).every(([startMs], i) => startMs >= (spans[i]?.[0] ?? 0) + (spans[i]?.[1] ?? 0) - 1)).toBe(
      true,
    );
    expect(spans.reduce((sum, [, ms]) => sum + ms, 0) / 1_000).toBeGreaterThan(expectedSeconds);

    const [start, end] = [fromMs, fromMs + RECORDED_SECONDS * 1_000].map((ms) => new Date(ms).toISOString());
    await box.call('POST', '/recordings/protect', { path: 'door', start, end });
    const { items } = (await box.call('GET', '/recordings/clips')).body as { items: { recordedSeconds: number }[] };
    expect(items).toHaveLength(1);
    expect(items[0]?.recordedSeconds).toBeGreaterThan(expectedSeconds);
    const wanted = `path=door&start=${encodeURIComponent(start ?? '')}&duration=${RECORDED_SECONDS}&format=mp4&gaps=skip`;
    const clip = await fetch(`${box.url}/playback/get?${wanted}`, { headers });
    const file = join(folder.path, 'clip.mp4');
    writeFileSync(file, Buffer.from(await clip.arrayBuffer()));
    const { streams, warnings } = await ffprobe(file, ['-count_frames']);
    expect(warnings).toBe('');
    expect(Number(streams[0]?.nb_read_frames)).toBeGreaterThanOrEqual(expectedSeconds * FPS);

    const untilS = (fromMs + DAY_MS) / 1_000;
    const files = filesBelow(join(folder.path, 'recordings/door')).filter(
      (one) => one.endsWith('.mp4') && Number.parseInt(basename(one), 10) < untilS,
    );
    expect(files.length).toBeGreaterThanOrEqual(3);
    skip(SCAN_MS);
    const bytesOf = (all: readonly string[]) => all.map((one) => readFileSync(one).toString('base64')).sort();
    await eventually(() => {
      const copies = filesBelow(nas).filter((one) => one.endsWith('.mp4'));
      return bytesOf(files).every((bytes) => bytesOf(copies).includes(bytes)) || undefined;
    });
  });
});
