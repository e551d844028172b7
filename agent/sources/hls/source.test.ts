import { createCipheriv } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, type TestContext, test } from 'vitest';
import { SourceRun } from '../../../test/support/cameras/source-run.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { writeFragment } from '../../../test/support/media/write-fragment.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { writeInit } from '../../media/mp4/write/init.ts';
import { HlsSource } from './source.ts';

const FPS = 25;
const PICTURES = tinyVideo(3 * FPS, FPS, FPS);
/** A second of pictures. */
const SEGMENTS = [0, 1, 2].map((second) => {
  const samples = PICTURES.slice(FPS * second, FPS * (second + 1));
  const baseTime = 90_000 * second;
  return Buffer.concat(writeFragment(second, [{ track: 0, baseTime, samples, endDts: baseTime + 90_000 }]));
});

async function serve({ onTestFinished }: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const start = (url: string, usesSenderClock = false) =>
  new SourceRun(
    new HlsSource(
      { name: 'far', url, fingerprint: '', readTimeoutMs: 2_000, audio: true, usesSenderClock },
      systemClock,
      silentLogger,
    ),
  );

const playlist = (...lines: readonly string[]): string =>
  ['#EXTM3U', '#EXT-X-TARGETDURATION:1', '#EXT-X-MAP:URI="init.mp4"', ...lines].join('\n');

test.concurrent('an ended playlist is played picture by picture, through a redirect, to its end', async (context) => {
  const url = await serve(context, (request, reply) => {
    const path = request.url ?? '';
    if (path === '/start.m3u8') {
      reply.writeHead(302, { Location: '/live/index.m3u8' }).end();
    } else if (path === '/live/index.m3u8') {
      const files = [0, 1, 2].flatMap((i) => ['#EXTINF:1,', `seg${i}.mp4`]);
      reply.end(playlist(...files, '#EXT-X-ENDLIST'));
    } else {
      const segment = /seg(\d)/.exec(path)?.[1];
      reply.end(segment === undefined ? writeInit([tinyH264]) : SEGMENTS[Number(segment)]);
    }
  });
  const startedMs = performance.now();
  await using run = start(`${url}/start.m3u8`);
  expect(await run.failure()).toBe('undefined');
  expect(performance.now() - startedMs).toBeGreaterThan(2_500);
  expect(run.tracks).toMatchObject([{ codec: 'h264', width: 64 }]);
  expect(run.samples.map(({ sample }) => [sample.pts, sample.key, Buffer.from(sample.data).toString('hex')])).toEqual(
    PICTURES.map(({ pts, key, data }) => [pts, key, Buffer.from(data).toString('hex')]),
  );
});

test.concurrent.for([true, false])(
  "with useAbsoluteTimestamp: %s samples have the server's time, or the time of arrival",
  async (isUsed, context) => {
    // Ten seconds are the limit of the server's distance.
    const begin = Date.now() - 5_000;
    const url = await serve(context, (request, reply) => {
      const isPlaylist = request.url === '/index.m3u8';
      const date = `#EXT-X-PROGRAM-DATE-TIME:${new Date(begin).toISOString()}`;
      const body = playlist(date, '#EXTINF:1,', 'seg0.mp4', '#EXT-X-ENDLIST');
      reply.end(isPlaylist ? body : request.url === '/init.mp4' ? writeInit([tinyH264]) : SEGMENTS[0]);
    });
    await using run = start(`${url}/index.m3u8`, isUsed);
    await run.sampled(20);
    const walls = run.samples.slice(1, 20).map(({ sample }, i) => Math.round(sample.wall - 40 * (i + 1)));
    // Arrival on a busy box is uneven.
    expect(Math.max(...walls) - Math.min(...walls)).toBeLessThan(isUsed ? 4 : 200);
    const distance = (walls[10] ?? 0) - begin;
    isUsed ? expect(Math.abs(distance)).toBeLessThan(5) : expect(distance).toBeGreaterThan(4_000);
  },
);

test.concurrent('video precedes the audio of a separate rendition, whichever is loaded first', async (context) => {
  const sound = [{ pts: 0, dts: 0, wall: 0, key: true, data: Uint8Array.of(1, 2, 3) }];
  const audio = Buffer.concat(writeFragment(0, [{ track: 0, baseTime: 0, samples: sound, endDts: 960 }]));
  const answers: Record<string, string | Uint8Array | undefined> = {
    '/index.m3u8': [
      '#EXTM3U',
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",DEFAULT=YES,URI="audio/index.m3u8"',
      '#EXT-X-STREAM-INF:BANDWIDTH=100,AUDIO="a"',
      'video/index.m3u8',
    ].join('\n'),
    '/video/index.m3u8': playlist('#EXTINF:1,', 'seg.mp4', '#EXT-X-ENDLIST'),
    '/audio/index.m3u8': playlist('#EXTINF:1,', 'seg.mp4', '#EXT-X-ENDLIST'),
    '/video/init.mp4': writeInit([tinyH264]),
    '/audio/init.mp4': writeInit([{ kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 }]),
    '/video/seg.mp4': SEGMENTS[0],
    '/audio/seg.mp4': audio,
  };
  const url = await serve(context, (request, reply) => {
    const answer = () => void reply.end(answers[request.url ?? '']);
    request.url === '/video/init.mp4' ? setTimeout(answer, 50) : answer();
  });
  await using run = start(`${url}/index.m3u8`);
  await run.sampled(2);
  expect(run.tracks).toMatchObject([{ codec: 'h264' }, { codec: 'opus' }]);
});

test.concurrent('a playlist may not name another host of the local network', async (context) => {
  let asked = 0;
  const other = await serve(context, (_, reply) => {
    asked += 1;
    reply.end();
  });
  const hidden = other.replace('127.0.0.1', '127.0.0.2');
  const url = await serve(
    context,
    (_, reply) => void reply.end(playlist('#EXTINF:1,', `${hidden}/seg.mp4`, '#EXT-X-ENDLIST')),
  );
  await using run = start(`${url}/index.m3u8`);
  expect(await run.failure()).toContain("'127.0.0.2' is in a private network");
  expect(asked).toBe(0);
});

test.concurrent.for([
  ['a page', '<html></html>', 200, 'does not begin with #EXTM3U'],
  [
    'encrypted segments',
    playlist('#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k"', '#EXTINF:1,', 'a.mp4'),
    200,
    'encrypted (SAMPLE-AES), supported is AES-128',
  ],
  ['an error', '', 503, '/index.m3u8 answers 503'],
  ['a playlist of 5 MB', `#EXTM3U\n${'#'.repeat(5 << 20)}`, 200, 'has more than 4194304 bytes'],
] as const)('a server that answers with %s is an error with the reason', async ([, body, status, reason], context) => {
  const url = await serve(context, (_, reply) => void reply.writeHead(status).end(body));
  await using run = start(`${url}/index.m3u8`);
  expect(await run.failure()).toContain(reason);
});

test.concurrent('an invalid MP4 segment is an error with the reason', async (context) => {
  const url = await serve(context, (request, reply) => {
    const isPlaylist = request.url === '/index.m3u8';
    reply.end(isPlaylist ? playlist('#EXTINF:1,', 'seg.mp4', '#EXT-X-ENDLIST') : 'not an MP4 file, not at all');
  });
  await using run = start(`${url}/index.m3u8`);
  expect(await run.failure()).toMatch(/MP4/);
});

test.concurrent('segments in AES-128 are decrypted, with the number of the segment as vector', async (context) => {
  const key = Buffer.alloc(16, 7);
  const vector = Buffer.alloc(16);
  vector.writeUInt16BE(300, 14);
  const cipher = createCipheriv('aes-128-cbc', key, vector);
  const encrypted = Buffer.concat([cipher.update(SEGMENTS[0] as Uint8Array), cipher.final()]);
  const head = ['#EXT-X-MEDIA-SEQUENCE:300', '#EXT-X-KEY:METHOD=AES-128,URI="key"'];
  const answers: Record<string, string | Uint8Array> = {
    '/index.m3u8': playlist(...head, '#EXTINF:1,', 'seg.mp4', '#EXT-X-ENDLIST'),
    '/init.mp4': writeInit([tinyH264]),
    '/key': key,
    '/seg.mp4': encrypted,
  };
  const url = await serve(context, (request, reply) => void reply.end(answers[request.url ?? '']));
  await using run = start(`${url}/index.m3u8`);
  expect(await run.failure()).toBe('undefined');
  expect(run.samples.map(({ sample }) => Buffer.from(sample.data).toString('hex'))).toEqual(
    PICTURES.slice(0, FPS).map(({ data }) => Buffer.from(data).toString('hex')),
  );
});

test.concurrent.for([
  ['of the wrong length', Buffer.alloc(10), 'a key of 10 and a vector of 16 bytes'],
  ['that is another one', Buffer.alloc(16, 9), 'cannot be decrypted'],
] as const)('a key %s is an error with the reason', async ([, key, reason], context) => {
  const cipher = createCipheriv('aes-128-cbc', Buffer.alloc(16, 7), Buffer.alloc(16));
  const segment = Buffer.concat([cipher.update(SEGMENTS[0] as Uint8Array), cipher.final()]);
  const url = await serve(context, (request, reply) => {
    const text = playlist('#EXT-X-KEY:METHOD=AES-128,URI="key"', '#EXTINF:1,', 'seg.mp4', '#EXT-X-ENDLIST');
    const answers: Record<string, string | Uint8Array> = { '/index.m3u8': text, '/key': key, '/seg.mp4': segment };
    reply.end(answers[request.url ?? ''] ?? writeInit([tinyH264]));
  });
  await using run = start(`${url}/index.m3u8`);
  expect(await run.failure()).toContain(reason);
});

test.concurrent('a key that changes at the same address is loaded again', async (context) => {
  const keys = [1, 2].map((byte) => Buffer.alloc(16, byte));
  const encrypted = [0, 1].map((i) => {
    const vector = Buffer.alloc(16);
    vector.writeUInt16BE(i, 14);
    const cipher = createCipheriv('aes-128-cbc', keys[i] as Buffer, vector);
    return Buffer.concat([cipher.update(SEGMENTS[i] as Uint8Array), cipher.final()]);
  });
  let asked = 0;
  const url = await serve(context, (request, reply) => {
    const segment = /seg(\d)/.exec(request.url ?? '')?.[1];
    if (request.url === '/index.m3u8') {
      const files = [0, 1].flatMap((i) => ['#EXTINF:1,', `seg${i}.mp4`]);
      reply.end(playlist('#EXT-X-KEY:METHOD=AES-128,URI="key"', ...files, '#EXT-X-ENDLIST'));
    } else if (request.url === '/key') {
      reply.end(keys[asked]);
      asked += 1;
    } else {
      reply.end(segment === undefined ? writeInit([tinyH264]) : encrypted[Number(segment)]);
    }
  });
  await using run = start(`${url}/index.m3u8`);
  expect(await run.failure()).toBe('undefined');
  expect([run.samples.length, asked]).toEqual([2 * FPS, 2]);
});

test.concurrent.for([404, 503])(
  'a live playlist that answers %i for a moment is tried again',
  async (status, context) => {
    let asked = 0;
    const url = await serve(context, (request, reply) => {
      const segment = /seg(\d)/.exec(request.url ?? '')?.[1];
      asked += request.url === '/index.m3u8' ? 1 : 0;
      if (request.url !== '/index.m3u8') {
        reply.end(segment === undefined ? writeInit([tinyH264]) : SEGMENTS[Number(segment)]);
      } else if (asked === 2 || asked === 3) {
        reply.writeHead(status).end();
      } else {
        const isLate = asked > 3;
        const files = (isLate ? [0, 1, 2] : [0, 1]).flatMap((i) => ['#EXTINF:1,', `seg${i}.mp4`]);
        reply.end(playlist(...files, ...(isLate ? ['#EXT-X-ENDLIST'] : [])));
      }
    });
    await using run = start(`${url}/index.m3u8`);
    expect(await run.failure()).toBe('undefined');
    expect(run.samples.length).toBe(PICTURES.length);
    expect(asked).toBeGreaterThan(3);
  },
);

test.concurrent('a server that begins again with other files of the same names is a new timeline, with its own initialization', async (context) => {
  let inits = 0;
  let requests = 0;
  const url = await serve(context, (request, reply) => {
    const segment = /seg(\d)/.exec(request.url ?? '')?.[1];
    if (request.url === '/index.m3u8') {
      requests += 1;
      const first = ['#EXT-X-MEDIA-SEQUENCE:50', '#EXTINF:1,', 'seg2.mp4'];
      const again = ['#EXT-X-MEDIA-SEQUENCE:0', '#EXTINF:1,', 'seg0.mp4', '#EXT-X-ENDLIST'];
      reply.end(playlist(...(requests > 1 ? again : first)));
    } else {
      inits += segment === undefined ? 1 : 0;
      reply.end(segment === undefined ? writeInit([tinyH264]) : SEGMENTS[Number(segment)]);
    }
  });
  await using run = start(`${url}/index.m3u8`);
  expect(await run.failure()).toBe('undefined');
  expect([run.samples.length, inits]).toEqual([2 * FPS, 2]);
  const times = run.samples.map(({ sample }) => sample.dts / 90_000);
  const gaps = times.slice(1).map((time, i) => time - (times[i] as number));
  expect(Math.min(...gaps)).toBeGreaterThan(0.03);
  expect(Math.max(...gaps)).toBeLessThan(0.05);
});

test.concurrent.for([
  ['once was read while it was written', 1, 3 * FPS],
  ['twice comes from a server that has begun again', 2, 5 * FPS],
] as const)('a playlist of all segments that is shorter %s', async ([, shorter, pictures], context) => {
  let requests = 0;
  const url = await serve(context, (request, reply) => {
    const segment = /seg(\d)/.exec(request.url ?? '')?.[1];
    if (request.url === '/index.m3u8') {
      requests += 1;
      const isLast = requests > 1 + shorter;
      const files = (isLast ? [0, 1, 2] : requests > 1 ? [0] : [0, 1]).flatMap((i) => ['#EXTINF:1,', `seg${i}.mp4`]);
      reply.end(playlist(...files, ...(isLast ? ['#EXT-X-ENDLIST'] : [])));
    } else {
      reply.end(segment === undefined ? writeInit([tinyH264]) : SEGMENTS[Number(segment)]);
    }
  });
  await using run = start(`${url}/index.m3u8`);
  expect(await run.failure()).toBe('undefined');
  expect(run.samples.length).toBe(pictures);
});

test.concurrent.for([
  [401, 'password'],
  [403, 'forbidden'],
] as const)('to a login the answer %i means %s', async ([status, absence], context) => {
  const url = await serve(context, (_request, reply) => reply.writeHead(status).end());
  await using run = start(`${url.replace('//', '//tom:secret@')}/index.m3u8`);
  expect(await run.cause()).toMatchObject({ code: 'unauthorized', context: { status, absence } });
});

test.concurrent('a live playlist that stays away ends the source with the reason', async (context) => {
  let requests = 0;
  const url = await serve(context, (request, reply) => {
    if (request.url === '/index.m3u8') {
      requests += 1;
      requests > 1 ? reply.writeHead(404).end() : reply.end(playlist('#EXTINF:1,', 'seg0.mp4'));
    } else {
      reply.end(request.url === '/init.mp4' ? writeInit([tinyH264]) : SEGMENTS[0]);
    }
  });
  await using run = start(`${url}/index.m3u8`);
  expect(await run.failure()).toContain('/index.m3u8 answers 404');
  // Each half target duration for five of them.
  expect(requests).toBeGreaterThan(5);
  expect(requests).toBeLessThan(20);
});
