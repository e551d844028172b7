import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import { createLogger } from '../../../base/log.ts';
import { Stream } from '../../../stream/stream.ts';
import type { HlsVariant } from '../contracts/hls-muxer.ts';
import { TsHlsMuxer } from '../muxing/ts-muxer.ts';
import { HlsDirectory } from './hls-directory.ts';

const PREFIX = '0123456789ab';
const segment = (number: number): string => `${PREFIX}_main_seg${number}.ts`;

function setUp({ name = 'cam', variant = 'mpegts' as HlsVariant } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'perch-hls-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const log: { level: number; msg: string; cause?: string; path: string; folder: string }[] = [];
  const directory = new HlsDirectory(
    root,
    variant,
    createLogger('info', (line) => log.push(JSON.parse(line))),
  );
  const stream = new Stream([tinyH264]);
  const open = (prefix = PREFIX) => {
    const limits = { segmentCount: 3, segmentDurationMs: 1000, partDurationMs: 200, segmentMaxBytes: 1 << 20 };
    const muxer = new TsHlsMuxer(name, stream, { prefix, variant, ...limits }, () => directory.closed(muxer));
    directory.opened(name, muxer);
    muxer.start();
    return muxer;
  };
  const folder = join(root, name);
  let written = 0;
  /** Writes this many segments, and waits for each to be reported. */
  const write = async (seconds: number) => {
    for (let i = 0; i < seconds; i += 1) {
      const samples = tinyVideo(25, 25, 25, written * 3600);
      for (const sample of samples) {
        stream.write(0, sample);
      }
      written += samples.length;
      await Promise.resolve();
    }
  };
  const files = () => (existsSync(folder) ? readdirSync(folder).sort() : []);
  return { root, folder, directory, stream, log, open, write, files };
}

/** Names in a playlist of the folder. */
const named = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => /^[^#]/.test(line));

test('segments and playlists are in the folder of the path under their names, and are deleted with the muxer', async () => {
  const { root, folder, directory, open, write, files } = setUp();
  const muxer = open();
  await write(4);
  await vi.waitFor(() =>
    expect(files()).toEqual([segment(1), segment(2), segment(3), 'index.m3u8', 'main_stream.m3u8']),
  );
  expect(readFileSync(join(folder, segment(2)))).toEqual(Buffer.concat(muxer.file(segment(2))?.pieces ?? []));
  await vi.waitFor(() => expect(named(join(folder, 'main_stream.m3u8'))).toEqual([segment(1), segment(2), segment(3)]));
  expect(named(join(folder, 'index.m3u8'))).toEqual(['main_stream.m3u8']);
  muxer.close();
  await directory.close();
  expect(readdirSync(root)).toEqual([]);
});

test("files are deleted with the muxer's segments, and each name in a playlist exists", async () => {
  const { folder, open, write, files } = setUp();
  open();
  await write(20);
  await vi.waitFor(() => expect(named(join(folder, 'main_stream.m3u8'))).toEqual([17, 18, 19].map(segment)));
  await vi.waitFor(() => expect(files()).not.toContain(segment(13)));
  expect(files()).toEqual(expect.arrayContaining(named(join(folder, 'main_stream.m3u8'))));
  expect(files().length).toBeLessThanOrEqual(3 + 3 + 2);
});

test('with low latency no playlists are written', async () => {
  const { open, write, files } = setUp({ variant: 'lowLatency' });
  open();
  await write(3);
  await vi.waitFor(() => expect(files()).toEqual([segment(1), segment(2)]));
});

test('a path with slashes has folders in folders, which go when they are empty', async () => {
  const { root, directory, open, write, files } = setUp({ name: 'house/garden/cam' });
  writeFileSync(join(root, 'of-others'), '');
  const muxer = open();
  await write(2);
  await vi.waitFor(() => expect(files()).toContain(segment(1)));
  muxer.close();
  await directory.close();
  expect(readdirSync(root)).toEqual(['of-others']);
});

test('files of an earlier run are removed, others are kept', async () => {
  const { folder, open, write, files } = setUp();
  mkdirSync(folder);
  const old = 'fedcba987654';
  const left = [
    `${old}_main_seg7.ts`,
    `${old}_video1_init.mp4`,
    `${old}_audio2_seg3.mp4`,
    `${old}_main_seg8.ts.perch-part`,
  ];
  const others = ['holiday.mp4', `${old}_main_seg7.ts.bak`, 'audio2_stream.m3u8'];
  for (const file of [...left, ...others]) {
    writeFileSync(join(folder, file), '#EXTM3U\nsomewhere/else.ts\n');
  }
  writeFileSync(join(folder, 'video1_stream.m3u8'), `#EXTM3U\n#EXTINF:1,\n${left[1]}\n`);
  open();
  await write(2);
  await vi.waitFor(() => expect(files()).toContain('index.m3u8'));
  expect(files()).toEqual([...others, segment(1), 'index.m3u8', 'main_stream.m3u8'].sort());
});

test('the muxer of a new connection replaces the old one at once', async () => {
  const { folder, open, write, files } = setUp();
  const first = open();
  await write(3);
  await vi.waitFor(() => expect(files()).toContain(segment(2)));
  first.close();
  open('aaaaaaaaaaaa');
  await write(3);
  const second = ['aaaaaaaaaaaa_main_seg1.ts', 'aaaaaaaaaaaa_main_seg2.ts'];
  await vi.waitFor(() => expect(named(join(folder, 'main_stream.m3u8'))).toEqual(expect.arrayContaining(second)));
  await vi.waitFor(() => expect(files()).toEqual(expect.arrayContaining([...second, 'index.m3u8'])));
  expect(files()).not.toContain(segment(2));
});

test('an unwritable folder is logged once with path and folder; later all files are written again', async () => {
  const { root, folder, open, write, files, log } = setUp();
  writeFileSync(join(root, 'cam'), 'a file in the place of the folder');
  const muxer = open();
  await write(5);
  await vi.waitFor(() => expect(log).toHaveLength(1));
  expect(log[0]).toMatchObject({ msg: 'HLS cannot be stored in hlsDirectory', path: 'cam', folder });
  expect(log[0]?.cause).toMatch(/EEXIST|ENOTDIR/);
  expect(muxer.isClosed).toBe(false);
  rmSync(join(root, 'cam'));
  await write(1);
  await vi.waitFor(() => expect(files()).toEqual(expect.arrayContaining(['index.m3u8', 'main_stream.m3u8'])));
  expect(files()).toEqual(expect.arrayContaining(named(join(folder, 'main_stream.m3u8'))));
  await vi.waitFor(() => expect(log.map(({ msg }) => msg)[1]).toBe('HLS is stored as files again'));
  expect(log).toHaveLength(2);
});

test('a removed folder is created again', async () => {
  const { folder, open, write, files } = setUp();
  open();
  await write(3);
  await vi.waitFor(() => expect(files()).toContain(segment(2)));
  rmSync(folder, { recursive: true });
  await write(3);
  await vi.waitFor(() => expect(files()).toContain(segment(5)));
  await write(1);
  await vi.waitFor(() => expect(files()).toEqual(expect.arrayContaining([4, 5, 6].map(segment))));
});

test.for(['..', '../cam', 'a/../../cam', '.'])('the path %s is outside', (name) => {
  expect(() => setUp({ name }).open()).toThrow('is outside of hlsDirectory');
});

test('a slow disk gets the newest segments, without a growing queue', async () => {
  const { folder, open, write, files } = setUp();
  open();
  // All within one turn of the event loop: no file has been written meanwhile.
  await write(200);
  await vi.waitFor(() => expect(named(join(folder, 'main_stream.m3u8'))).toEqual([197, 198, 199].map(segment)));
  expect(files().length).toBeLessThan(10);
});
