import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { filesBelow, record, temporaryFolder, WALL } from '../../../../test/support/disks/recordings.ts';
import { getBytes, openPlayback, TEMPLATE } from '../../../../test/support/harness/playback.ts';
import { type PlainTrack, plainMp4 } from '../../../../test/support/media/plain-mp4.ts';
import { readPlainMp4 } from '../../../../test/support/media/read-mp4.ts';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import { writeAacConfig } from '../../../media/aac/params.ts';
import { MovedFiles } from '../../../playback/index/moved-files.ts';
import { readSegmentInfo } from '../../../playback/index/segment-info.ts';
import { signatureFileOf } from '../../../record/signing/signature-file.ts';
import { saveSnapshot, snapshotName } from '../../../record/snapshots/snapshot-files.ts';
import { Copier, type CopierDeps } from '../../../recordings/copy/copier.ts';
import { type ImportPace, openSource } from '../../../recordings/copy/copy-file.ts';
import type { LeftFile } from '../../../recordings/copy/left-file.ts';
import type { JobReport } from '../../../recordings/copy/transfer-kind.ts';
import { ImportList } from './import-list.ts';

interface Given {
  readonly path: string;
  readonly recordPath: string;
  readonly deleteAfterMs: number;
  readonly minFreeBytes: (diskBytes: number) => number;
  readonly isLinked: boolean;
  readonly isMoved?: boolean;
  readonly camera: string | undefined;
  readonly nowMs: () => number;
  readonly zone: string;
  readonly playback?: CopierDeps['playback'];
}

const NO_RECORDINGS: CopierDeps['playback'] = {
  measure: async () => ({ bytes: 0, recordedUs: 0, firstUs: undefined }),
};

/** As the command does. @param memory of an import that was ended */
async function importFolder(
  from: string,
  given: Given,
  pace: ImportPace,
  onDone: (report: { readonly taken: number; readonly doneFiles: number }) => void = () => {},
  memory: object = {},
) {
  const { path, recordPath, deleteAfterMs: recordDeleteAfterMs, isMoved, nowMs, playback = NO_RECORDINGS } = given;
  const deps = { ...given, clock: { wallMs: nowMs, monoMs: () => performance.now() } };
  const moves = isMoved ? new MovedFiles() : undefined;
  const settingsOf = () => ({ recordPath, recordDeleteAfterMs });
  const list = new ImportList(from, [{ path }], memory, { ...deps, settingsOf, moves });
  const copier = new Copier(list, memory, { ...deps, playback, refusal: () => undefined });
  const report = { files: 0, bytes: 0, doneFiles: 0, doneBytes: 0, taken: 0, takenBytes: 0, present: 0 };
  const left: LeftFile[] = [];
  let isTaken = false;
  const job: JobReport = {
    ...{ forgetLeftOut: () => {}, bytes: () => {}, keep: async () => {} },
    left: (files, bytes) => void Object.assign(report, { files, bytes }),
    begin: () => {
      isTaken = true;
    },
    isPresent: () => {
      isTaken = false;
      report.present += 1;
    },
    leftOut: (file) => {
      isTaken = false;
      left.push(file);
    },
    done: (sizeBytes) => {
      report.doneFiles += 1;
      report.doneBytes += sizeBytes;
      report.taken += isTaken ? 1 : 0;
      report.takenBytes += isTaken ? sizeBytes : 0;
      onDone(report);
    },
  };
  await copier.run(job, pace).catch((error: unknown) => {
    if (!pace.signal.aborted) {
      throw error;
    }
  });
  return { ...report, left, memory: copier.memory };
}

const paceOf = (signal: AbortSignal) => ({ signal, wait: async () => signal.throwIfAborted() });
const PACE = paceOf(new AbortController().signal);
/** 2026-07-01 12:00:00 UTC, as `WALL`. */
const NAME = '2026-07-01_12-00-00.mp4';

/** Ten pictures a second, a key picture each half second, and sound. */
function movie(count: number): Uint8Array {
  const pictures = tinyVideo(count, 10, 5);
  const video: PlainTrack = {
    track: tinyH264,
    timescale: 1_000,
    samples: pictures.map(({ data, key }) => ({ data, isKey: key, ticks: 100 })),
  };
  const audio: PlainTrack = {
    track: {
      ...{ kind: 'audio', codec: 'aac', clockRate: 8_000, channels: 1, frameSamples: 1_024 },
      config: writeAacConfig(8_000, 1) as Uint8Array,
    },
    timescale: 8_000,
    samples: Array.from({ length: Math.floor((count * 800) / 1_024) }, (_, i) => ({
      ...{ data: Uint8Array.of(i, 1, 2), isKey: true, ticks: 1_024 },
    })),
  };
  return plainMp4([video, audio]);
}

/** Folders of other programs' files, and of a path's recordings. */
function folders() {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const [from, to] = [join(folder.path, 'from'), join(folder.path, 'rec')];
  mkdirSync(from);
  mkdirSync(to);
  const put = (name: string, bytes: Uint8Array) => {
    const file = join(from, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    utimesSync(file, 1e9, 1e9);
    return file;
  };
  const target = {
    ...{ path: 'cam', recordPath: join(to, TEMPLATE), deleteAfterMs: 0, minFreeBytes: () => 0, isLinked: false },
    ...{ camera: undefined, nowMs: () => WALL + 86_400_000, zone: 'UTC' },
  };
  return { from, to, put, target, all: () => filesBelow(to).filter((file) => !file.includes('index.db')) };
}

test('a plain MP4 file becomes a recording with the same samples and times', async () => {
  const { from, to, put, target, all } = folders();
  const bytes = Buffer.from(movie(60));
  put(NAME, bytes);
  const report = await importFolder(from, target, PACE);
  expect(report).toMatchObject({ taken: 1, present: 0, left: [] });
  await using playback = openPlayback(to);
  const listed = await playback.list('cam', undefined, undefined, '');
  expect(listed.map(({ start, duration }) => [start, duration])).toEqual([['2026-07-01T12:00:00Z', 6]]);
  const played = await getBytes(playback, 0, 6, 'mp4');
  const shapes = [...readPlainMp4(played).values()].map((samples) =>
    samples.map(({ isSync, data }) => [isSync, data.toString('hex')]),
  );
  expect(shapes[0]).toEqual(tinyVideo(60, 10, 5).map(({ key, data }) => [key, Buffer.from(data).toString('hex')]));
  expect(shapes[1]).toEqual(Array.from({ length: 46 }, (_, i) => [true, Buffer.from([i, 1, 2]).toString('hex')]));
  const [video = []] = readPlainMp4(played).values();
  expect(video.slice(0, 3).map(({ shownTime }) => shownTime)).toEqual([0, 9_000, 18_000]);
  // Parts from 3 s on: the table at the end is that of the file.
  expect((await getBytes(playback, 3_000, 2)).length).toBeGreaterThan(100);
  // It takes part in retention like other recordings, and nothing of the import is left.
  expect(playback.isFinished(all()[0] ?? '')).toBe(true);
  expect(readdirSync(join(to, 'cam')).filter((name) => name.startsWith('.'))).toEqual([]);
  expect(readFileSync(join(from, NAME)).equals(bytes)).toBe(true);
});

test.for(['fmp4', 'mpegts'] as const)(
  'recordings in the form of MediaMTX (%s) are copied as they are, or linked',
  async (format) => {
    for (const isLinked of [false, true]) {
      const { from, to, target, all } = folders();
      const [file = ''] = await record(from, 4, { format });
      utimesSync(file, 1e9, 1e9);
      const report = await importFolder(from, { ...target, isLinked }, PACE);
      expect(report).toMatchObject({ taken: 1, left: [] });
      const [copy = ''] = all();
      expect(readFileSync(copy).equals(readFileSync(file))).toBe(true);
      expect(statSync(copy).ino === statSync(file).ino).toBe(isLinked);
      await using playback = openPlayback(to);
      expect((await playback.list('cam', undefined, undefined, '')).map(({ duration }) => duration)).toEqual([4]);
    }
  },
);

test('a second import takes nothing again, and never overwrites', async () => {
  const { from, put, target, all } = folders();
  put(NAME, movie(10));
  put('2026-07-01_13-00-00.mp4', movie(10));
  await importFolder(from, target, PACE);
  const before = all().map((file) => [file, statSync(file).ino, statSync(file).mtimeMs]);
  put(NAME, movie(30));
  put('2026-07-01_14-00-00.mp4', movie(10));
  expect(await importFolder(from, target, PACE)).toMatchObject({ taken: 1, present: 2, left: [] });
  expect(
    all()
      .slice(0, 2)
      .map((file) => [file, statSync(file).ino, statSync(file).mtimeMs]),
  ).toEqual(before);
});

test('what the path has recordings of is not taken twice, whatever the name', async () => {
  const { from, to, put, target, all } = folders();
  // Twelve seconds, of another program and of the path itself.
  await record(to, 12);
  await using playback = openPlayback(to);
  const known = () => ({ ...target, playback });
  put('2026-07-01_12-00-02.mp4', movie(60));
  put('2026-07-01_12-00-08.mp4', movie(60));
  // Whole seconds in names: they follow each other.
  put('2026-07-01_12-00-11.mp4', movie(60));
  put('2026-07-01_12-00-16.mp4', movie(60));
  put('again/2026-07-01_12-00-17.mp4', movie(40));
  put('2026-07-01_11-59-57.mp4', movie(600));
  const count = () => all().filter((file) => file.endsWith('.mp4')).length;
  expect(count()).toBe(1);
  const report = await importFolder(from, known(), PACE);
  expect(report).toMatchObject({ files: 6, doneFiles: 6, taken: 2, present: 2 });
  expect(report.left).toEqual([
    {
      ...{ file: '2026-07-01_11-59-57.mp4', why: 'overlap' },
      reason: 'the path has recordings of 12 of its 60 seconds',
    },
    { file: '2026-07-01_12-00-08.mp4', why: 'overlap', reason: 'the path has recordings of 4 of its 6 seconds' },
  ]);
  expect(count()).toBe(3);
  expect(await importFolder(from, known(), PACE)).toMatchObject({ taken: 0, present: 5 });
});

test('an import continues after the last file that it has done', async () => {
  const { from, put, target } = folders();
  for (let i = 0; i < 4; i += 1) {
    put(`2026-07-01_12-0${i}-00.mp4`, movie(10));
  }
  put('no-time.mp4', movie(10));
  const stop = new AbortController();
  const first = await importFolder(
    from,
    target,
    paceOf(stop.signal),
    ({ doneFiles }) => doneFiles === 3 && stop.abort(),
  );
  expect(first).toMatchObject({ files: 5, doneFiles: 3, taken: 2, memory: { last: '2026-07-01_12-01-00.mp4' } });
  expect(first.left.map(({ file }) => file)).toEqual(['no-time.mp4']);
  const second = await importFolder(from, target, PACE, () => {}, first.memory);
  expect(second).toMatchObject({ files: 2, doneFiles: 2, doneBytes: second.bytes, taken: 2, present: 0, left: [] });
});

test('the name that a power cut left empty on a disk without hard links is used', async () => {
  const { from, put, target, all } = folders();
  put(NAME, movie(10));
  await importFolder(from, target, PACE);
  const [file = ''] = all();
  writeFileSync(file, '');
  utimesSync(file, 1e9, 1e9);
  expect(await importFolder(from, target, PACE)).toMatchObject({ taken: 1, present: 0 });
  expect(statSync(file).size).toBeGreaterThan(1_000);
});

test('what is not taken is reported with the reason', async () => {
  const { from, put, target, all } = folders();
  const good = movie(10);
  put('no-time.mp4', good);
  put('2026-07-01_12-00-01.mp4', Buffer.from('no film'));
  put('2026-07-01_12-00-02.mp4', good.subarray(0, good.length / 2));
  put('2026-07-01_12-00-03.ts', Buffer.alloc(2_000));
  put('2026-06-01_12-00-04.mp4', good);
  put('2026-07-09_12-00-05.mp4', good);
  utimesSync(put('2026-07-01_12-00-06.mp4', good), (WALL + 86_400_000) / 1000, (WALL + 86_400_000) / 1000);
  put('notes.txt', good);
  const { taken, left } = await importFolder(from, { ...target, deleteAfterMs: 7 * 86_400_000 }, PACE);
  expect(taken).toBe(0);
  expect(left.map(({ file, reason }) => `${file}: ${reason}`)).toEqual([
    expect.stringContaining('no-time.mp4: its name has no date and time'),
    expect.stringContaining('2026-06-01_12-00-04.mp4: it is older than recordDeleteAfter'),
    expect.stringContaining('2026-07-01_12-00-01.mp4: it is not an MP4 file'),
    expect.stringMatching(/2026-07-01_12-00-02\.mp4: .*(?:moov|cut)/),
    expect.stringMatching(/2026-07-01_12-00-03\.ts: /),
    expect.stringContaining('2026-07-01_12-00-06.mp4: it was changed within the last minute'),
    expect.stringContaining('2026-07-09_12-00-05.mp4: its time is in the future'),
  ]);
  expect(all()).toEqual([]);
});

test('of several cameras of Frigate one is named', async () => {
  const { from, to, put, target } = folders();
  put('2026-07-01/12/front/00.00.mp4', movie(20));
  put('2026-07-01/12/front/00.02.mp4', movie(20));
  put('2026-07-01/12/yard/00.00.mp4', movie(20));
  await expect(importFolder(from, target, PACE)).rejects.toThrow('add --camera with one of front, yard');
  await expect(importFolder(from, { ...target, camera: 'door' }, PACE)).rejects.toThrow("no camera 'door'");
  const report = await importFolder(from, { ...target, camera: 'front' }, PACE);
  expect(report).toMatchObject({ taken: 2, left: [{ file: '2026-07-01/12/yard/00.00.mp4' }] });
  await using playback = openPlayback(to);
  // One after the other, they are one span.
  const listed = await playback.list('cam', undefined, undefined, '');
  expect(listed.map(({ start, duration }) => [start, duration])).toEqual([['2026-07-01T12:00:00Z', 4]]);
});

test('the disk keeps the room that recordings need, and drafts of an import that ended are removed', async () => {
  const { from, to, put, target, all } = folders();
  put(NAME, movie(10));
  mkdirSync(join(to, 'cam'));
  // No process has this number.
  writeFileSync(join(to, 'cam/.import-4194305.part'), 'half');
  const full = importFolder(from, { ...target, minFreeBytes: (diskBytes) => diskBytes }, PACE);
  await expect(full).rejects.toMatchObject({ code: 'exhausted', message: expect.stringContaining('recordMinFree') });
  expect(all().filter((file) => file.endsWith('.mp4'))).toEqual([]);
  await importFolder(from, target, PACE);
  expect(readdirSync(join(to, 'cam'))).toEqual(['2026-07-01_12-00-00-000000.mp4']);
});

test('an import that is ended leaves whole recordings only, and continues', async () => {
  const { from, put, target, all } = folders();
  for (let i = 0; i < 4; i += 1) {
    put(`2026-07-01_12-0${i}-00.mp4`, movie(10));
  }
  const stop = new AbortController();
  const first = await importFolder(from, target, paceOf(stop.signal), ({ taken }) => taken === 2 && stop.abort());
  expect([first.taken, all().length]).toEqual([2, 2]);
  expect(await importFolder(from, target, PACE)).toMatchObject({ taken: 2, present: 2 });
});

const STILL = Buffer.from('ffd8ffe0', 'hex');

/** A recording with a still, in the folder of a former disk. */
async function formerRecording() {
  const made = folders();
  const [file = ''] = await record(made.from, 4);
  await saveSnapshot(file, STILL, WALL + 1_000);
  utimesSync(file, 1e9, 1e9);
  const moved = { ...made.target, isMoved: true };
  return { ...made, file, moved, bytes: readFileSync(file), names: () => filesBelow(made.from) };
}

test('a moved recording has the same bytes, its stills go with it, and its file is deleted', async () => {
  const { from, to, moved, bytes, names, all } = await formerRecording();
  expect(await importFolder(from, moved, PACE)).toMatchObject({ taken: 1, takenBytes: bytes.length, left: [] });
  expect(names()).toEqual([]);
  const [copy = '', still = ''] = all();
  expect(readFileSync(copy).equals(bytes)).toBe(true);
  expect([readFileSync(still), statSync(still).mtimeMs]).toEqual([STILL, WALL + 1_000]);
  await using playback = openPlayback(to);
  expect((await playback.list('cam', undefined, undefined, '')).map(({ duration }) => duration)).toEqual([4]);
});

test.for<[string, (secret: string, file: string) => void]>([
  ['link', (secret, file) => symlinkSync(secret, file)],
  ['other content', (_, file) => writeFileSync(file, 'a password')],
  ['FIFO', (_, file) => void execFileSync('mkfifo', [file])],
  ['folder', (_, file) => void mkdirSync(file)],
])('a %s under the name of a still or of signatures is not copied', async ([, plant]) => {
  const { from, target, moved, file, all } = await formerRecording();
  const secret = join(dirname(from), 'secret');
  writeFileSync(secret, Buffer.concat([STILL, Buffer.from('a password')]));
  plant(secret, snapshotName(file, 2));
  plant(secret, signatureFileOf(file));
  expect(await importFolder(from, target, PACE)).toMatchObject({ taken: 1, left: [] });
  expect(all().map((name) => extname(name))).toEqual(['.mp4', '.jpg']);
  expect(await importFolder(from, moved, PACE)).toMatchObject({ taken: 1, left: [] });
  expect(readFileSync(secret, 'latin1')).toContain('a password');
});

test('a recording that became a link meanwhile is left out', async () => {
  const { from, target, file } = await formerRecording();
  renameSync(file, `${file}.kept`);
  symlinkSync(`${file}.kept`, file);
  await expect(readSegmentInfo(file, { isBeingWritten: false })).rejects.toThrow('ELOOP');
  await expect(openSource(file)).rejects.toThrow('ELOOP');
  expect(await importFolder(from, target, PACE)).toMatchObject({ files: 0, taken: 0 });
});

test('a move that a power cut ended before the deletion continues there', async () => {
  const { from, moved, target, names, all, file } = await formerRecording();
  await importFolder(from, target, PACE);
  expect(names()).toContain(file);
  expect(all().length).toBe(2);
  expect(await importFolder(from, moved, PACE)).toMatchObject({ taken: 1, present: 0, left: [] });
  expect([names().length, all().length]).toEqual([0, 2]);
});

test('what is not the same there, not finished, or of other programs is not moved', async () => {
  const { from, put, moved, target, names, all, file, bytes } = await formerRecording();
  await importFolder(from, target, PACE);
  const [copy = ''] = all();
  writeFileSync(copy, 'another recording');
  put('2026-07-01_15-00-00.mp4', movie(10));
  const growing = put('2026-07-01_16-00-00.mp4', bytes.subarray(0, bytes.length - 200));
  const before = names();
  const { taken, left } = await importFolder(from, moved, PACE);
  expect(taken).toBe(0);
  expect(left.map(({ reason }) => reason)).toEqual([
    expect.stringContaining('another recording has its name there'),
    expect.stringContaining('import it without --move'),
    expect.stringContaining('not finished'),
  ]);
  expect(names()).toEqual(before);
  expect(before).toContain(growing);
  expect(readFileSync(file).equals(bytes)).toBe(true);
  expect(readFileSync(copy, 'utf8')).toBe('another recording');
});

test('a move into the same folder deletes nothing', async () => {
  const { from, moved, names } = await formerRecording();
  const before = names();
  const report = await importFolder(from, { ...moved, recordPath: join(from, TEMPLATE) }, PACE);
  expect(report).toMatchObject({ taken: 0, present: 1, left: [] });
  expect(names()).toEqual(before);
});

test('an exception in the program ends an import as it is: it is no fault of a disk', async () => {
  const { from, put, target } = folders();
  put(NAME, movie(10));
  const bug = new TypeError('x is not a function');
  const playback = { measure: () => Promise.reject(bug) };
  await expect(importFolder(from, { ...target, playback }, PACE)).rejects.toBe(bug);
});
