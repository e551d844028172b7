import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates, type TlsOptions } from 'node:tls';
import { expect, test } from 'vitest';
import { certificate, channelFront, passOn } from '../../../../test/support/cameras/channel-front.ts';
import { Run } from '../../../../test/support/cameras/rtsp-run.ts';
import { type Script, scriptedCamera } from '../../../../test/support/cameras/scripted-camera.ts';
import type { Clock } from '../../../base/clock.ts';
import { cameraOf } from '../../tls/peer.ts';
import { parseAddress } from '../request/address.ts';
import { Authenticator } from '../request/authenticator.ts';
import { openChannel } from './open-channel.ts';

const plain: Script = () => undefined;
const fingerprint = (name: 'camera' | 'old-camera') =>
  new X509Certificate(certificate(name).cert).fingerprint256.replaceAll(':', '').toLowerCase();

/** A scripted camera behind the RTSP server's `acceptChannel`. */
async function camera(scheme: string, tls?: TlsOptions, script: Script = plain, clock?: Clock) {
  const inner = await scriptedCamera(script);
  const front = await channelFront(passOn(inner.port), tls, clock);
  return {
    inner,
    front,
    url: `${scheme}://127.0.0.1:${front.port}/live`,
    async [Symbol.asyncDispose]() {
      await front[Symbol.asyncDispose]();
      await inner[Symbol.asyncDispose]();
    },
  };
}

test.for([
  ['rtsp', 'none'],
  ['rtsps', 'none'],
  ['rtsp+http', 'http'],
  ['rtsps+http', 'http'],
  ['rtsp+ws', 'websocket'],
  ['rtsps+ws', 'websocket'],
] as const)('a camera at %s:// is played and sent a TEARDOWN', async ([scheme, tunnel]) => {
  const isSecure = scheme.startsWith('rtsps');
  await using there = await camera(scheme, isSecure ? certificate('camera') : undefined);
  const sourceFingerprint = isSecure ? fingerprint('camera') : '';
  {
    await using run = new Run(there.url, { sourceFingerprint });
    await run.sampled(5);
  }
  expect(there.front.channels.map((one) => one.tunnel)).toEqual([tunnel]);
  const { requests } = there.inner.callers[0] ?? { requests: [] };
  expect(requests.map(({ method }) => method)).toEqual(['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY', 'TEARDOWN']);
  expect(requests[0]?.uri).toBe(`${isSecure ? 'rtsps' : 'rtsp'}://127.0.0.1:${there.front.port}/live`);
});

test.for(['rtsps', 'rtsps+http', 'rtsps+ws'])(
  'over %s:// a self-signed certificate is rejected with its fingerprint',
  async (scheme) => {
    await using there = await camera(scheme, certificate('camera'));
    await using run = new Run(there.url);
    expect(await run.failure()).toBe(
      `the camera's certificate has no trusted issuer (DEPTH_ZERO_SELF_SIGNED_CERT); ` +
        `if it is your camera, set sourceFingerprint of path 'garden' to ${fingerprint('camera')}`,
    );
    expect(there.inner.callers).toHaveLength(0);
  },
);

test('plain RTSP to a TLS port fails with a hint', async () => {
  await using there = await camera('rtsp', certificate('camera'));
  await using run = new Run(there.url);
  expect(await run.failure()).toMatch(
    /^camera (closed|broke) the connection of path 'garden' before any reply: if this port is for TLS, write rtsps:\/\//,
  );
});

test('a fingerprint may contain colons and capitals', async () => {
  await using there = await camera('rtsps', certificate('camera'));
  const sourceFingerprint = new X509Certificate(certificate('camera').cert).fingerprint256;
  await using run = new Run(there.url, { sourceFingerprint });
  await run.sampled(1);
});

test('a certificate with another fingerprint is rejected before a byte is sent', async () => {
  await using there = await camera('rtsps', certificate('camera'));
  const sourceFingerprint = fingerprint('old-camera');
  await using run = new Run(there.url.replace('://', '://admin:secret@'), { sourceFingerprint });
  expect(await run.failure()).toBe(
    `the camera's certificate is not the one that sourceFingerprint of path 'garden' names; ` +
      `if it is your camera, set sourceFingerprint of path 'garden' to ${fingerprint('camera')}`,
  );
  await using right = new Run(there.url, { sourceFingerprint: fingerprint('camera') });
  await right.sampled(1);
  expect(there.front.channels).toHaveLength(1);
});

test('a certificate of a trusted issuer is valid for its own host only', async () => {
  const before = getCACertificates('default');
  setDefaultCACertificates([
    ...before,
    certificate('camera').cert.toString(),
    certificate('old-camera').cert.toString(),
  ]);
  try {
    await using right = await camera('rtsps', certificate('camera'));
    await using run = new Run(right.url);
    await run.sampled(1);
    await using named = new Run(right.url.replace('127.0.0.1', 'localhost'));
    await named.sampled(1);
    await using other = await camera('rtsps', { ...certificate('old-camera'), ciphers: 'DEFAULT@SECLEVEL=0' });
    await using wrong = new Run(other.url);
    expect(await wrong.failure()).toMatch(/^the camera's certificate is for another name or address; /);
  } finally {
    setDefaultCACertificates(before);
  }
});

test('a camera limited to TLS 1.0, TLS_RSA and SHA-1 is played', async () => {
  const tls = {
    ...certificate('old-camera'),
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1',
    ciphers: 'AES128-SHA@SECLEVEL=0',
  } as const;
  await using there = await camera('rtsps', tls);
  await using run = new Run(there.url, { sourceFingerprint: fingerprint('old-camera') });
  await run.sampled(5);
});

test('TLS to a port without it fails with a hint', async () => {
  await using talkative = await channelFront((channel) => {
    channel.sink = { onBytes: () => channel.write(Buffer.from('RTSP/1.0 400 Bad Request\r\n\r\n')), onEnd: () => {} };
  });
  await using run = new Run(`rtsps://127.0.0.1:${talkative.port}/live`);
  expect(await run.failure()).toBe(
    `127.0.0.1:${talkative.port} does not speak TLS: check port and scheme of the URL of path 'garden' (rtsps uses TLS, rtsp does not)`,
  );
});

test.for([
  ['rtsp+http', 'camera does not accept RTSP over HTTP here (404 Not Found): check the URL of path'],
  ['rtsp+ws', 'camera does not accept RTSP over a WebSocket here (404 Not Found): check the URL of path'],
] as const)('%s:// to a port without a tunnel fails with the reason', async ([scheme, message]) => {
  await using server = await httpServer(() => 'HTTP/1.1 404 Not Found\r\n\r\n');
  await using run = new Run(`${scheme}://127.0.0.1:${server.port}/live`);
  expect(await run.failure()).toBe(`${message} 'garden'`);
});

test('a web page in reply to the request for a tunnel is an error', async () => {
  await using server = await httpServer(() => 'HTTP/1.1 200 OK\r\nContent-Type: Text/HTML; charset=x\r\n\r\n<html>');
  await using run = new Run(`rtsp+http://127.0.0.1:${server.port}/live`);
  expect(await run.failure()).toBe(
    "camera does not accept RTSP over HTTP here (a web page): check the URL of path 'garden'",
  );
});

test.for(['rtsp+http', 'rtsp+ws'])(
  '%s:// to a port that does not answer in HTTP fails with the reason',
  async (scheme) => {
    await using server = await httpServer(() => 'RTSP/1.0 400 Bad Request\r\n\r\n');
    await using run = new Run(`${scheme}://127.0.0.1:${server.port}/live`);
    expect(await run.failure()).toBe(
      "reply of the camera of path 'garden' is not HTTP: 'RTSP/1.0 400 Bad Request' is not the first line of an HTTP message",
    );
  },
);

test('a WebSocket with a wrong Sec-WebSocket-Accept is rejected', async () => {
  await using server = await httpServer(
    () => 'HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n',
  );
  await using run = new Run(`rtsp+ws://127.0.0.1:${server.port}/live`);
  expect(await run.failure()).toBe("camera of path 'garden' sends a wrong Sec-WebSocket-Accept");
});

test('a tunnel that requires a login gets a digest on both connections', async () => {
  const heads: string[] = [];
  await using server = await httpServer((head) => {
    heads.push(head);
    const hasProof = /Authorization: Digest /.test(head);
    return hasProof
      ? 'HTTP/1.0 200 OK\r\n\r\n'
      : 'HTTP/1.0 401 No\r\nWWW-Authenticate: Digest realm="cam", nonce="n1"\r\n\r\n';
  });
  await using run = new Run(`rtsp+http://admin:secret@127.0.0.1:${server.port}/live?ch=1`);
  await expect.poll(() => heads.length).toBe(3);
  expect(heads.map((head) => head.split('\r\n')[0])).toEqual([
    'GET /live?ch=1 HTTP/1.0',
    'GET /live?ch=1 HTTP/1.0',
    'POST /live?ch=1 HTTP/1.0',
  ]);
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  const proof = (method: string) => md5(`${md5('admin:cam:secret')}:n1:${md5(`${method}:/live?ch=1`)}`);
  expect(heads[1]).toContain(`response="${proof('GET')}"`);
  expect(heads[2]).toContain(`response="${proof('POST')}"`);
  expect(heads.join('')).not.toContain('secret');
  const cookies = heads.map((head) => /x-sessioncookie: (\S+)/.exec(head)?.[1]);
  expect(new Set(cookies).size).toBe(1);
  expect(run.samples).toHaveLength(0);
});

test.for([
  [
    '405 Method Not Allowed',
    "camera does not accept RTSP over HTTP here (405 Method Not Allowed): check the URL of path 'garden'",
  ],
  ['401 No', "camera rejected the password (401): check user and password of path 'garden'"],
] as const)('a tunnel whose POST is answered with %s fails', async ([status, message]) => {
  await using server = await httpServer((head) => `HTTP/1.0 ${head.startsWith('GET') ? '200 OK' : status}\r\n\r\n`);
  await using run = new Run(`rtsp+http://admin:secret@127.0.0.1:${server.port}/live`);
  expect(await run.failure()).toBe(message);
});

test('after the camera closes the POST, the next write opens another one', async () => {
  const posts: string[] = [];
  let down: Socket | undefined;
  await using server = await httpServer((head, socket) => {
    if (head.startsWith('GET')) {
      down = socket;
      return 'HTTP/1.0 200 OK\r\n\r\n';
    }
    posts.push(head);
    down?.write('heard');
    setImmediate(() => socket.end('HTTP/1.0 408 Request Timeout\r\n\r\n'));
    return '';
  });
  const address = parseAddress(`rtsp+http://127.0.0.1:${server.port}/live`, 'garden');
  const channel = openChannel(address, {
    peer: cameraOf('garden'),
    fingerprint: '',
    authenticator: new Authenticator(undefined, false),
  });
  const ends: unknown[] = [];
  channel.sink = { onBytes: () => {}, onEnd: (cause) => ends.push(cause) };
  channel.write(Buffer.from('first'));
  await expect
    .poll(() => {
      channel.write(Buffer.from('next'));
      return posts.length;
    })
    .toBeGreaterThan(1);
  expect(ends).toEqual([]);
  channel.destroy();
});

test('a tunnel that requires a login fails without one', async () => {
  await using server = await httpServer(() => 'HTTP/1.0 401 No\r\nWWW-Authenticate: Basic realm="cam"\r\n\r\n');
  await using run = new Run(`rtsp+http://127.0.0.1:${server.port}/live`);
  expect(await run.failure()).toBe("camera requires a password (401): set user and password of path 'garden'");
});

test('a redirect within a tunnel keeps the tunnel', async () => {
  await using there = await camera('rtsp+http', undefined, (request, caller) => {
    if (request.method !== 'DESCRIBE' || request.uri.endsWith('/other')) {
      return undefined;
    }
    caller.reply(request, 302, [['Location', 'rtsp://127.0.0.1/other']]);
    return true;
  });
  await using run = new Run(there.url);
  await run.sampled(1);
  expect(there.front.channels.map(({ tunnel }) => tunnel)).toEqual(['http', 'http']);
});

test.for(['rtsp', 'rtsp+http', 'rtsp+ws'])('bytes written to %s:// arrive before its end', async (scheme) => {
  let heard = '';
  const farEnds: unknown[] = [];
  await using there = await channelFront((channel) => {
    channel.sink = {
      onBytes: (chunk, length) => {
        heard += Buffer.from(chunk.subarray(0, length)).toString('latin1');
      },
      onEnd: (cause) => farEnds.push(cause),
    };
    channel.write(Buffer.from('hello'));
  });
  const address = parseAddress(`${scheme}://127.0.0.1:${there.port}/live`, 'garden');
  const authenticator = new Authenticator(undefined, false);
  const channel = openChannel(address, { peer: cameraOf('garden'), fingerprint: '', authenticator });
  const ends: unknown[] = [];
  channel.sink = { onBytes: () => channel.end(), onEnd: (cause) => ends.push(cause) };
  channel.write(Buffer.from('goodbye'));
  await expect.poll(() => ends).toEqual([undefined]);
  await expect.poll(() => farEnds).toEqual([undefined]);
  expect(heard).toBe('goodbye');
});

/** Answers each request head. */
async function httpServer(answer: (head: string, socket: Socket) => string) {
  const server = createServer((socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end >= 0) {
        socket.write(answer(text.slice(0, end + 4), socket));
        text = '';
      }
    });
  });
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) {
        socket.destroy();
      }
      server.close();
      await once(server, 'close');
    },
  };
}
