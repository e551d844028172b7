// @also without-ffi in long

import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { lastCaller, Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { type Script, SOUND_SDP, scriptedCamera, soundPackets } from '../../../test/support/cameras/scripted-camera.ts';
import { createLogger } from '../../base/log.ts';
import { SocketChannel } from '../../base/network/socket-channel.ts';
import { checkSource } from '../../config/schema/source.ts';
import { RTSP_SOURCE } from '../../config/schema/sources/rtsp-source.ts';
import type { RtspRequest } from '../../media/rtsp/message.ts';

const plain: Script = () => undefined;

test('a camera is described, set up and played, and its audio has continuous timestamps', async () => {
  await using camera = await scriptedCamera(plain);
  await using run = new Run(url(camera));
  await run.sampled(5);
  expect(lastCaller(camera).methods).toEqual(['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY']);
  expect(run.tracks).toMatchObject([{ codec: 'g711', law: 'mu', clockRate: 8000 }]);
  expect(run.samples.map(({ sample }) => sample.pts)).toEqual([0, 160, 320, 480, 640]);
  const { wall } = run.samples[0]?.sample ?? { wall: 0 };
  expect(Math.abs(wall - Date.now())).toBeLessThan(60_000);
});

test.for(['/live#a$b=c?d?e@f', '/user=admin_password=p@s#$_stream=0?real_stream', '?ch=1#x'])(
  'the address …%s is sent as written',
  async (rest) => {
    await using camera = await scriptedCamera(plain);
    const source = `rtsp://admin:p@s:s#1?%@127.0.0.1:${camera.port}${rest}`;
    expect(checkSource(source, [RTSP_SOURCE])).toBe(source);
    await using run = new Run(source);
    await run.sampled(1);
    const described = lastCaller(camera).requests.find(({ method }) => method === 'DESCRIBE');
    expect(described?.uri).toBe(`rtsp://127.0.0.1:${camera.port}${rest}`);
  },
);

test('a box gets OPTIONS and DESCRIBE together, and each SETUP and PLAY: two round trips', async () => {
  const withheld: RtspRequest[] = [];
  const twoTracks = `${SOUND_SDP}m=audio 0 RTP/AVP 0\r\na=control:track2\r\n`;
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method === 'OPTIONS' || request.method === 'SETUP') {
      withheld.push(request);
      return true;
    }
    for (const { headers } of withheld.splice(0)) {
      caller.reply({ ...request, headers }, 200, [['Transport', headers.get('Transport') ?? '']]);
    }
    if (request.method === 'PLAY') {
      caller.send(...soundPackets(0, 5, 2));
    }
    return undefined;
  }, twoTracks);
  const open = async () => new SocketChannel(connect(camera.port, '127.0.0.1'));
  await using run = new Run('rtsps+ws://box:443/live', {
    box: { open, isConnected: () => true, mayTalk: () => false },
  });
  await run.sampled(5);
  const { methods, requests } = lastCaller(camera);
  expect(methods).toEqual(['OPTIONS', 'DESCRIBE', 'SETUP', 'SETUP', 'PLAY']);
  const transports = requests.flatMap(({ headers }) => headers.get('Transport') ?? []);
  expect(transports.map((text) => /interleaved=\S+/.exec(text)?.[0])).toEqual(['interleaved=0-1', 'interleaved=2-3']);
  expect(run.tracks).toHaveLength(2);
});

test('a box that refuses a track beforehand is an error of that track', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'SETUP') {
      return undefined;
    }
    caller.reply(request, 404);
    return true;
  });
  const open = async () => new SocketChannel(connect(camera.port, '127.0.0.1'));
  await using run = new Run('rtsps+ws://box:443/live', {
    box: { open, isConnected: () => true, mayTalk: () => false },
  });
  expect(await run.failure()).toContain('(404)');
});

test('stopping sends TEARDOWN in the session before the connection closes', async () => {
  await using camera = await scriptedCamera(plain);
  {
    await using run = new Run(url(camera));
    await run.sampled(1);
  }
  const request = lastCaller(camera).requests.at(-1);
  expect(request?.method).toBe('TEARDOWN');
  expect(request?.headers.get('Session')).toBe('4711');
});

test.for([
  ['DESCRIBE', 404, "camera has no stream at this address (404): check the URL of path 'garden'"],
  ['PLAY', 453, "camera has no room for another connection (453): close other viewers of path 'garden'"],
  ['DESCRIBE', 500, "camera answered DESCRIBE with 500 Internal Server Error, path 'garden'"],
] as const)('%s answered with %d: the error names the status', async ([method, status, message]) => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== method) {
      return undefined;
    }
    caller.reply(request, status);
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe(message);
});

test('a closed port is reported as a refused connection', async () => {
  const camera = await scriptedCamera(plain);
  await camera[Symbol.asyncDispose]();
  await using run = new Run(url(camera));
  expect(await run.failure()).toMatch(
    /^connection refused by 127\.0\.0\.1:\d+: check address and port of path 'garden'/,
  );
});

test.for([
  ['OPTIONS', ' before any reply: if this port is for TLS, write rtsps:// in the URL'],
  ['DESCRIBE', ''],
] as const)('a connection closed at %s is reported with a hint', async ([method, hint]) => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== method) {
      return undefined;
    }
    caller.socket.end();
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe(`camera closed the connection of path 'garden'${hint}`);
});

test('redirects are followed, to another camera and within one', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'DESCRIBE' || request.uri.endsWith('/live2')) {
      return undefined;
    }
    caller.reply(request, 301, [['Location', '/live2']]);
    return true;
  });
  await using first = await scriptedCamera((request, caller) => {
    if (request.method !== 'DESCRIBE') {
      return undefined;
    }
    caller.reply(request, 302, [['Location', url(camera)]]);
    return true;
  });
  await using run = new Run(url(first));
  await run.sampled(1);
  expect(camera.callers).toHaveLength(2);
});

test('endless redirects are an error', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'DESCRIBE') {
      return undefined;
    }
    caller.reply(request, 302, [['Location', '/again']]);
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe("camera of path 'garden' redirects more than 5 times");
});

test('control URLs are joined to the Content-Base, on the configured host', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'DESCRIBE') {
      return undefined;
    }
    caller.reply(request, 200, [['Content-Base', 'rtsp://rtsp://::ffff:10.9.8.7/base/']], SOUND_SDP);
    return true;
  });
  await using run = new Run(url(camera));
  await run.sampled(1);
  const uris = lastCaller(camera).requests.map((request) => new URL(request.uri).pathname);
  expect(uris).toEqual(['/live', '/live', '/base/track1', '/base/']);
});

test("frames are read on the channels of the camera's reply", async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method === 'SETUP') {
      const transport = 'RTP/AVP/TCP;unicast;ssrc=  1A;interleaved=6';
      caller.reply(request, 200, [
        ['Session', 'a;timeout=60'],
        ['Transport', transport],
      ]);
      return true;
    }
    if (request.method === 'PLAY') {
      // Media before the reply, with junk between frames and on unknown channels.
      caller.send(...soundPackets(0, 2, 6), 'JUNK\x01\x02', ...soundPackets(0, 2, 0), '\r\n', ...soundPackets(2, 2, 6));
      caller.reply(request, 200);
      return true;
    }
    return undefined;
  });
  await using run = new Run(url(camera));
  await run.sampled(4);
  expect(run.samples.map(({ sample }) => sample.pts)).toEqual([0, 160, 320, 480]);
});

test('a request from the camera is answered', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method === 'PLAY') {
      caller.send('OPTIONS * RTSP/1.0\r\nCSeq: 77\r\n\r\n', 'EJECT * RTSP/1.0\r\nCSeq: 78\r\n\r\n');
    }
    return undefined;
  });
  await using run = new Run(url(camera));
  await run.sampled(1);
  const caller = lastCaller(camera);
  await camera.until(() => caller.replies.length === 2);
  expect(caller.replies).toMatchObject([{ status: 200 }, { status: 501 }]);
  expect(caller.replies.map((reply) => reply.headers.get('CSeq'))).toEqual(['77', '78']);
});

test('back channels are not set up, metadata and unknown codecs are, and rejected audio is left out', async () => {
  const sdp = `v=0
m=audio 0 RTP/AVP 0
a=control:good
m=audio 0 RTP/AVP 8
a=control:broken
m=audio 0 RTP/AVP 8
a=control:talk
a=sendonly
m=application 0 RTP/AVP 107
a=rtpmap:107 vnd.onvif.metadata/90000
a=control:meta
m=audio 0 RTP/AVP 99
a=rtpmap:99 SPEEX/8000
a=control:speex
`;
  await using camera = await scriptedCamera((request, caller) => {
    if (!request.uri.endsWith('/broken')) {
      return undefined;
    }
    caller.reply(request, 500);
    return true;
  }, sdp);
  await using run = new Run(url(camera));
  await run.sampled(5);
  const setups = lastCaller(camera).requests.filter((request) => request.method === 'SETUP');
  expect(setups.map((request) => request.uri.split('/').at(-1))).toEqual(['good', 'broken', 'meta', 'speex']);
  expect(run.tracks).toMatchObject([
    { codec: 'g711' },
    { codec: 'generic', media: 'application', rtpmap: 'vnd.onvif.metadata/90000' },
    { codec: 'generic', media: 'audio', rtpmap: 'SPEEX/8000' },
  ]);
});

test('the error for a camera that refuses its only known track is the refusal, although it sets up metadata', async () => {
  const metadata = 'm=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:meta\r\n';
  await using camera = await scriptedCamera((request, caller) => {
    if (!request.uri.endsWith('/track1')) {
      return undefined;
    }
    caller.reply(request, 500);
    return true;
  }, SOUND_SDP + metadata);
  await using run = new Run(url(camera), { rtspTransport: 'tcp' });
  expect(await run.failure()).toContain('500');
});

test('the error for a camera without a supported track names its tracks', async () => {
  const sdp = 'v=0\r\nm=video 0 RTP/AVP 98\r\na=rtpmap:98 VC2/90000\r\na=control:1\r\nm=audio 0 RTP/AVP 3\r\n';
  await using camera = await scriptedCamera(plain, sdp);
  const lines: string[] = [];
  await using run = new Run(url(camera), { log: createLogger('info', (line) => lines.push(line)) });
  expect(await run.failure()).toBe("camera of path 'garden' offers VC2, GSM, none of which is supported");
  // The caller logs the failure; the source does not.
  expect(lines).toEqual([]);
});

test('rejected audio is the reported reason when no other track exists', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'SETUP') {
      return undefined;
    }
    caller.reply(request, 461);
    return true;
  });
  await using run = new Run(url(camera), { rtspTransport: 'tcp' });
  expect(await run.failure()).toBe("camera refuses TCP (461), which path 'garden' requires");
});

test.for([
  ['DESCRIBE', [], 'no description', 'SDP without any media'],
  ['SETUP', [['Transport', 'RAW/RAW/UDP']], '', "'RAW/RAW/UDP' is not an RTP transport"],
] as const)('the error for an invalid reply to %s names the path', async ([method, headers, body, reason]) => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== method) {
      return undefined;
    }
    caller.reply(request, 200, headers, body);
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe(`camera of path 'garden' sends an invalid reply to ${method}: ${reason}`);
});

test('a redirect to an invalid address is not reported as an error of the configured URL', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'DESCRIBE') {
      return undefined;
    }
    caller.reply(request, 302, [['Location', 'http://admin:secret@127.0.0.1/']]);
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.failure()).toBe("camera of path 'garden' redirects to an address that is not rtsp://host:port/…");
});

test('a camera that sends requests without reading the replies uses no memory', async () => {
  const replyBytes = 7_000;
  const count = 5_000;
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'PLAY') {
      return undefined;
    }
    caller.reply(request, 200);
    caller.socket.pause();
    // The reply repeats the long CSeq.
    const question = Buffer.from(`OPTIONS * RTSP/1.0\r\nCSeq: ${'7'.repeat(replyBytes)}\r\n\r\n`);
    for (let i = 0; i < count; i += 1) {
      caller.socket.write(question);
    }
    caller.send(...soundPackets(0, 1));
    return true;
  });
  const run = new Run(url(camera));
  await run.sampled(1);
  const { socket } = lastCaller(camera);
  socket.resume();
  await run[Symbol.asyncDispose]();
  await camera.until(() => socket.closed);
  // The kernel's socket buffers are bounded; the rest would be in this process.
  expect(socket.bytesRead).toBeLessThan((count * replyBytes) / 2);
});

test('keep-alives are sent at half the session timeout without waiting for replies, and receiver reports independently', async () => {
  const clock = new FakeClock();
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method === 'SETUP') {
      caller.reply(request, 200, [
        ['Session', '4711;timeout=6'],
        ['Transport', request.headers.get('Transport') ?? ''],
      ]);
      return true;
    }
    // GET_PARAMETER gets no reply.
    return request.method === 'GET_PARAMETER';
  });
  await using run = new Run(url(camera), { readTimeoutMs: 60_000 }, clock);
  await run.sampled(5);
  const caller = lastCaller(camera);
  for (const count of [1, 2, 3]) {
    await clock.advance(3_000);
    await camera.until(() => caller.methods.filter((method) => method === 'GET_PARAMETER').length === count);
  }
  expect(caller.requests.at(-1)?.headers.get('Session')).toBe('4711');
  await camera.until(() => caller.frames.length > 0);
  expect(caller.frames[0]).toMatch(/^1:81c90007/);
});

test('a session without media ends after the read timeout with TEARDOWN', async () => {
  const clock = new FakeClock();
  await using camera = await scriptedCamera(plain);
  await using run = new Run(url(camera), { readTimeoutMs: 10_000 }, clock);
  await run.sampled(5);
  await clock.advance(10_000);
  expect(await run.failure()).toBe("camera of path 'garden' has sent no media for 10 s");
});

test('a connection without a reply ends after the read timeout', async () => {
  const clock = new FakeClock();
  await using camera = await scriptedCamera(() => true);
  await using run = new Run(url(camera), { readTimeoutMs: 10_000 }, clock);
  await camera.until(() => camera.callers[0]?.requests.length === 1);
  await clock.advance(10_000);
  expect(await run.failure()).toBe(
    `no answer at all from 127.0.0.1:${camera.port} within 10 s: is the camera of path 'garden' on?`,
  );
});

test('a camera that sends another protocol is rejected', async () => {
  await using camera = await scriptedCamera((_, caller) => {
    caller.send(new Uint8Array(2 << 20).fill(0xff));
    return true;
  });
  await using run = new Run(url(camera));
  expect(await run.failure()).toMatch(/^camera of path 'garden' does not send RTSP: more than 1048576 bytes/);
});

test('stopping between requests ends the run without an error', async () => {
  await using camera = await scriptedCamera((request) => request.method === 'DESCRIBE');
  const run = new Run(url(camera));
  await camera.until(() => camera.callers[0]?.methods.includes('DESCRIBE') ?? false);
  await run[Symbol.asyncDispose]();
  expect(await run.failure()).toBe('undefined');
});
