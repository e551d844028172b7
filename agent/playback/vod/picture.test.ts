import { expect, onTestFinished, test } from 'vitest';
import { pictureOf } from '../../../test/support/cameras/snapshot-camera.ts';
import { feed, record, startRecorder, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { openVodApp } from '../../../test/support/harness/http/vod-app.ts';
import { openPlayback } from '../../../test/support/harness/playback.ts';
import { vp8 } from '../../../test/support/media/video-tracks.ts';
import { parseJpeg } from '../../media/mjpeg/params.ts';
import { saveSnapshot } from '../../record/snapshots/snapshot-files.ts';
import { PictureTurns } from './picture.ts';

const WHEN = 'time=2026-07-01T12:00:02.350Z';

async function recorded() {
  const folder = temporaryFolder();
  await record(folder.path, 4);
  const playback = openPlayback(folder.path);
  const app = await openVodApp(playback, '/playback');
  return {
    get: (query: string, headers = {}) => fetch(`${app.url}/cam/picture.jpg?${query}`, { headers }),
    [Symbol.asyncDispose]: async () => {
      await app[Symbol.asyncDispose]();
      await playback.close();
      folder[Symbol.dispose]();
    },
  };
}

const shownMs = (answer: Response): number => Date.parse(answer.headers.get('perch-time') ?? '') - WALL;

test.for([
  ['', 2_000, 64],
  ['&exact=true', 2_300, 64],
  ['&width=32', 2_000, 32],
  ['&width=4000', 2_000, 64],
] as const)('with "%s" the picture is the one of %s ms, %s pixels wide', async ([query, ms, width]) => {
  await using app = await recorded();
  const answer = await app.get(WHEN + query);
  expect([answer.status, answer.headers.get('content-type'), answer.headers.get('perch-picture')]).toEqual([
    200,
    'image/jpeg',
    'perch',
  ]);
  expect(shownMs(answer)).toBe(ms);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  expect(parseJpeg(bytes)).toMatchObject({ width, height: (width * 48) / 64 });
});

test('a picture that was seen before is not made again', async () => {
  await using app = await recorded();
  const first = await app.get(WHEN);
  const etag = first.headers.get('etag') ?? '';
  expect(first.headers.get('cache-control')).toBe('private, max-age=86400, immutable');
  const again = await app.get('time=2026-07-01T12:00:02.900Z', { 'if-none-match': etag });
  expect(again.status).toBe(304);
  const other = await app.get(`${WHEN}&width=32`, { 'if-none-match': etag });
  expect(other.status).toBe(200);
});

test.for([
  ['time=2027-07-01T12:00:02Z', 404],
  ['time=yesterday', 400],
  [`${WHEN}&width=0`, 400],
  [`${WHEN}&width=1e3x`, 400],
  [`${WHEN}&width=100000`, 400],
  [`${WHEN}&exact=maybe`, 400],
] as const)('%s is answered with %s', async ([query, status]) => {
  await using app = await recorded();
  expect((await app.get(query)).status).toBe(status);
});

test('without ffmpeg a codec that is not decoded here has the nearest still of the camera, else the answer says what to do', async () => {
  using folder = temporaryFolder();
  await using running = startRecorder(folder.path, {}, [vp8]);
  const data = Uint8Array.of(0x10, 0, 0, 0x9d, 1, 0x2a, 64, 0, 48, 0);
  const pictures = Array.from({ length: 40 }, (_, i) => ({ pts: i * 9_000, wall: WALL + i * 100, key: i % 10 === 0 }));
  feed(running.stream, [pictures.map((picture) => ({ ...picture, dts: picture.pts, data }))]);
  running.stream.close();
  await running.recorder.stop();
  await using playback = openPlayback(folder.path);
  await using app = await openVodApp(playback, '/playback');
  const { PATH } = process.env;
  process.env['PATH'] = '/nowhere';
  onTestFinished(() => {
    process.env['PATH'] = PATH;
  });
  const get = () => fetch(`${app.url}/cam/picture.jpg?${WHEN}`);
  const refused = await get();
  expect([refused.status, await refused.text()]).toEqual([501, expect.stringContaining('install ffmpeg')]);
  const still = pictureOf(900);
  await saveSnapshot(running.log.names[0] ?? '', still, WALL + 1_000);
  const answer = await get();
  expect([answer.status, answer.headers.get('perch-picture'), shownMs(answer)]).toEqual([200, 'camera', 1_000]);
  expect(Buffer.from(await answer.arrayBuffer()).equals(still)).toBe(true);
});

test('a person with many requests leaves the decoder to others, and gets all pictures in the end', async () => {
  const turns = new PictureTurns();
  const open: (() => void)[] = [];
  const make = () => new Promise<void>((resolve) => open.push(resolve));
  const many = Array.from({ length: 64 }, () => turns.run('tom', make));
  expect(open.length).toBe(4);
  await expect(turns.run('tom', make)).rejects.toThrow('60 pictures are waiting already');
  const other = turns.run('ann', make);
  expect(open.length).toBe(5);
  open.pop()?.();
  await other;
  let isOver = false;
  const all = Promise.all(many).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    open.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await all).length).toBe(64);
});

test('a picture that fails ends its turn', async () => {
  const turns = new PictureTurns();
  const failed = Array.from({ length: 9 }, () => turns.run('tom', () => Promise.reject(new Error('no'))));
  expect((await Promise.allSettled(failed)).every(({ status }) => status === 'rejected')).toBe(true);
  expect(await turns.run('tom', async () => 7)).toBe(7);
});
