import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { Base64Decoder, encodeBase64 } from './base64-stream.ts';

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const text = (data: Uint8Array) => String.fromCharCode(...data);

function decode(encoded: string, pieceBytes = encoded.length): string {
  const decoder = new Base64Decoder();
  let out = '';
  for (let at = 0; at < encoded.length; at += pieceBytes) {
    const piece = bytes(encoded.slice(at, at + pieceBytes));
    out += text(decoder.push(piece, piece.length));
  }
  return out;
}

test.for([
  ['', ''],
  ['f', 'Zg=='],
  ['fo', 'Zm8='],
  ['foo', 'Zm9v'],
  ['foob', 'Zm9vYg=='],
  ['fooba', 'Zm9vYmE='],
  ['foobar', 'Zm9vYmFy'],
  ['\xfb\xff\xfe', '+//+'],
] as const)("'%s' is encoded as %s and decoded back (RFC 4648 §10)", ([plain, encoded]) => {
  expect(text(encodeBase64(bytes(plain)))).toBe(encoded);
  expect(decode(encoded)).toBe(plain);
});

test.for([
  ['messages that were encoded one by one', 'Zg==Zm8=Zm9v', 'ffofoo'],
  ['a message encoded in one go and lines broken', 'Zm9v\r\nYmFy\n', 'foobar'],
  ['padding that is missing at the end', 'Zm9vYg', 'foob'],
  ['more padding than needed', 'Zm8==Zg', 'fof'],
] as const)('%s', ([, encoded, plain]) => {
  expect(decode(encoded)).toBe(plain);
  expect(decode(encoded, 1)).toBe(plain);
});

test.for(['Zm9v!', 'Zm9v\0', 'Zm_v', '\xff'])("'%s' is refused by name", (encoded) => {
  expect(() => decode(encoded)).toThrow(/^byte 0x[\da-f]+ is not base64$/);
});

test('any data in pieces of any size is decoded unchanged', () => {
  const next = random(71);
  for (let round = 0; round < 300; round += 1) {
    const decoder = new Base64Decoder();
    const messages = Array.from({ length: 4 }, () => Uint8Array.from({ length: next() * 60 }, () => next() * 256));
    const encoded = Uint8Array.from(messages.flatMap((message) => [...encodeBase64(message)]));
    const out: number[] = [];
    for (let at = 0; at < encoded.length; ) {
      const piece = encoded.subarray(at, at + 1 + Math.floor(next() * 20));
      out.push(...decoder.push(piece, piece.length));
      at += piece.length;
    }
    expect(out).toEqual(messages.flatMap((message) => [...message]));
  }
});

test('any bytes are decoded or rejected, and never become more', () => {
  const next = random(72);
  for (let round = 0; round < 20_000; round += 1) {
    const decoder = new Base64Decoder();
    const piece = Uint8Array.from({ length: 1 + next() * 16 }, () => (next() < 0.1 ? next() * 256 : 43 + next() * 80));
    try {
      expect(decoder.push(piece, piece.length).length).toBeLessThanOrEqual((piece.length * 3) / 4);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
