import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { HttpHeadReader, MAX_HTTP_HEAD_BYTES, namesWord, parseHttpHead, writeHttpHead } from './http-head.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

const GET = 'GET /live?ch=1 HTTP/1.0\r\nx-sessioncookie: abc\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n';

test('a request is read back as it was written', () => {
  const head = parseHttpHead(writeHttpHead('GET /a HTTP/1.1', [['X-SessionCookie', 'abc']]));
  expect(head).toMatchObject({ kind: 'request', method: 'GET', target: '/a' });
  expect(head.headers.get('x-sessioncookie')).toBe('abc');
});

test.for([
  ['HTTP/1.0 200 OK', 200, 'OK'],
  ['HTTP/1.1 101 Switching Protocols', 101, 'Switching Protocols'],
  ['HTTP/1.1 404', 404, ''],
  ['HTTP/1.0 200OK', 200, 'OK'],
  ['http/1.1  401  no', 401, 'no'],
  ['ICY 200 OK', 200, 'OK'],
] as const)('%s', ([line, status, reason]) => {
  expect(parseHttpHead(bytes(`${line}\r\n\r\n`))).toMatchObject({ kind: 'response', status, reason });
});

test.for(['', 'GET /', 'GET / HTTP/2', 'get / HTTP/1.1', 'RTSP/1.0 200 OK', 'HTTP/1.1 2000', '\x16\x03\x01'])(
  "'%s' is not the first line of HTTP",
  (line) => {
    expect(() => parseHttpHead(bytes(`${line}\r\n\r\n`))).toThrow('is not the first line of an HTTP message');
  },
);

test('no header can hold a line break', () => {
  expect(() => writeHttpHead('GET / HTTP/1.0', [['Host', 'cam\r\nX: y']])).toThrow(
    "line break in the HTTP header 'Host'",
  );
});

test.for([1, 2, 3, 7, 1000])('a head in pieces of %i bytes ends where its blank line does', (pieceBytes) => {
  const stream = bytes(`${GET}BODY`);
  const reader = new HttpHeadReader();
  for (let at = 0; at < stream.length; at += pieceBytes) {
    const piece = stream.subarray(at, at + pieceBytes);
    const end = reader.push(piece, piece.length);
    if (end >= 0) {
      expect(at + end).toBe(GET.length);
      expect(reader.bytes).toEqual(bytes(GET));
      return;
    }
  }
  expect.unreachable('the head has an end');
});

test('bare line feeds end a head too', () => {
  const head = bytes('GET / HTTP/1.0\nA: b\n\nrest');
  expect(new HttpHeadReader().push(head, head.length)).toBe(head.length - 4);
});

test('an endless head is rejected at its limit', () => {
  const reader = new HttpHeadReader();
  const line = bytes('X: y\r\n'.repeat(100));
  expect(() => {
    for (let sent = 0; sent <= MAX_HTTP_HEAD_BYTES; sent += line.length) {
      reader.push(line, line.length);
    }
  }).toThrow(`HTTP head of more than ${MAX_HTTP_HEAD_BYTES} bytes`);
});

test.for([
  ['websocket', true],
  ['foo, WebSocket', true],
  ['websockets', false],
  ['', false],
  [undefined, false],
] as const)("'%s' names websocket: %s", ([field, is]) => {
  expect(namesWord(field, 'websocket')).toBe(is);
});

test('damaged heads are parsed or rejected', () => {
  const next = random(73);
  for (let round = 0; round < 10_000; round += 1) {
    const reader = new HttpHeadReader();
    const damaged = mutate(bytes(GET), next);
    try {
      if (reader.push(damaged, damaged.length) >= 0) {
        parseHttpHead(reader.bytes);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
