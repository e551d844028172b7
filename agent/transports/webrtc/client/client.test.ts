// @also without-ffi in long

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { freeUdpPair } from '../../../../test/support/base/free-port.ts';
import { idrPicture, skipPicture, tinyH264 } from '../../../../test/support/media/tiny-h264.ts';
import { App } from '../../../app/app.ts';
import { systemClock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import { createLogger, silentLogger } from '../../../base/log.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import { iceServersOf } from './signalling.ts';
import { WhepReceiver } from './whep-receiver.ts';
import { WhipSender } from './whip-sender.ts';

const OPUS: Track = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const NO_SOUND = { whyNot: () => 'no transcoding here', of: (stream: Stream) => stream };
const OPTIONS = {
  bearerToken: '',
  server: { noun: 'server', path: 'cam' },
  fingerprint: '',
  timeoutMs: 5_000,
  stunGatherTimeoutMs: 1_000,
  handshakeTimeoutMs: 5_000,
} as const;

async function openApp() {
  const folder = mkdtempSync(join(tmpdir(), 'perch-webrtc-'));
  const [media] = await freeUdpPair();
  const config = [
    'address: 127.0.0.1:0\nrtsp: no\nrtmp: no\nhls: no\nwebrtcAddress: 127.0.0.1:0\napi: yes\n',
    `webrtcLocalUDPAddress: 127.0.0.1:${media}\nwebrtcLocalTCPAddress: ""\n`,
    'authInternalUsers: [{user: any, permissions: [{action: publish}, {action: read}, {action: api}]}]\npaths:\n  stage:\n',
  ];
  writeFileSync(join(folder, 'perch.yml'), config.join(''));
  const app = await App.start({
    version: '0',
    dataDir: join(folder, 'data'),
    cwd: folder,
    env: {},
    pageFolder: folder,
    clock: systemClock,
    log: createLogger('error', () => {}),
    discovery: { only: [] },
  });
  onTestFinished(async () => {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${app.mainPort}`;
  return { url, json: async (path: string) => (await fetch(`${url}${path}`)).json() };
}

/** A stream with pictures and audio in real time, until the test ends. */
function liveStream(): Stream {
  const stream = new Stream([tinyH264, OPUS]);
  let count = 0;
  const timer = setInterval(() => {
    const key = count % 10 === 0;
    const pts = 3_600 * count;
    const data = key ? idrPicture(16 + (count % 200)) : skipPicture(count % 10);
    stream.write(0, { pts, dts: pts, wall: Date.now(), key, data });
    for (const half of [0, 1]) {
      const time = 1_920 * count + 960 * half;
      const audio = Uint8Array.of(0xfc, count & 0xff, half);
      stream.write(1, { pts: time, dts: time, wall: Date.now(), key: true, data: audio });
    }
    count += 1;
  }, 40);
  onTestFinished(() => clearInterval(timer));
  return stream;
}

test('a WHIP sender publishes a stream, and a WHEP receiver reads the same samples', async () => {
  const perch = await openApp();
  const stream = liveStream();
  const sent = new Map<number, string[]>();
  const collect = (into: Map<number, string[]>) => ({
    id: 'test',
    onSample: (track: number, { data }: Sample) => {
      into.set(track, [...(into.get(track) ?? []), Buffer.from(data).toString('hex')]);
    },
    onTrack: () => {},
    onEnd: () => {},
  });
  stream.addReader(collect(sent), false);
  const stop = new AbortController();
  const url = perch.url.replace('http', 'whip');
  const sender = new WhipSender(
    { ...OPTIONS, url: `${url}/webrtc/stage/whip` },
    stream,
    NO_SOUND,
    systemClock,
    silentLogger,
  );
  const sending = sender.run(stop.signal);
  await expect
    .poll(() => perch.json('/v3/paths/get/stage'), { timeout: 10_000 })
    .toMatchObject({ ready: true, tracks: ['H264', 'Opus'] });
  expect(sender.isConnected).toBe(true);
  const received = new Map<number, string[]>();
  const options = { ...OPTIONS, name: 'far', hasAudio: true, trackGatherTimeoutMs: 2_000 };
  const from = `${perch.url.replace('http', 'whep')}/webrtc/stage/whep`;
  const receiver = new WhepReceiver({ ...options, url: from }, systemClock, silentLogger);
  const publish = (tracks: readonly Track[]) => {
    const far = new Stream(tracks);
    far.addReader(collect(received), false);
    return far;
  };
  const receiving = receiver.run({ publish }, stop.signal);
  await expect.poll(() => received.get(0)?.length ?? 0, { timeout: 10_000 }).toBeGreaterThan(15);
  for (const track of [0, 1]) {
    const part = (received.get(track) ?? []).join(' ');
    expect((sent.get(track) ?? []).join(' ')).toContain(part);
  }
  expect(sender.outboundBytes).toBeGreaterThan(0);
  expect(receiver.statistics).toMatchObject({ inboundLost: 0 });
  stop.abort();
  await Promise.all([sending, receiving]);
  await expect.poll(() => perch.json('/v3/webrtcsessions/list')).toMatchObject({ itemCount: 0 });
});

test('a stream that ends, ends its sender', async () => {
  const perch = await openApp();
  const stream = liveStream();
  const url = `${perch.url.replace('http', 'whip')}/webrtc/stage/whip`;
  const sender = new WhipSender({ ...OPTIONS, url }, stream, NO_SOUND, systemClock, silentLogger);
  const over = sender.run(new AbortController().signal).catch(explain);
  await expect.poll(() => sender.isConnected, { timeout: 10_000 }).toBe(true);
  stream.close();
  expect(await over).toContain('the stream has ended');
});

async function serve(answer: (request: IncomingMessage, reply: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const receive = (place: string, bearerToken = ''): Promise<string> =>
  new WhepReceiver(
    {
      ...OPTIONS,
      bearerToken,
      url: `whep://${place}/cam/whep`,
      name: 'far',
      hasAudio: true,
      trackGatherTimeoutMs: 1_000,
    },
    systemClock,
    silentLogger,
  )
    .run({ publish: (tracks) => new Stream(tracks) }, new AbortController().signal)
    .then(() => 'no error', explain);

test.for([
  [
    'a reason',
    404,
    '{"status":"error","error":"no stream is available"}',
    'the server answers 404: no stream is available',
  ],
  ['a page', 503, '<html><h1>Busy</h1></html>', 'the server answers 503: Busy'],
  ['no SDP', 201, 'hello', "the server's answer is not usable: it is not a session description"],
  [
    'no password',
    201,
    `v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:a\r\na=fingerprint:sha-256 ${'AB:'.repeat(31)}AB`,
    'it has no a=ice-pwd',
  ],
] as const)('an answer with %s is rejected with it', async ([, status, body, reason]) => {
  const place = await serve((request, reply) => {
    reply.writeHead(request.method === 'POST' ? status : 405).end(body);
  });
  expect(await receive(place)).toContain(reason);
});

test('an offer is redirected with its method and body', async () => {
  const asked: string[] = [];
  const place = await serve((request, reply) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.url === '/cam/whep') {
      reply.writeHead(307, { Location: '/other/whep' }).end();
    } else {
      reply.writeHead(400).end('enough');
    }
  });
  expect(await receive(place)).toContain('the server answers 400: enough');
  expect(asked.slice(-2)).toEqual(['POST /cam/whep', 'POST /other/whep']);
});

test('the token goes to the configured server only, not to where it redirects or where the session is', async () => {
  const seen: (string | undefined)[] = [];
  const other = await serve((request, reply) => {
    seen.push(`${request.method} ${request.headers.authorization}`);
    reply.writeHead(201, { Location: '/session' }).end('no SDP');
  });
  const own: (string | undefined)[] = [];
  const place = await serve((request, reply) => {
    own.push(`${request.method} ${request.headers.authorization}`);
    reply.writeHead(307, { Location: `http://${other}/whep` }).end();
  });
  await receive(place, 't0k3n');
  expect(own).toEqual(['OPTIONS Bearer t0k3n', 'POST Bearer t0k3n']);
  expect(seen).toEqual(['OPTIONS undefined', 'POST undefined', 'DELETE undefined']);
});

test('ICE servers are read from Link headers', () => {
  const link =
    '<stun:stun.example:19302>; rel="ice-server", <turn:turn.example?transport=udp>; rel="ice-server"; username="u\\"1"; credential="p"; credential-type="password", </x>; rel="next"';
  expect(iceServersOf(link)).toEqual([
    { url: 'stun:stun.example:19302', username: '', password: '' },
    { url: 'turn:turn.example?transport=udp', username: 'u"1', password: 'p' },
  ]);
  expect(iceServersOf(undefined)).toEqual([]);
});

test('a server that accepts no track is an error with the offered ones', async () => {
  const place = await serve((request, reply) => {
    const lines = ['v=0', 'a=ice-ufrag:abcd', 'a=ice-pwd:secret', `a=fingerprint:sha-256 ${'AB:'.repeat(31)}AB`];
    const sections = ['m=video 0 UDP/TLS/RTP/SAVPF 96', 'a=mid:0', 'm=audio 0 UDP/TLS/RTP/SAVPF 120', 'a=mid:1'];
    reply.writeHead(request.method === 'POST' ? 201 : 405).end([...lines, ...sections, ''].join('\r\n'));
  });
  const url = `whip://${place}/cam/whip`;
  const sender = new WhipSender({ ...OPTIONS, url }, liveStream(), NO_SOUND, systemClock, silentLogger);
  expect(await sender.run(new AbortController().signal).catch(explain)).toBe(
    'the server does not take the stream as it was offered, with H264 and OPUS',
  );
});
