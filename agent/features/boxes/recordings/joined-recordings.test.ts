import { expect, test } from 'vitest';
import {
  joinedServer,
  openTestPlayback,
  servePlayback,
} from '../../../../test/features/boxes/support/joined-server.ts';
import { scriptedBox } from '../../../../test/features/boxes/support/plain-box.ts';
import { record, WALL } from '../../../../test/support/disks/recordings.ts';
import { testInZone } from '../../../../test/support/harness/time-zone.ts';

testInZone('UTC');

const at = (second: number) => new Date(WALL + second * 1000).toISOString().replace('.000Z', 'Z');

/** The box has the seconds 0 to 40, the server 10 to 20 and 30 to 35. */
async function openServer(port?: number) {
  const box = openTestPlayback();
  await record(box.folder, 40);
  const url = await servePlayback(box.playback);
  const own = openTestPlayback();
  await record(own.folder, 10, { path: 'yard', wall: WALL + 10_000 });
  await record(own.folder, 5, { path: 'yard', wall: WALL + 30_000 });
  const server = await joinedServer(() => port ?? Number(new URL(url).port), own);
  return { box: url, url: server.url, own };
}

const json = async (address: string) => (await fetch(address)).json();

test('a list has what was recorded here, and what the box has in between', async () => {
  const { url } = await openServer();
  expect(await json(`${url}/playback/list?path=yard`)).toMatchObject([
    { start: at(0), duration: 10 },
    { start: at(10), duration: 10 },
    { start: at(20), duration: 10 },
    { start: at(30), duration: 5 },
    { start: at(35), duration: 5 },
  ]);
  const part = await json(`${url}/playback/list?path=yard&start=${at(15)}&end=${at(22)}`);
  expect(part).toMatchObject([
    { start: at(15), duration: 5 },
    { start: at(20), duration: 2 },
  ]);
});

test('a short gap, as of a stream that was connected again, is not filled', async () => {
  const box = openTestPlayback();
  await record(box.folder, 40);
  const url = await servePlayback(box.playback);
  const own = openTestPlayback();
  await record(own.folder, 20, { path: 'yard' });
  await record(own.folder, 18, { path: 'yard', wall: WALL + 21_500 });
  const server = await joinedServer(() => Number(new URL(url).port), own);
  expect(await json(`${server.url}/playback/list?path=yard`)).toMatchObject([
    { start: at(0), duration: 20 },
    { start: '2026-07-01T12:00:21.5Z', duration: 18 },
  ]);
});

test("each entry of the list plays whole, and a longer request continues with the other side's recording", async () => {
  const { url, box } = await openServer();
  const list = (await json(`${url}/playback/list?path=yard`)) as readonly { start: string; duration: number }[];
  for (const [i, { start, duration }] of list.entries()) {
    const answer = await fetch(`${url}/playback/get?path=yard&start=${start}&duration=${duration}`);
    expect([answer.status, answer.headers.get('perch-ends')]).toEqual([200, null]);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const theirs = await fetch(`${box}/playback/get?path=cam&start=${start}&duration=${duration}`);
    // The server's own recordings are other files.
    expect(bytes.equals(Buffer.from(await theirs.arrayBuffer()))).toBe(i % 2 === 0);
    const longer = await fetch(`${url}/playback/get?path=yard&start=${start}&duration=40`, { method: 'HEAD' });
    expect(longer.headers.get('perch-ends')).toBe(null);
    const isLast = i === list.length - 1;
    expect(Number(longer.headers.get('content-length')) > bytes.length).toBe(!isLast);
  }
});

test('a range within the own recordings asks no box', async () => {
  await using box = await scriptedBox((_, response) => response.end());
  const { url } = await openServer(box.port);
  const answer = await fetch(`${url}/playback/get?path=yard&start=${at(12)}&duration=5`);
  expect([answer.status, answer.headers.get('perch-missing'), box.asked]).toEqual([200, null, []]);
  const playlist = await fetch(`${url}/playback/yard/media.m3u8?start=${at(12)}&duration=5`);
  expect([playlist.status, box.asked]).toEqual([200, []]);
});

test('a playlist has the segments of both, in the order of their times, and all of them play', async () => {
  const { url } = await openServer();
  const main = await (await fetch(`${url}/playback/yard/index.m3u8?start=${at(0)}&duration=40`)).text();
  const media = main.split('\n').find((line) => line.startsWith('media.m3u8')) ?? '';
  const lines = (await (await fetch(`${url}/playback/yard/${media}`)).text()).split('\n');
  const times = lines.filter((line) => line.startsWith('#EXT-X-PROGRAM-DATE-TIME'));
  expect(times.length).toBe(5);
  expect(times.toSorted()).toEqual(times);
  const seconds = lines.filter((line) => line.startsWith('#EXTINF')).map((line) => Number.parseFloat(line.slice(8)));
  // At most one segment more than the gap at each of its ends.
  const total = seconds.reduce((sum, one) => sum + one, 0);
  expect([total >= 40, total < 40 + 4 * 6]).toEqual([true, true]);
  expect(lines.at(-2)).toBe('#EXT-X-ENDLIST');
  const [files, ranges] = [
    lines.filter((line) => line.startsWith('vod/')),
    lines.filter((line) => line.startsWith('#EXT-X-BYTERANGE:')),
  ];
  for (const [i, file] of files.entries()) {
    const [, length = 0, offset = 0] = /(\d+)@(\d+)/.exec(ranges[i] ?? '')?.map(Number) ?? [];
    const headers = { Range: `bytes=${offset}-${offset + length - 1}` };
    const answer = await fetch(`${url}/playback/yard/${file}`, { headers });
    expect([answer.status, (await answer.arrayBuffer()).byteLength]).toEqual([206, length]);
  }
  expect(new Set(files).size).toBe(3);
});

const rewound = async (url: string, from: string): Promise<Response> =>
  fetch(`${url}/hls/yard/rewind_stream.m3u8?start=${from}&target=6`);
const filesOf = (playlist: string) => playlist.split('\n').filter((line) => line.startsWith('vod/'));

test('a rewind has the segments of both, which play, and stays open', async () => {
  const { url } = await openServer();
  const answer = await rewound(url, at(0));
  expect([answer.status, answer.headers.get('perch-missing')]).toEqual([200, null]);
  const playlist = await answer.text();
  expect(playlist).toMatch(/^#EXT-X-PLAYLIST-TYPE:EVENT$/m);
  expect(playlist).toMatch(/^#EXT-X-TARGETDURATION:6$/m);
  expect(playlist).not.toContain('ENDLIST');
  const files = filesOf(playlist);
  expect([files.length >= 8, new Set(files).size]).toEqual([true, 3]);
  for (const file of new Set(files)) {
    expect((await fetch(`${url}/hls/yard/${file}`, { headers: { Range: 'bytes=0-99' } })).status).toBe(206);
  }
});

test('a rewind within own recordings asks no box', async () => {
  await using box = await scriptedBox((_, response) => response.end());
  const own = openTestPlayback();
  const beganMs = Date.now() - 60_000;
  await record(own.folder, 58, { path: 'yard', wall: beganMs });
  const { url } = await joinedServer(() => box.port, own);
  expect((await rewound(url, new Date(beganMs + 5_000).toISOString())).status).toBe(200);
  expect((await fetch(`${url}/hls/yard/rewind.m3u8?back=30`)).status).toBe(200);
  expect(box.asked).toEqual([]);
});

test('a rewind of a camera without own recordings is that of the box', async () => {
  const box = openTestPlayback();
  const nowMs = Date.now();
  await record(box.folder, 50, { wall: nowMs - 100_000 });
  const boxUrl = await servePlayback(box.playback);
  const server = await joinedServer(() => Number(new URL(boxUrl).port));
  const main = await (await fetch(`${server.url}/hls/yard/rewind.m3u8?back=120`)).text();
  const media = main.split('\n').find((line) => line.startsWith('rewind_stream.m3u8')) ?? '';
  const playlist = await (await fetch(`${server.url}/hls/yard/${media}`)).text();
  expect(filesOf(playlist).length).toBeGreaterThan(7);
});

test('an open rewind does not change while the box is away, and one that is opened then has what lies here', async () => {
  const box = openTestPlayback();
  await record(box.folder, 40);
  const boxUrl = await servePlayback(box.playback);
  const own = openTestPlayback();
  await record(own.folder, 10, { path: 'yard', wall: WALL + 10_000 });
  let port = Number(new URL(boxUrl).port);
  const { url } = await joinedServer(() => port, own);
  const before = await (await rewound(url, at(0))).text();
  const there = port;
  port = 1;
  const away = await rewound(url, at(0));
  expect([away.status, away.headers.get('perch-missing')]).toEqual([200, expect.stringMatching(/^boxAway/)]);
  expect(await away.text()).toBe(before);
  const opened = await (await rewound(url, at(5))).text();
  expect(new Set(filesOf(opened)).size).toBe(1);
  port = there;
  expect(await (await rewound(url, at(5))).text()).toBe(opened);
  expect(await (await rewound(url, at(0))).text()).toBe(before);
});

test('pictures are those of this box where it has recordings', async () => {
  const { url } = await openServer();
  for (const second of [5, 15, 25, 33, 38]) {
    const frame = await fetch(`${url}/playback/yard/frame.mp4?time=${at(second)}`);
    expect([frame.status, frame.headers.get('perch-time')]).toEqual([200, at(second)]);
  }
});

test('a timeline has both, with gaps where neither has recordings', async () => {
  const { url } = await openServer();
  const timeline = await json(`${url}/v3/timeline/yard?from=${at(0)}&to=${at(60)}`);
  expect(timeline).toMatchObject({
    coverage: [[0, 40]],
    gaps: [[40, 20]],
    recordedSeconds: 40,
    first: at(0),
    last: at(40),
    missing: null,
  });
});

test('a box that is away takes nothing from what lies here, and is named', async () => {
  const { url } = await openServer(1);
  const away = /^boxAway; since="\d{4}-.*Z"$/;
  const list = await fetch(`${url}/playback/list?path=yard`);
  expect([list.status, list.headers.get('perch-missing')]).toEqual([200, expect.stringMatching(away)]);
  expect(await list.json()).toMatchObject([{ start: at(10) }, { start: at(30) }]);
  for (const address of [
    `get?path=yard&start=${at(12)}&duration=30`,
    `get?path=yard&start=${at(2)}&duration=30`,
    `yard/media.m3u8?start=${at(0)}&duration=40`,
  ]) {
    const answer = await fetch(`${url}/playback/${address}`);
    expect([answer.status, answer.headers.get('perch-missing')]).toEqual([200, expect.stringMatching(away)]);
  }
  expect((await fetch(`${url}/playback/yard/frame.mp4?time=${at(12)}`)).status).toBe(200);
  expect(await json(`${url}/v3/timeline/yard?from=${at(0)}&to=${at(60)}`)).toMatchObject({
    coverage: [
      [10, 10],
      [30, 5],
    ],
    missing: { why: 'boxAway', since: expect.stringMatching(/Z$/), text: expect.stringContaining("'house' is away") },
  });
  // Only the box would have it.
  for (const address of [`get?path=yard&start=${at(2)}&duration=3`, `yard/frame.mp4?time=${at(2)}`]) {
    const answer = await fetch(`${url}/playback/${address}`);
    expect([answer.status, (await answer.json()).why]).toEqual([503, 'boxAway']);
  }
});

test('a box that hangs is waited for once', async () => {
  await using box = await scriptedBox(() => {});
  const { url } = await openServer(box.port);
  const beganMs = performance.now();
  const answer = await fetch(`${url}/playback/list?path=yard`);
  expect([answer.status, answer.headers.get('perch-missing')]).toEqual([200, expect.stringMatching(/^boxAway/)]);
  const firstMs = performance.now() - beganMs;
  await json(`${url}/v3/timeline/yard?from=${at(0)}&to=${at(60)}`);
  expect([firstMs < 3_000, performance.now() - beganMs - firstMs < 1_000]).toEqual([true, true]);
});

test('a box that refuses, or has no such path, adds nothing and is not missed', async () => {
  for (const status of [403, 404, 400]) {
    await using box = await scriptedBox((_, response) => response.writeHead(status).end('{"error":"no"}'));
    const { url } = await openServer(box.port);
    const list = await fetch(`${url}/playback/list?path=yard`);
    expect([list.status, list.headers.get('perch-missing')]).toEqual([200, null]);
    expect(await list.json()).toHaveLength(2);
    expect((await fetch(`${url}/playback/get?path=yard&start=${at(2)}&duration=30`)).status).toBe(200);
  }
});
