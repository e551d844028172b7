import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { type OnvifCameraOptions, startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { freePort } from '../../../test/support/base/free-port.ts';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { describeStream, speaksRtsp } from './probe.ts';

const asks = (port: number, signal = new AbortController().signal, answerMs = 5_000) =>
  speaksRtsp(`rtsp://127.0.0.1:${port}/`, systemClock, { connectMs: 5_000, answerMs }, signal);

async function listen({ onTestFinished }: TestContext, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).resume();
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  });
  return (server.address() as { port: number }).port;
}

test('a camera that requires a login speaks RTSP', async () => {
  await using camera = await startOnvifCamera({ credentials: { user: 'admin', password: 'secret' } });
  expect(await asks(camera.rtspPort)).toBe(true);
});

test('a camera that rejects OPTIONS speaks RTSP', async (context) => {
  expect(await asks(await listen(context, (socket) => socket.write('RTSP/1.0 405 No\r\nCSeq: 1\r\n\r\n')))).toBe(true);
});

test.for([
  ['a web server', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'],
  ['a mail server', '220 mail ready\r\n'],
] as const)('%s does not speak RTSP', async ([, greeting], context) => {
  expect(await asks(await listen(context, (socket) => socket.end(greeting)))).toBe(false);
});

test('neither a closed port nor a silent one speaks RTSP', async (context) => {
  expect(await asks(await freePort())).toBe(false);
  expect(await asks(await listen(context, () => {}), new AbortController().signal, 50)).toBe(false);
  const stop = new AbortController();
  const asked = asks(await listen(context, () => stop.abort()), stop.signal);
  expect(await asked).toBe(false);
});

test('a server that answers late speaks RTSP once it has accepted the connection', async (context) => {
  const clock = new FakeClock();
  const port = await listen(context, (socket) => {
    void clock.advance(8_000).then(() => socket.write('RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n'));
  });
  const times = { connectMs: 2_000, answerMs: 20_000 };
  expect(await speaksRtsp(`rtsp://127.0.0.1:${port}/`, clock, times, new AbortController().signal)).toBe(true);
});

const signal = new AbortController().signal;
/** 1920x1080, max_num_reorder_frames = 2. */
const SPS_WITH_REORDERING = Buffer.from('67640028acd940780227e5c044000003000400000300c83c60c658', 'hex').toString(
  'base64',
);
const LOGIN = { user: 'admin', password: 'secret' };

async function start(quirks: OnvifCameraOptions['quirks'] = {}) {
  const camera = await startOnvifCamera({ credentials: LOGIN, quirks });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  return camera;
}

/** Sends this reply to every connection. */
async function answering(answer: (socket: Socket, connection: number) => void): Promise<string> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    connections += 1;
    const connection = connections;
    socket.on('data', () => answer(socket, connection));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  });
  return `rtsp://127.0.0.1:${(server.address() as AddressInfo).port}/main`;
}

test.for(['md5', 'sha256', 'both'] as const)('a stream is described after a login with %s', async (rtspLogin) => {
  const camera = await start({ rtspLogin });
  expect(await describeStream(camera.rtspUrl(), LOGIN, { signal })).toEqual({
    codec: 'H264',
    hasPicture: true,
    hasSound: true,
    hasBackChannel: false,
    mayReorder: false,
  });
});

test('a wrong or missing password is rejected; an unknown path is not found', async () => {
  const camera = await start({ tellsPathsBeforeLogin: true, streamPaths: { main: '/main', sub: '/sub' } });
  const wrong = { ...LOGIN, password: 'wrong' };
  await expect(describeStream(camera.rtspUrl(), wrong, { signal })).rejects.toMatchObject({ code: 'unauthorized' });
  await expect(describeStream(camera.rtspUrl(), undefined, { signal })).rejects.toMatchObject({ code: 'unauthorized' });
  const elsewhere = camera.rtspUrl().replace('/main', '/nothing');
  await expect(describeStream(elsewhere, LOGIN, { signal })).rejects.toMatchObject({ code: 'notFound' });
});

test('Basic without TLS is used only where it is allowed', async () => {
  const camera = await start({ rtspLogin: 'basic' });
  const url = camera.rtspUrl();
  await expect(describeStream(url, LOGIN, { signal })).rejects.toMatchObject({ code: 'unauthorized' });
  expect((await describeStream(url, LOGIN, { signal, isClearAllowed: true })).codec).toBe('H264');
});

test('mayReorder is read from the parameter sets', async () => {
  const sets = { many: SPS_WITH_REORDERING, cut: 'Z2Q=' };
  for (const [name, set] of Object.entries(sets)) {
    const sdp = `v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets=${set}\r\n`;
    const url = await answering((socket) =>
      socket.end(
        `RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: ${sdp.length}\r\n\r\n${sdp}`,
      ),
    );
    const { mayReorder } = await describeStream(url, undefined, { signal });
    expect(mayReorder).toBe(name === 'many' ? true : undefined);
  }
});

test('redirects are not followed', async () => {
  const url = await answering((socket) =>
    socket.write('RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: rtsp://10.0.0.9/main\r\n\r\n'),
  );
  await expect(describeStream(url, LOGIN, { signal })).rejects.toMatchObject({ code: 'unsupported' });
});

test('a silent camera ends at the deadline; an aborted call ends at once', async () => {
  const url = await answering(() => {});
  await expect(describeStream(url, LOGIN, { signal, deadlineMs: 100, answerMs: 200 })).rejects.toMatchObject({
    code: 'timeout',
  });
  const stop = new AbortController();
  const given = describeStream(url, LOGIN, { signal: stop.signal });
  stop.abort();
  await expect(given).rejects.toBeInstanceOf(PerchError);
  await expect(describeStream('rtsp://127.0.0.1:1/', LOGIN, { signal })).rejects.toMatchObject({ code: 'unavailable' });
});

test('a camera that has accepted the connection has 20 s for each reply, and counts as slow after 5', async () => {
  const clock = new FakeClock();
  const sdp = 'v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n';
  const url = await answering(async (socket) => {
    await clock.advance(8_000);
    socket.end(`RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: ${sdp.length}\r\n\r\n${sdp}`);
  });
  let slow = 0;
  const onSlow = () => {
    slow += 1;
  };
  expect(await describeStream(url, undefined, { signal, clock, onSlow })).toMatchObject({ codec: 'H264' });
  expect(slow).toBe(1);

  const silent = await answering(() => void clock.advance(8_000).then(() => clock.advance(13_000)));
  await expect(describeStream(silent, undefined, { signal, clock, onSlow })).rejects.toMatchObject({
    code: 'timeout',
    context: { isConnected: true },
  });
});

test('an address where nothing accepts a connection has 5 s, and is not slow', async () => {
  const clock = new FakeClock();
  let slow = 0;
  // TEST-NET-1 (RFC 5737): no host answers.
  const asked = describeStream('rtsp://192.0.2.1/main', undefined, {
    signal,
    clock,
    onSlow: () => {
      slow += 1;
    },
  }).catch((error: unknown) => error);
  await clock.advance(5_000);
  expect(await asked).toMatchObject({ name: 'PerchError' });
  expect(slow).toBe(0);
});

test('any reply yields a description or a PerchError', async () => {
  const next = random(4);
  const sdp = 'v=0\r\no=- 0 0 IN IP4 0\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n';
  const answer = Buffer.from(
    `RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: ${sdp.length}\r\n\r\n${sdp}`,
  );
  const url = await answering((socket, connection) => {
    socket.end(connection % 4 === 0 ? answer : mutate(answer, next));
  });
  let described = 0;
  for (let i = 0; i < 200; i += 1) {
    try {
      await describeStream(url, undefined, { signal, answerMs: 1_000 });
      described += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(described).toBeGreaterThan(40);
});
