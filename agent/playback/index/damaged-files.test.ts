import { appendFileSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { random } from '../../../test/support/base/random.ts';
import { MemoryFile } from '../../../test/support/disks/memory-file.ts';
import { openRecording } from '../../../test/support/disks/read-recording.ts';
import { feed, startRecorder, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { TEMPLATE } from '../../../test/support/harness/playback.ts';
import { tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { readInit } from '../../record/file/fragment-walk.ts';
import { recoverRecordings } from '../../record/recovery/recovery.ts';
import { Playback } from '../playback.ts';

const ever = new AbortController().signal;

interface Left {
  readonly file: string;
  /** As it is while being written, without an end: three parts of a second, each of several pages. */
  readonly bytes: Buffer;
  readonly whole: Buffer;
  readonly initBytes: number;
  /** One past each part. */
  readonly ends: readonly [number, number, number];
}

/** A recording of three seconds that a power cut has left. */
async function leftOver(folder: string): Promise<Left> {
  const next = random(7);
  await using running = startRecorder(folder);
  const video = tinyVideo(30, 10, 10, 0, WALL).map((sample) => ({
    ...sample,
    data: Uint8Array.from({ length: 2_000 }, () => next() * 256),
  }));
  feed(running.stream, [video]);
  running.stream.close();
  await running.recorder.stop();
  const [file = ''] = running.log.names;
  const { fragments } = await openRecording(file);
  const whole = readFileSync(file);
  const init = await readInit(new MemoryFile(whole), whole.length);
  const ends: number[] = [];
  for (const { sizeBytes } of fragments) {
    ends.push((ends.at(-1) ?? init.sizeBytes) + sizeBytes);
  }
  const bytes = Buffer.from(whole.subarray(0, ends.at(-1)));
  bytes.writeUInt32BE(0, init.durationOffset);
  return { file, bytes, whole, initBytes: init.sizeBytes, ends: ends as unknown as Left['ends'] };
}

/** A page of zeros in the middle of each part. */
function zeroed({ bytes, initBytes, ends }: Left, ...parts: number[]): Buffer {
  const spoilt = Buffer.from(bytes);
  for (const part of parts) {
    const middle = Math.round(((part === 0 ? initBytes : (ends[part - 1] as number)) + (ends[part] as number)) / 2);
    spoilt.fill(0, middle - 2_048, middle + 2_048);
  }
  return spoilt;
}

/** Playback as Perch has it after a start, and all that it says. */
function start(folder: string, isBeingWritten?: (file: string) => boolean) {
  const { log, logged } = keepLogLines();
  const recordPath = join(folder, TEMPLATE);
  const playback = new Playback({
    file: join(folder, 'segments.db'),
    zone: 'UTC',
    logger: log,
    paths: {
      recordPathOf: () => ({ recordPath, format: 'fmp4' }),
      recordPaths: () => [recordPath],
      hasRecorded: () => false,
    },
    ...(isBeingWritten && { isBeingWritten }),
  });
  const recover = () =>
    recoverRecordings([recordPath], {
      isOpen: isBeingWritten ?? (() => false),
      isFinished: (file) => playback.isFinished(file),
      onRecovered: (segment) => playback.segmentLog.finished(segment),
      clock: new FakeClock(),
      logger: log,
    });
  return Object.assign(playback, {
    recover,
    /** Lines for people that name a file. */
    named: (file: string) =>
      logged.filter(([level, , facts]) => level !== 'debug' && JSON.stringify(facts).includes(file)),
    durations: async () =>
      (await playback.list('cam', undefined, undefined, 'http://box').catch(() => [])).map((span) => span.duration),
    answer: async () => {
      const whole = { path: 'cam', startUs: WALL * 1000, durationUs: 10e6, format: 'fmp4', skipsGaps: true } as const;
      const { file } = await playback.get(whole);
      return buffer(file.read(0, file.sizeBytes));
    },
    [Symbol.asyncDispose]: () => playback.close(),
  });
}

const NOTHING_WHOLE: readonly [string, (left: Left) => Buffer][] = [
  ['a torn first part', ({ bytes, ends }) => bytes.subarray(0, ends[0] - 5_000)],
  ['a torn first part that is as long as the file system says', (left) => zeroed(left, 0).subarray(0, left.ends[0])],
  ['a first part of zeros', ({ bytes, initBytes, ends }) => Buffer.from(bytes.subarray(0, ends[0])).fill(0, initBytes)],
  ['zeros in each of three parts', (left) => zeroed(left, 0, 1, 2)],
  ['a header and nothing else', ({ bytes, initBytes }) => bytes.subarray(0, initBytes)],
  ['half a header', ({ bytes }) => bytes.subarray(0, 300)],
  ['no bytes', () => Buffer.alloc(0)],
];

test.for(NOTHING_WHOLE)('of a file with %s nothing is listed or served, and it is named once', async ([, spoil]) => {
  for (const order of ['asked before recovery', 'recovered first'] as const) {
    using folder = temporaryFolder();
    const left = await leftOver(folder.path);
    writeFileSync(left.file, spoil(left));
    for (const run of ['after the cut', 'after another start']) {
      await using playback = start(folder.path);
      if (order === 'asked before recovery') {
        expect(await playback.durations()).toEqual([]);
      }
      await playback.checkNewest(ever);
      expect((await playback.recover()).recovered).toEqual([]);
      await playback.rebuild(ever);
      expect(await playback.durations()).toEqual([]);
      await expect(playback.answer()).rejects.toMatchObject({ code: 'notFound' });
      const { count, files } = playback.unreadable();
      expect([count, files[0]?.file]).toEqual([1, left.file]);
      expect(files[0]?.reason).toMatch(/no part is complete|no complete header/);
      expect(playback.named(left.file)).toHaveLength(run === 'after the cut' ? 1 : 0);
    }
  }
});

test.for([
  ['the last', [2], [0, 1], [2]],
  ['the middle', [1], [0, 2], [1, 1]],
  ['the first', [0], [1, 2], [2]],
  ['the first two', [0, 1], [2], [1]],
] as const)(
  'with zeros in %s of three parts the others are listed and served, before recovery and after it',
  async ([, lost, kept, seconds]) => {
    using folder = temporaryFolder();
    const left = await leftOver(folder.path);
    writeFileSync(left.file, zeroed(left, ...lost));
    const { bytes, ends } = left;
    const served = async (playback: { answer(): Promise<Buffer> }): Promise<void> => {
      const answer = await playback.answer();
      for (const part of [0, 1, 2] as const) {
        // The part's last pictures, which the zeros have spared: present only if the part is served.
        const isThere = answer.includes(bytes.subarray((ends[part] as number) - 5_000, ends[part]));
        expect([part, isThere]).toEqual([part, (kept as readonly number[]).includes(part)]);
      }
    };
    await using playback = start(folder.path);
    expect(await playback.durations()).toEqual(seconds);
    await served(playback);
    expect((await playback.recover()).recovered).toEqual([left.file]);
    expect(await playback.durations()).toEqual(seconds);
    await served(playback);
    expect([playback.unreadable().count, playback.named(left.file).length]).toEqual([0, 1]);
  },
);

test('an incomplete end does not count: the parts are read, and recovery repairs it', async () => {
  using folder = temporaryFolder();
  const { file, whole, bytes, ends } = await leftOver(folder.path);
  const tail = Buffer.from(whole.subarray(ends[2]));
  const table = Math.round(tail.length * 0.8);
  const left = Buffer.concat([bytes, tail.fill(0, table - 20, table + 20)]);
  writeFileSync(file, left);
  await using playback = start(folder.path);
  expect(await playback.durations()).toEqual([3]);
  expect(playback.isFinished(file)).toBe(false);
  expect((await playback.recover()).recovered).toEqual([file]);
  expect(readFileSync(file).equals(whole)).toBe(true);
});

test('a file written by this process is verified only after it is finished', async () => {
  using folder = temporaryFolder();
  const left = await leftOver(folder.path);
  const spoilt = zeroed(left, 1, 2);
  let isOpen = true;
  await using playback = start(folder.path, () => isOpen);
  // Without a complete part nothing is logged.
  for (const sizeBytes of [0, 300, left.initBytes, left.ends[0] - 100]) {
    writeFileSync(left.file, spoilt.subarray(0, sizeBytes));
    expect([await playback.durations(), playback.unreadable().count]).toEqual([[], 0]);
  }
  writeFileSync(left.file, spoilt.subarray(0, left.ends[1]));
  expect(await playback.durations()).toEqual([2]);
  await playback.answer();
  appendFileSync(left.file, spoilt.subarray(left.ends[1]));
  expect(await playback.durations()).toEqual([3]);
  expect(playback.named(left.file)).toEqual([]);
  isOpen = false;
  utimesSync(left.file, 1_000, 1_000);
  expect(await playback.durations()).toEqual([1]);
  expect((await playback.answer()).includes(left.bytes.subarray(left.ends[1] + 3_000, left.ends[2]))).toBe(false);
});

test('the open file of an earlier run is read again, although size and time match the index', async () => {
  using folder = temporaryFolder();
  const left = await leftOver(folder.path);
  writeFileSync(left.file, left.bytes);
  const { mtime } = statSync(left.file);
  {
    await using before = start(folder.path, () => true);
    expect(await before.durations()).toEqual([3]);
  }
  writeFileSync(left.file, zeroed(left, 0, 1, 2));
  utimesSync(left.file, mtime, mtime);
  await using playback = start(folder.path);
  expect(await playback.durations()).toEqual([]);
  expect(playback.named(left.file)).toHaveLength(1);
});

test("another program's file is reported only if it is incomplete and has not grown for a minute", async () => {
  using folder = temporaryFolder();
  const left = await leftOver(folder.path);
  const header = Buffer.from(left.bytes.subarray(0, left.initBytes));
  header.write('free', header.indexOf('prch'));
  writeFileSync(left.file, header);
  await using playback = start(folder.path);
  expect([await playback.durations(), playback.unreadable().count]).toEqual([[], 0]);
  utimesSync(left.file, Date.now() / 1000 - 90, Date.now() / 1000 - 90);
  expect([await playback.durations(), playback.unreadable().count]).toEqual([[], 1]);
});
