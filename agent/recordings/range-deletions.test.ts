import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { filesBelow, record, temporaryFolder, WALL } from '../../test/support/disks/recordings.ts';
import { openPlayback } from '../../test/support/harness/playback.ts';
import { readPlainMp4 } from '../../test/support/media/read-mp4.ts';
import { silentLogger } from '../base/log.ts';
import { Deletions } from '../record/retention/deletions.ts';
import { ProtectedRanges } from '../record/retention/protected-ranges.ts';
import { RangeDeletions } from './range-deletions.ts';

const MINUTE_MS = 60_000;
const us = (seconds: number): number => (WALL + seconds * 1000) * 1000;
const at = (seconds: number): string => new Date(WALL + seconds * 1000).toISOString();
const range = (from: number, to: number) => ({ path: 'cam', start: at(from), end: at(to) });
const signal = new AbortController().signal;

/** Twelve seconds of `cam` in files of four, recorded an hour ago. */
async function setUp() {
  const folder = temporaryFolder();
  const records = join(folder.path, 'rec');
  const file = join(folder.path, 'data/deleted.json');
  mkdirSync(join(folder.path, 'data'));
  await record(records, 12, { segmentDurationMs: 4_000 });
  const clock = new FakeClock();
  clock.stepWall(WALL + 3_600_000 - clock.wallMs());
  const ages = new Map<string, number>();
  const open = async () => {
    const playback = openPlayback(records, join(folder.path, 'index.db'));
    const protectedRanges = new ProtectedRanges(join(folder.path, 'data/protected.json'));
    await protectedRanges.load();
    const deletions = new Deletions({
      clock: { sleep: async () => {} },
      log: playback.segmentLog,
      isOpen: () => false,
      protection: protectedRanges,
      isClockTrusted: () => false,
      logger: silentLogger,
    });
    const ranges = new RangeDeletions({
      ...{ file, clock, log: silentLogger, playback, deletions, protectedRanges },
      tops: () => [records],
      ageMs: (name) => ages.get(name),
    });
    await ranges.load();
    await playback.rebuild(signal);
    return { playback, protectedRanges, ranges };
  };
  let now = await open();
  const restart = async () => {
    await now.playback.close();
    now = await open();
    return now;
  };
  onTestFinished(async () => {
    await now.playback.close();
    folder[Symbol.dispose]();
  });
  const left = () =>
    filesBelow(records)
      .filter((name) => name.endsWith('.mp4'))
      .map((name) => basename(name).slice(11, 19));
  const spans = async () => {
    const listed = await now.playback.list('cam', undefined, undefined, 'http://h').catch(() => []);
    return listed.map(({ start, duration }) => [(Date.parse(start) - WALL) / 1000, duration]);
  };
  const files = filesBelow(records).filter((name) => name.endsWith('.mp4'));
  return { ...now, clock, file, files, ages, restart, left, spans };
}

type Device = Awaited<ReturnType<typeof setUp>>;

async function download({ playback }: Pick<Device, 'playback'>, from: number, seconds: number, skipsGaps: boolean) {
  const wanted = { path: 'cam', startUs: us(from), durationUs: seconds * 1e6, format: 'mp4', skipsGaps } as const;
  const { file, end } = await playback.get(wanted);
  const samples = readPlainMp4(await buffer(file.read(0, file.sizeBytes))).get(1) ?? [];
  const shown = samples.map(({ shownTime }) => Math.round((shownTime / 90_000) * 10) / 10);
  return { shown, end: end && { reason: end.reason, at: (end.resumeUs - us(0)) / 1e6 } };
}

const tenths = (from: number, to: number): number[] =>
  Array.from({ length: Math.round((to - from) * 10) }, (_, i) => Math.round(from * 10 + i) / 10);

test('a deleted range is hidden at once from lists, downloads, frames and the timeline, and Undo shows all of it again', async () => {
  const device = await setUp();
  const { ranges, playback, spans, left } = device;
  const starts = async () =>
    (await playback.segments('cam'))?.map(({ start }) => Math.round((Date.parse(start) * 1000 - us(0)) / 1e6));
  const before = await download(device, 0, 12, false);
  const made = await ranges.delete(range(3, 9), 'anna');
  expect(made).toMatchObject({ by: 'anna', recordedSeconds: 6, kept: [], undoUntil: expect.any(String) });
  expect(await spans()).toEqual([
    [0, 3],
    [9, 3],
  ]);
  expect(await download(device, 0, 12, false)).toEqual({ shown: tenths(0, 3), end: { reason: 'gap', at: 9 } });
  expect((await download(device, 0, 12, true)).shown).toEqual(tenths(0, 6));
  expect((await download(device, 5, 7, false)).shown).toEqual(tenths(4, 7));
  await expect(download(device, 4, 3, true)).rejects.toThrow('no recording segments found');
  for (const seconds of [3.5, 6, 8.5]) {
    await expect(playback.frame('cam', us(seconds))).rejects.toThrow('no frame was recorded at this time');
  }
  expect((await playback.frame('cam', us(9.5))).timeUs).toBe(us(9));
  const timeline = await playback.timeline({
    path: 'cam',
    ...{ from: { us: us(0), offsetMs: 0 }, to: { us: us(12), offsetMs: 0 }, resolution: 0.1 },
  });
  expect(timeline).toMatchObject({
    ...{ recordedSeconds: 6, gaps: [[3, 6]], reasons: [[3, 6, 'deleted']] },
    coverage: [
      [0, 3],
      [9, 3],
    ],
  });
  expect(left()).toHaveLength(3);
  expect(await ranges.times.of('cam', 0)).toEqual([{ startUs: us(3), endUs: us(9) }]);
  // One of the three files of four seconds lies wholly in the range, and another one begins in it.
  expect(await starts()).toEqual([0, 9]);
  const restored: unknown[] = [];
  ranges.onRestored(async (path, { startUs, endUs }) => {
    restored.push([path, startUs, endUs]);
  });
  await ranges.restore(made.id);
  expect(restored).toEqual([['cam', us(3), us(9)]]);
  expect(await ranges.times.of('cam', 0)).toEqual([]);
  expect(await starts()).toEqual([0, 4, 8]);
  expect(await spans()).toEqual([[0, 12]]);
  expect(await download(device, 0, 12, false)).toEqual(before);
  expect(ranges.list()).toEqual([]);
});

test('HLS has the segments before and after a deleted range, and none that reaches into it', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 40);
  await using playback = openPlayback(folder.path);
  playback.hide([{ path: 'cam', startUs: us(15), endUs: us(22) }]);
  const media = await playback.streams.media('cam', { startUs: us(0), durationUs: 40e6 });
  const shown: [number, number][] = [];
  let [start, isBroken] = [0, false];
  for (const line of media.split('\n')) {
    const [, time] = /^#EXT-X-PROGRAM-DATE-TIME:(.*)/.exec(line) ?? [];
    const [, length] = /^#EXTINF:([\d.]+)/.exec(line) ?? [];
    start = time === undefined ? start : (Date.parse(time) - WALL) / 1000;
    isBroken ||= shown.length > 0 && line === '#EXT-X-DISCONTINUITY';
    if (length !== undefined) {
      shown.push([start, start + Number(length)]);
      start += Number(length);
    }
  }
  expect(shown.filter(([from, to]) => from < 21.99 && to > 15.01)).toEqual([]);
  expect([shown[0]?.[0], shown.at(-1)?.[1], isBroken]).toEqual([0, expect.closeTo(40, 1), true]);
  expect(shown.reduce((sum, [from, to]) => sum + to - from, 0)).toBeGreaterThan(20);
});

test('after ten minutes files that lie wholly within are deleted; what reaches outside stays, hidden, and is never changed', async () => {
  const device = await setUp();
  const { ranges, clock, left, spans, files } = device;
  const outside = [files[0] ?? '', files[2] ?? ''];
  const bytes = outside.map((file) => readFileSync(file));
  const { id, freedBytes } = await ranges.delete(range(3, 9), undefined);
  expect(freedBytes).toBe(readFileSync(files[1] ?? '').length);
  await clock.advance(10 * MINUTE_MS - 1);
  await ranges.run(true, signal);
  expect(left()).toHaveLength(3);
  await clock.advance(1);
  await ranges.run(true, signal);
  expect(left()).toEqual(['12-00-00', '12-00-08']);
  expect(outside.map((file) => readFileSync(file))).toEqual(bytes);
  await expect(ranges.restore(id)).rejects.toThrow('too late');
  expect(ranges.list()).toMatchObject([{ id, undoUntil: null }]);
  expect(await spans()).toEqual([
    [0, 3],
    [9, 3],
  ]);
  // The files have expired.
  for (const file of outside) {
    rmSync(file);
  }
  expect(await spans()).toEqual([]);
  await ranges.run(true, signal);
  expect(ranges.list()).toEqual([]);
});

test('two ranges that cover a file together delete it', async () => {
  const { ranges, clock, left } = await setUp();
  await ranges.delete(range(4, 6), undefined);
  await ranges.delete(range(6, 8), undefined);
  await clock.advance(10 * MINUTE_MS);
  await ranges.run(true, signal);
  expect(left()).toEqual(['12-00-00', '12-00-08']);
});

test('a restart forgets no deletion: it hides the range, gives the time for Undo again, and then deletes', async () => {
  const device = await setUp();
  await device.ranges.delete(range(0, 8), 'anna');
  await device.clock.advance(9 * MINUTE_MS);
  const { ranges } = await device.restart();
  expect(await device.spans()).toEqual([[8, 4]]);
  expect(ranges.list()).toMatchObject([{ by: 'anna', path: 'cam' }]);
  await device.clock.advance(9 * MINUTE_MS);
  await ranges.run(true, signal);
  expect(device.left()).toHaveLength(3);
  await device.clock.advance(MINUTE_MS);
  await ranges.run(false, signal);
  expect(device.left(), 'with an incomplete index nothing is deleted').toHaveLength(3);
  const again = await device.restart();
  await again.ranges.run(true, signal);
  expect(device.left(), 'a started deletion continues at once').toEqual(['12-00-08']);
  expect(again.ranges.list()).toEqual([]);
});

test('protected recordings in the range are named, stay in view, and keep their files', async () => {
  const { ranges, protectedRanges, clock, left, spans } = await setUp();
  const kept = await protectedRanges.add({ path: 'cam', startUs: us(5), endUs: us(6), note: 'the parcel' });
  await protectedRanges.add({ path: 'gate', startUs: us(1), endUs: us(2), note: 'of another camera' });
  const expected = { recordedSeconds: 11, kept: [{ id: kept.id, note: 'the parcel' }] };
  expect(await ranges.forecast(range(0, 12))).toMatchObject(expected);
  expect(await ranges.delete(range(0, 12), undefined)).toMatchObject(expected);
  expect(await spans()).toEqual([[5, 1]]);
  await clock.advance(10 * MINUTE_MS);
  await ranges.run(true, signal);
  expect([left(), await spans()]).toEqual([['12-00-04'], [[5, 1]]]);
  await expect(ranges.delete(range(5, 6), undefined)).rejects.toThrow('all recordings there are protected');
});

test('recordings made after the request stay, even if the clock is set back', async () => {
  const { ranges, clock, left, files, ages } = await setUp();
  clock.stepWall(WALL + 8_000 - clock.wallMs());
  await ranges.delete(range(0, 3600), undefined);
  expect(ranges.list()).toMatchObject([{ end: '2026-07-01T12:00:08Z' }]);
  // A file with a name of the range, started after the request.
  await clock.advance(10 * MINUTE_MS);
  ages.set(files[1] ?? '', MINUTE_MS);
  await ranges.run(true, signal);
  expect(left()).toEqual(['12-00-04', '12-00-08']);
});

test('nothing to delete, times in the wrong order and an unreadable list of protected recordings are rejected', async () => {
  const { ranges, protectedRanges, spans, file } = await setUp();
  await expect(ranges.delete(range(20, 30), undefined)).rejects.toThrow('nothing is recorded there');
  await expect(ranges.delete(range(3, 3), undefined)).rejects.toThrow('end must be later than start');
  await expect(ranges.delete({ ...range(0, 3), end: 'soon' }, undefined)).rejects.toThrow('end');
  await expect(ranges.restore('0b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11')).rejects.toThrow(
    'no deleted recordings have the id',
  );
  writeFileSync(file.replace('deleted', 'protected'), '{');
  await protectedRanges.load();
  await expect(ranges.delete(range(0, 3), undefined)).rejects.toThrow('protected recordings are unknown');
  expect([existsSync(file), await spans()]).toEqual([false, [[0, 12]]]);
});

test('a deletion that cannot be stored hides nothing', async () => {
  const { ranges, spans, file } = await setUp();
  mkdirSync(file.replace('deleted.json', '.deleted.json.tmp'));
  await expect(ranges.delete(range(0, 3), undefined)).rejects.toThrow('cannot write');
  expect([await spans(), ranges.list()]).toEqual([[[0, 12]], []]);
});

test('a power cut while a deletion is stored leaves the list before it, and a half-written draft harms nothing', async () => {
  const device = await setUp();
  await device.ranges.delete(range(0, 3), undefined);
  const stored = readFileSync(device.file);
  const draft = device.file.replace('deleted.json', '.deleted.json.tmp');
  for (const length of [0, 1, Math.floor(stored.length / 2), stored.length]) {
    writeFileSync(draft, stored.subarray(0, length));
    await device.restart();
    expect(await device.spans()).toEqual([[3, 9]]);
  }
  const { ranges } = await device.restart();
  await ranges.delete(range(9, 12), undefined);
  expect(existsSync(draft)).toBe(false);
  await device.restart();
  expect(await device.spans()).toEqual([[3, 6]]);
});

test('a damaged list deletes nothing and is not overwritten; once repaired it counts again', async () => {
  const device = await setUp();
  await device.ranges.delete(range(0, 4), undefined);
  const whole = readFileSync(device.file);
  truncateSync(device.file, whole.length - 20);
  const damaged = readFileSync(device.file);
  const { ranges } = await device.restart();
  await device.clock.advance(20 * MINUTE_MS);
  await ranges.run(true, signal);
  await expect(ranges.delete(range(4, 8), undefined)).rejects.toThrow('deleted recordings are unknown');
  expect([device.left().length, readFileSync(device.file)]).toEqual([3, damaged]);
  writeFileSync(device.file, whole);
  await ranges.run(true, signal);
  expect(await device.spans()).toEqual([[4, 8]]);
  expect(device.left()).toEqual(['12-00-04', '12-00-08']);
});

test('what a person deletes is reported, with all of its range', async () => {
  const { ranges } = await setUp();
  const told: unknown[] = [];
  const stop = ranges.onDeleted(async (path, { startUs, endUs }) => {
    told.push([path, (startUs - us(0)) / 1e6, (endUs - us(0)) / 1e6]);
  });
  await ranges.delete(range(2, 30), undefined);
  stop();
  await ranges.delete(range(0, 1), undefined);
  expect(told).toEqual([['cam', 2, 30]]);
});
