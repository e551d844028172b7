import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pictureOf } from '../../test/support/cameras/snapshot-camera.ts';
import { ASK, callerOf, envelope, INFORMATION } from '../../test/support/cameras/soap-server.ts';
import { PerchError } from '../base/errors.ts';
import { fetchSnapshot } from '../onvif/device/fetch-snapshot.ts';
import { findText } from '../onvif/soap/xml/xml.ts';
import { HttpClient } from '../transports/http/http-client.ts';

const never = new AbortController().signal;
const JPEG = Buffer.from(pictureOf(600));
const SOAP = Buffer.from(envelope(INFORMATION));
const PLAYLIST = Buffer.from('#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.ts\n');

/** Answers each connection with raw bytes, and closes it unless it is to stay open. */
async function serve(pieces: readonly (string | Uint8Array)[], staysOpen: boolean): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', async () => {
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise(setImmediate);
      }
      if (!staysOpen) {
        socket.end();
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

async function viaSoap(url: string): Promise<string | undefined> {
  const response = await callerOf(new URL(`${url}/onvif/device_service`), { credentials: undefined }).call(ASK);
  return findText(response, 'Model');
}

async function viaSnapshot(url: string): Promise<number> {
  const request = { login: undefined, maxBytes: 10_000, deadlineMs: 2_000, signal: never };
  const picture = await fetchSnapshot({ url: new URL(`${url}/snap`), ...request });
  return picture.kind === 'jpeg' ? picture.bytes.length : 0;
}

async function viaHls(url: string): Promise<string> {
  const client = new HttpClient({ url, peer: { noun: 'server', path: 'yard' }, fingerprint: '', timeoutMs: 2_000 });
  onTestFinished(() => client.close());
  const { status, body } = await client.request(`${url}/live.m3u8`, { maxBytes: 10_000 }, never);
  return `${status} ${body}`;
}

type Answer = readonly [name: string, pieces: (body: Buffer) => (string | Uint8Array)[], staysOpen?: boolean];

const size = (body: Buffer): string => body.length.toString(16);
const inOne = (head: (body: Buffer) => string) => (body: Buffer) => [
  Buffer.concat([Buffer.from(head(body), 'latin1'), body]),
];
const counted = (head: string, name = 'Content-Length: ') => inOne((body) => `${head}${name}${body.length}\r\n\r\n`);
const OK = 'HTTP/1.1 200 OK\r\n';

const ANSWERS: readonly Answer[] = [
  [
    'lines that end with LF alone',
    inOne((body) => `HTTP/1.1 200 OK\nContent-Type: x\nContent-Length: ${body.length}\n\n`),
    true,
  ],
  [
    'lines that end with CR CR LF',
    inOne((body) => `HTTP/1.1 200 OK\r\r\nContent-Length: ${body.length}\r\r\n\r\r\n`),
    true,
  ],
  ['a line that is no field', counted(`${OK}Hello world\r\n=====\r\n`), true],
  ['a line without a name', counted(`${OK}: x\r\n`), true],
  ['a name with blanks and brackets', counted(`${OK}(my field) [1]: x\r\n`), true],
  ['a folded line', counted(`${OK}Server: a\r\n b\r\n\tc\r\n`), true],
  ['a folded line after the first one', counted(`${OK} b\r\n`), true],
  ['a blank before the colon', counted(`${OK}X-Frame-Options : SAMEORIGIN\r\n`, 'Content-Length \t: '), true],
  ['a length without a blank', counted(OK, 'Content-Length:'), true],
  ['a length with many blanks', counted(OK, 'Content-Length: \t  '), true],
  ['a signed length', counted(OK, 'Content-Length: +'), true],
  ['a length with zeros', counted(OK, 'Content-Length: 000'), true],
  ['a quoted length', inOne((body) => `${OK}Content-Length: "${body.length}"\r\n\r\n`), true],
  ['a length with a unit', inOne((body) => `${OK}Content-Length: ${body.length} bytes\r\n\r\n`), true],
  [
    'several equal lengths',
    inOne((body) => `${OK}Content-Length: ${body.length}\r\ncontent-length: ${body.length}\r\n\r\n`),
    true,
  ],
  ['a list of equal lengths', inOne((body) => `${OK}Content-Length: ${body.length}, ${body.length}\r\n\r\n`), true],
  ['a negative length', inOne(() => `${OK}Content-Length: -1\r\n\r\n`)],
  ['a length that is no number', inOne(() => `${OK}Content-Length: unknown\r\n\r\n`)],
  ['an empty length', inOne(() => `${OK}Content-Length:\r\n\r\n`)],
  ['a length that is too long', inOne((body) => `${OK}Content-Length: ${body.length + 7}\r\n\r\n`)],
  ['bytes after the body', (body) => [`${OK}Content-Length: ${body.length}\r\n\r\n`, body, '\r\n\0garbage'], true],
  ['no length, with HTTP/1.0', inOne(() => 'HTTP/1.0 200 OK\r\n\r\n')],
  ['no length, with HTTP/1.1 and keep-alive', inOne(() => `${OK}Connection: keep-alive\r\n\r\n`)],
  ['no reason', counted('HTTP/1.1 200\r\n'), true],
  ['no reason, with a blank', counted('HTTP/1.1 200 \r\n'), true],
  ['no blank before the reason', counted('HTTP/1.1 200OK\r\n'), true],
  ['several blanks', counted('HTTP/1.1   200\t OK\r\n'), true],
  ['a colon after the version', counted('HTTP/1.1: 200 OK\r\n'), true],
  ['no blank after the version', counted('HTTP/1.1200 OK\r\n'), true],
  ['no version', counted('HTTP 200 OK\r\n'), true],
  ['lower case', counted('http/1.1 200 ok\r\n', 'content-length: '), true],
  ['upper case', counted(OK, 'CONTENT-LENGTH: '), true],
  ['another version', counted('HTTP/1.2 200 OK\r\n'), true],
  ['version 2', counted('HTTP/2 200 OK\r\n'), true],
  ['ICY', counted('ICY 200 OK\r\n'), true],
  ['blank lines before it', counted('\r\n\n HTTP/1.1 200 OK\r\n'), true],
  ['100 Continue', counted(`HTTP/1.1 100 Continue\r\n\r\n${OK}`), true],
  ['100 and 103, without a reason', counted(`HTTP/1.1 100\n\nHTTP/1.1 103\r\nLink: </a>\r\n\r\n${OK}`), true],
  [
    'bytes above 0x7F in head and reason',
    counted('HTTP/1.1 200 \xd6K\r\nServer: K\xe4mera \xff\r\nX-\xe4: 1\r\n'),
    true,
  ],
  ['control characters', counted(`${OK}Server: a\u0001\u0007\0b\r\n`), true],
  ['a field of 20 kB', counted(`${OK}X: ${'y'.repeat(20_000)}\r\n`), true],
  ['chunks', (body) => [`${OK}Transfer-Encoding: chunked\r\n\r\n${size(body)}\r\n`, body, '\r\n0\r\n\r\n'], true],
  [
    'chunks in upper case',
    (body) => [`${OK}TRANSFER-ENCODING: Chunked\r\n\r\n${size(body).toUpperCase()}\r\n`, body, '\r\n0\r\n\r\n'],
    true,
  ],
  ['chunks with LF alone', (body) => [`${OK}Transfer-Encoding: chunked\n\n${size(body)}\n`, body, '\n0\n\n'], true],
  [
    'chunks with extensions',
    (body) => [`${OK}Transfer-Encoding: chunked\r\n\r\n${size(body)};a="b;c" ; d\r\n`, body, '\r\n0;x\r\n\r\n'],
    true,
  ],
  [
    'chunks with blanks and zeros',
    (body) => [`${OK}Transfer-Encoding: chunked\r\n\r\n 000${size(body)}   \r\n`, body, '\r\n0  \r\n\r\n'],
    true,
  ],
  [
    'chunks without line breaks after them',
    (body) => [`${OK}Transfer-Encoding: chunked\r\n\r\n${size(body)}\r\n`, body, '0\r\n\r\n'],
    true,
  ],
  [
    'chunks without a blank line at the end',
    (body) => [`${OK}Transfer-Encoding: chunked\r\n\r\n${size(body)}\r\n`, body, '\r\n0\r\n'],
    true,
  ],
  ['chunks without an end', (body) => [`${OK}Transfer-Encoding: chunked\r\n\r\n${size(body)}\r\n`, body, '\r\n']],
  [
    'chunks with a trailer',
    (body) => [`${OK}Transfer-Encoding: chunked\r\n\r\n${size(body)}\r\n`, body, '\r\n0\r\nX: y\r\n\r\n'],
    true,
  ],
  [
    'chunks and a length',
    (body) => [`${OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n${size(body)}\r\n`, body, '\r\n0\r\n\r\n'],
    true,
  ],
  ['an encoding that is none', counted(`${OK}Transfer-Encoding: identity\r\n`), true],
  [
    'chunks of one byte',
    (body) => [
      `${OK}Transfer-Encoding: chunked\r\n\r\n`,
      Buffer.concat([...[...body].map((byte) => Buffer.from([0x31, 13, 10, byte, 13, 10])), Buffer.from('0\r\n\r\n')]),
    ],
    true,
  ],
  [
    'bytes one by one',
    (body) =>
      [...Buffer.concat([Buffer.from(`${OK}Content-Length: ${body.length}\r\n\r\n`), body])].map((byte) =>
        Buffer.from([byte]),
      ),
    true,
  ],
];

describe.for(ANSWERS)('%s', ([, pieces, staysOpen = false]) => {
  test('in a SOAP reply', async () => {
    expect(await viaSoap(await serve(pieces(SOAP), staysOpen))).toBe('m');
  });

  test('with a picture', async () => {
    expect(await viaSnapshot(await serve(pieces(JPEG), staysOpen))).toBe(JPEG.length);
  });

  test('with a playlist', async () => {
    expect(await viaHls(await serve(pieces(PLAYLIST), staysOpen))).toBe(`200 ${PLAYLIST}`);
  });
});

test('a picture whose length is too short is taken as far as it is announced', async () => {
  const url = await serve([`${OK}Content-Length: ${JPEG.length - 5}\r\n\r\n`, JPEG], false);
  expect(await viaSnapshot(url)).toBe(JPEG.length - 5);
});

const REFUSED: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['another protocol', 'SSH-2.0-dropbear\r\n'],
  ['RTSP', 'RTSP/1.0 400 Bad Request\r\n\r\n'],
  ['a page without a head', '<html></html>'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['a cut first line', 'HTTP/1.1 200 O'],
  ['a cut head', 'HTTP/1.1 200 OK\r\nServer: x\r\n'],
  ['a cut body', `${OK}Content-Length: 900\r\n\r\n<e:Envelope>`],
  ['a cut chunk', `${OK}Transfer-Encoding: chunked\r\n\r\n900\r\n<e:Envelope>`],
  ['a chunk without a size', `${OK}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`],
  ['another protocol by agreement', 'HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n'],
  ['an endless head', `${OK}${'X: y\r\n'.repeat(20_000)}`],
  ['an endless line', `${OK}X: ${'y'.repeat(100_000)}`],
  ['endless interim replies', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(5_000)],
];

test.for(REFUSED)('%s is an error with the reason', async ([, text]) => {
  const url = await serve([Buffer.from(text)], false);
  await expect(viaSoap(url)).rejects.toThrow(PerchError);
  await expect(viaSnapshot(url)).rejects.toThrow(PerchError);
});

test('a reply with many logins offers each of them, in one field or several', async () => {
  const challenges =
    'WWW-Authenticate:Basic realm="a", Digest realm="b", nonce="1"\nWWW-authenticate : Digest realm="b", nonce="2", algorithm=SHA-256, qop=auth';
  const url = await serve([`HTTP/1.1 401\n${challenges}\nContent-Length:0\n\n`], true);
  const logins: string[] = [];
  const turn = async () => ({
    accepted: () => {},
    refused: () => logins.push('refused'),
    end: () => {},
    lost: () => {},
    detach: () => {},
  });
  const login = { credentials: { user: 'u', password: 'p' }, isClearAllowed: false, turn };
  const asked = fetchSnapshot({ url: new URL(url), login, maxBytes: 100, deadlineMs: 2_000, signal: never } as never);
  await expect(asked).rejects.toMatchObject({ code: 'unauthorized' });
  // Both algorithms have been tried.
  expect(logins).toEqual(['refused', 'refused']);
});

test('an HLS server that cuts an answer is asked again, and one whose lengths are wrong is believed then', async () => {
  let requests = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      requests += 1;
      const isCut = requests === 1 || requests === 3;
      socket.end(`${OK}Content-Length: 9\r\n\r\n${isCut ? '1234' : requests < 3 ? '123456789' : '1234'}`);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const client = new HttpClient({ url, peer: { noun: 'server', path: 'yard' }, fingerprint: '', timeoutMs: 2_000 });
  const bodies: string[] = [];
  for (let i = 0; i < 3; i += 1) {
    bodies.push(String((await client.request(url, { maxBytes: 100 }, never)).body));
  }
  client.close();
  expect([bodies, requests]).toEqual([['123456789', '1234', '1234'], 5]);
});

test('a head of too many fields that the end of the connection cuts is an error of the request', async () => {
  const url = await serve([`${OK}${'A: b\r\n'.repeat(101)}`], false);
  await expect(viaHls(url)).rejects.toThrow('more than 100 headers');
  await expect(viaSoap(url)).rejects.toThrow('does not speak HTTP');
  await expect(viaSnapshot(url)).rejects.toThrow('more than 100 headers');
});

test('a kept connection that the server has closed meanwhile costs no request', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => {});
    // Each second request meets a connection that ends.
    socket.once('data', () => {
      socket.write(`${OK}Content-Length: 2\r\n\r\nok`);
      socket.once('data', () => socket.destroy());
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const client = new HttpClient({ url, peer: { noun: 'server', path: 'yard' }, fingerprint: '', timeoutMs: 2_000 });
  for (let i = 0; i < 4; i += 1) {
    expect(String((await client.request(url, { maxBytes: 100 }, never)).body)).toBe('ok');
  }
  client.close();
  expect(connections).toBe(4);
});
