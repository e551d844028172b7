import { request as httpRequest } from 'node:http';
import { expect, test } from 'vitest';
import { record, temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { readPlaylist } from '../../../test/support/disks/vod.ts';
import { openVodApp } from '../../../test/support/harness/http/vod-app.ts';
import { openPlayback } from '../../../test/support/harness/playback.ts';

const PERIOD = 'start=2026-07-01T12:00:00Z&duration=60';

/** The status for this path as it is, not normalised by a client. */
const rawStatus = (url: string, path: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    httpRequest({ hostname, port, path }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on('error', reject)
      .end();
  });

test.for([
  [`/cam/index.m3u8?${PERIOD}`, 200],
  [`/cam/media.m3u8?${PERIOD}`, 200],
  ['/cam/frame.mp4?time=2026-07-01T12:00:01Z', 200],
  ['/cam/frame.mp4?time=2026-07-01T14:00:01%2B02:00', 200],
  ['/cam/index.m3u8', 400],
  ['/cam/index.m3u8?start=2026-07-01T12:00:00Z', 400],
  ['/cam/index.m3u8?start=yesterday&duration=5', 400],
  ['/cam/index.m3u8?start=2026-07-01T12:00:00Z&duration=0', 400],
  ['/cam/index.m3u8?start=2026-07-01T12:00:00Z&duration=-5', 400],
  ['/cam/index.m3u8?start=2026-07-01T12:00:00Z&duration=1e300', 400],
  ['/cam/index.m3u8?start=2026-07-01T12:00:00Z&duration=NaN', 400],
  ['/cam/index.m3u8?start=2026-07-01T12:00:00Z&duration=1e10', 200],
  ['/cam/index.m3u8?start=2027-07-01T12:00:00Z&duration=60', 404],
  ['/cam/frame.mp4', 400],
  ['/cam/frame.mp4?time=now', 400],
  ['/cam/frame.mp4?time=2027-07-01T12:00:00Z', 404],
  [`/unknown/index.m3u8?${PERIOD}`, 400],
  ['/unknown/frame.mp4?time=2026-07-01T12:00:01Z', 400],
  [`/secret/index.m3u8?${PERIOD}`, 401],
  ['/secret/frame.mp4?time=nonsense', 401],
  ['/secret/vod/1782907200000000-a_b-c1D2.mp4', 401],
  ['/cam/vod/1782907200000000-a_b-c1D2.mp4', 404],
  ['/cam/vod/0-a_b-c1D2.mp4', 404],
  [`/../cam/index.m3u8?${PERIOD}`, 400],
  [`/cam/../../etc/index.m3u8?${PERIOD}`, 400],
  [`/cam%2F..%2Fcam/index.m3u8?${PERIOD}`, 400],
  [`/%2e%2e/cam/index.m3u8?${PERIOD}`, 400],
  [`//cam/index.m3u8?${PERIOD}`, 400],
  [`/ca%00m/index.m3u8?${PERIOD}`, 400],
  ['/ca%00m/vod/1782907200000000-a_b-c1D2.mp4', 400],
  ['/cam/vod/..%2F..%2Fsecret.mp4', 404],
  ['/cam/rewind.m3u8', 404],
  ['/cam/anything', 404],
  ['/', 404],
] as const)('%s is answered with %s', async ([path, status]) => {
  using folder = temporaryFolder();
  await record(folder.path, 3);
  await using playback = openPlayback(folder.path);
  await using app = await openVodApp(playback);
  expect(await rawStatus(app.url, path)).toBe(status);
});

test('playlists hold relative addresses only, and nothing else of the request', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 3);
  await using playback = openPlayback(folder.path);
  await using app = await openVodApp(playback, '/playback');
  const query = `${PERIOD}&token=secret&user=me&pass=word`;
  for (const name of ['index', 'media']) {
    const answer = await fetch(`${app.url}/cam/${name}.m3u8?${query}`);
    expect(answer.headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
    expect(answer.headers.get('cache-control')).toBe('private, no-cache');
    const text = await answer.text();
    expect(text).not.toMatch(/secret|word|http|^\//m);
    const again = { headers: { 'if-none-match': answer.headers.get('etag') ?? '' } };
    expect((await fetch(`${app.url}/cam/${name}.m3u8?${query}`, again)).status).toBe(304);
  }
});

test('a finished recording’s resource is cacheable forever; its ranges, its head and the full resource agree', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 20, { sound: true });
  await using playback = openPlayback(folder.path);
  await using app = await openVodApp(playback);
  const { segments } = readPlaylist(await (await fetch(`${app.url}/cam/media.m3u8?${PERIOD}`)).text());
  const url = `${app.url}/cam/${segments[0]?.uri}`;
  const whole = await fetch(url);
  const bytes = Buffer.from(await whole.arrayBuffer());
  expect(whole.headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
  expect(Number(whole.headers.get('content-length'))).toBe(bytes.length);
  const etag = whole.headers.get('etag') ?? '';
  const head = await fetch(url, { method: 'HEAD' });
  expect([head.headers.get('content-length'), head.headers.get('etag')]).toEqual([String(bytes.length), etag]);
  for (const { start, end } of segments) {
    const part = await fetch(url, { headers: { range: `bytes=${start}-${end - 1}`, 'if-range': etag } });
    expect([part.status, part.headers.get('content-range')]).toEqual([
      206,
      `bytes ${start}-${end - 1}/${bytes.length}`,
    ]);
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(start, end))).toBe(true);
  }
  const behind = await fetch(url, { headers: { range: `bytes=${bytes.length}-` } });
  expect([behind.status, behind.headers.get('cache-control')]).toEqual([416, 'private, no-cache']);
  expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
  expect((await fetch(url, { headers: { range: 'bytes=0-9', 'if-range': '"other"' } })).status).toBe(200);
});

test('a frame says when it was seen, is kept, and plays where players ask for ranges', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 5);
  await using playback = openPlayback(folder.path);
  await using app = await openVodApp(playback);
  const url = `${app.url}/cam/frame.mp4?time=2026-07-01T12:00:03.7Z`;
  const answer = await fetch(url);
  expect(answer.headers.get('perch-time')).toBe('2026-07-01T12:00:03Z');
  expect(answer.headers.get('access-control-expose-headers')).toContain('Perch-Time');
  expect(answer.headers.get('cache-control')).toBe('private, max-age=86400, immutable');
  const bytes = Buffer.from(await answer.arrayBuffer());
  const probe = await fetch(url, { headers: { range: 'bytes=0-1' } });
  expect([probe.status, probe.headers.get('content-range')]).toEqual([206, `bytes 0-1/${bytes.length}`]);
});
