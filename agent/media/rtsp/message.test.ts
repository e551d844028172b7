import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { bodyText, contentLengthOf, cseqOf, parseHead, writeRequest, writeResponse } from './message.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

test('a request is read back as it was written', () => {
  const written = writeRequest('SETUP', 'rtsp://cam/1', [['CSeq', '3']], bytes('body'));
  expect(text(written)).toBe('SETUP rtsp://cam/1 RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 4\r\n\r\nbody');
  const message = parseHead(written.subarray(0, -4));
  expect(message).toMatchObject({ kind: 'request', method: 'SETUP', uri: 'rtsp://cam/1' });
  expect(cseqOf(message)).toBe(3);
  expect(contentLengthOf(message)).toBe(4);
  expect(bodyText({ ...message, body: bytes('v=0') })).toBe('v=0');
});

test('a response is read back as it was written', () => {
  const message = parseHead(writeResponse(404, [['CSeq', '7']]));
  expect(message).toMatchObject({ kind: 'response', status: 404, reason: 'Not Found' });
});

test.for([
  ['names in any case', 'RTSP/1.0 200 OK\r\ncseq: 4\r\n\r\n', 4],
  ['blanks after the value', 'RTSP/1.0 200 OK\r\nCSeq: 4  \t\r\n\r\n', 4],
  ['no blank after the colon', 'RTSP/1.0 200 OK\r\nCSeq:4\r\n\r\n', 4],
  ['no reason', 'RTSP/1.0 200\r\nCSeq: 4\r\n\r\n', 4],
  ['a line without colon', 'RTSP/1.0 200 OK\r\nnonsense\r\nCSeq: 4\r\n\r\n', 4],
  ['bare line feeds', 'RTSP/1.0 200 OK\nCSeq: 4\n\n', 4],
  ['an unreadable number', 'RTSP/1.0 200 OK\r\nCSeq: four\r\n\r\n', undefined],
] as const)('a head with %s is understood', ([, head, cseq]) => {
  expect(cseqOf(parseHead(bytes(head)))).toBe(cseq);
});

test('a folded line continues the value before it', () => {
  const head = parseHead(bytes('RTSP/1.0 401 No\r\nWWW-Authenticate: Digest realm="x",\r\n  nonce="y"\r\n\r\n'));
  expect(head.headers.get('www-authenticate')).toBe('Digest realm="x", nonce="y"');
});

test('every header of one name is found', () => {
  const head = parseHead(bytes('RTSP/1.0 401 No\r\nWWW-Authenticate: Basic\r\nwww-authenticate: Digest\r\n\r\n'));
  expect(head.headers.all('WWW-Authenticate')).toEqual(['Basic', 'Digest']);
});

test.for([
  ['HTTP', 'GET / HTTP/1.1\r\n\r\n', 'not the first line'],
  ['a status of two digits', 'RTSP/1.0 20 OK\r\n\r\n', 'not the first line'],
  ['too many headers', `RTSP/1.0 200 OK\r\n${'a: b\r\n'.repeat(101)}\r\n`, 'more than 100 headers'],
] as const)('%s is refused', ([, head, message]) => {
  expect(() => parseHead(bytes(head))).toThrow(message);
});

test('a first line of blanks up to its limit costs no more than another line', () => {
  const head = bytes(`RTSP/1.0 200${' '.repeat(8_000)}a\u2028b\r\n\r\n`);
  for (let round = 0; round < 500; round += 1) {
    expect(parseHead(head)).toMatchObject({ status: 200, reason: 'a\u2028b' });
  }
});

test.for(['-1', '1e9', '131073', '99999999999', '0x10'])('a Content-Length of %s is refused', (length) => {
  const head = parseHead(bytes(`RTSP/1.0 200 OK\r\nContent-Length: ${length}\r\n\r\n`));
  expect(() => contentLengthOf(head)).toThrow(PerchError);
});

test('a line break never gets into a header', () => {
  expect(() => writeRequest('DESCRIBE', 'rtsp://x', [['User-Agent', 'a\r\nPLAY: 1']])).toThrow(
    "line break in the RTSP header 'User-Agent'",
  );
  expect(() => writeRequest('DESCRIBE', 'rtsp://x\n', [])).toThrow(PerchError);
});

test('ten thousand mutated heads give a message or a PerchError', () => {
  const next = random(1);
  const seed = bytes('RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 12;timeout=60\r\nContent-Length: 12\r\n\r\n');
  let messages = 0;
  for (let i = 0; i < 10_000; i += 1) {
    const head = seed.slice(0, next() < 0.2 ? Math.floor(next() * seed.length) : seed.length);
    for (let change = 0; change < 3; change += 1) {
      head[Math.floor(next() * head.length)] = Math.floor(next() * 256);
    }
    try {
      contentLengthOf(parseHead(head));
      messages += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(messages).toBeGreaterThan(100);
});
