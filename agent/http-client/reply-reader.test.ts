import { describe, expect, test } from 'vitest';
import { byLength } from '../../test/peers/programs/peers.ts';
import { mutate } from '../../test/support/base/mutate.ts';
import { random } from '../../test/support/base/random.ts';
import { threadCpuMs } from '../../test/support/base/thread-cpu.ts';
import { PerchError } from '../base/errors.ts';
import { HttpReplyReader } from './reply-reader.ts';

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');

function read(text: string, maxBytes = 1_000): HttpReplyReader {
  const reader = new HttpReplyReader(maxBytes);
  reader.push(bytesOf(text));
  return reader;
}

test.for([
  ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na', true],
  ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: Close\r\n\r\na', false],
  ['HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na', false],
  ['HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\na', true],
  ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na\r\n', true],
  ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab', false],
  ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', false],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n', true],
  ['HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n', true],
] as const)('whether the connection takes another request after %j: %s', ([text, isReusable]) => {
  const reader = read(text);
  expect([reader.isDone, reader.isReusable]).toEqual([true, isReusable]);
});

test('repeated fields stay apart, and names are in lower case', () => {
  const { headers } = read('HTTP/1.1 200\nSet-Cookie:a=1\nSET-COOKIE : b=2\n__proto__: x\ncontent-length: 0\n\n').reply;
  expect(headers['set-cookie']).toEqual(['a=1', 'b=2']);
  expect(Object.keys(headers)).toEqual(['set-cookie', '__proto__', 'content-length']);
});

test('fields are UTF-8 if they can be, else Latin-1', () => {
  const { headers } = read('HTTP/1.1 200\nA: T\xc3\xbcr\nB: T\xfcr\nContent-Length: 0\n\n').reply;
  expect([headers['a'], headers['b']]).toEqual([['Tür'], ['Tür']]);
});

describe('a longer body than allowed', () => {
  test('is not read if it is announced', () => {
    const { reply, isDone } = read('HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n');
    expect([isDone, reply.excess?.bytes, reply.body.length]).toEqual([true, 1e20, 0]);
  });

  test.for(['', 'Transfer-Encoding: chunked\r\n'])('ends the reading if it is not: %j', (field) => {
    const reader = read(`HTTP/1.1 200 OK\r\n${field}\r\nfff\r\n${'a'.repeat(2_000)}`);
    expect([reader.isDone, reader.isReusable, reader.reply.excess]).toEqual([true, false, { bytes: undefined }]);
  });
});

test('the memory of a body grows with what arrives, not with what is announced', () => {
  const reader = new HttpReplyReader(1e9);
  reader.push(bytesOf('HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\nabc'));
  expect(reader.reply.body.buffer.byteLength).toBeLessThan(100_000);
});

test('a head that arrives byte by byte, and a body in a hundred thousand chunks, take one pass', () => {
  const body = '1\r\na\r\n'.repeat(100_000);
  const bytes = bytesOf(
    `HTTP/1.1 200 OK\r\nX: ${'\r'.repeat(30_000)}y\r\nTransfer-Encoding: chunked\r\n\r\n${body}0\r\n`,
  );
  const reader = new HttpReplyReader(1e6);
  for (let at = 0; at < bytes.length; at += 1) {
    reader.push(bytes.subarray(at, at + 1));
  }
  expect([reader.isDone, reader.reply.body.length]).toEqual([true, 100_000]);
});

test('a long first line is read in one pass', () => {
  const startedMs = threadCpuMs();
  expect(read(`HTTP/1.1 200${' '.repeat(60_000)}a\rb\nContent-Length: 0\n\n`).status).toBe(200);
  expect(threadCpuMs() - startedMs).toBeLessThan(1_000);
});

const CASES = byLength(5_000, 20_000);

test('damaged replies, cut anywhere, are read the same way as whole, or rejected', () => {
  const next = random(49);
  const replies = [
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="a", nonce="b"\r\nContent-Length: 8\r\n\r\n<a>bc</a>',
    'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5;x=y\nhello\n3\nabc\n0\n\n',
    'ICY 200 OK\r\nConnection: close\r\n\r\nthe rest',
  ].map(bytesOf);
  let whole = 0;
  for (let i = 0; i < CASES; i += 1) {
    const bytes = mutate(replies[i % replies.length] as Uint8Array, next);
    const readers = [[bytes], pieces(bytes, next)].map((parts) => {
      const reader = new HttpReplyReader(40);
      try {
        for (const part of parts) {
          reader.push(part);
        }
        return reader.end() ? reader.reply : undefined;
      } catch (error) {
        expect(error).toBeInstanceOf(PerchError);
        return undefined;
      }
    });
    expect(readers[1]).toEqual(readers[0]);
    expect(readers[0]?.body.length ?? 0).toBeLessThanOrEqual(40);
    whole += readers[0] ? 1 : 0;
  }
  expect(whole).toBeGreaterThan(CASES / 4);
});

function pieces(bytes: Uint8Array, next: () => number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + Math.floor(next() * 9);
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts;
}
