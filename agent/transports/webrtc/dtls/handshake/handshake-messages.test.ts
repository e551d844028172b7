import { expect, test } from 'vitest';
import { random } from '../../../../../test/support/base/random.ts';
import { PerchError } from '../../../../base/errors.ts';
import { type HandshakeMessage, HandshakeMessages, writeMessage } from './handshake-messages.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');

/** Type, number and body of each complete message in the records, in order. */
function received(...bodies: readonly string[]): string[] {
  const messages = new HandshakeMessages();
  const seen: string[] = [];
  for (const body of bodies) {
    messages.receive(hex(body), ({ type, number, body: whole }) => {
      seen.push(`${type} ${number} ${whole.toString('hex')}`);
    });
  }
  return seen;
}

const HELLO = '01 000002 0000 000000 000002 aabb';
const CERTIFICATE = '0b 000003 0001 000000 000003 010203';
const EMPTY = '0e 000000 0002 000000 000000';

test.for([
  ['one record each', [HELLO, CERTIFICATE, EMPTY], ['1 0 aabb', '11 1 010203', '14 2 ']],
  ['all in one record', [`${HELLO}${CERTIFICATE}${EMPTY}`], ['1 0 aabb', '11 1 010203', '14 2 ']],
  ['out of order', [EMPTY, CERTIFICATE, HELLO], ['1 0 aabb', '11 1 010203', '14 2 ']],
  ['the first is missing', [CERTIFICATE, EMPTY], []],
  [
    'repeats of what is done with',
    [HELLO, CERTIFICATE, CERTIFICATE, HELLO, EMPTY],
    ['1 0 aabb', '11 1 010203', '14 2 '],
  ],
  ['a hello that is repeated while nothing follows', [HELLO, HELLO], ['1 0 aabb', '1 0 aabb']],
  ['two fragments', ['01 000002 0000 000000 000001 aa', '01 000002 0000 000001 000001 bb'], ['1 0 aabb']],
  [
    'fragments that overlap, out of order and twice',
    [
      '01 000004 0000 000001 000003 bbccdd',
      '01 000004 0000 000001 000003 bbccdd',
      '01 000004 0000 000002 000002 ccdd',
      '01 000004 0000 000000 000002 aabb',
    ],
    ['1 0 aabbccdd'],
  ],
  ['a fragment is missing', ['01 000004 0000 000000 000002 aabb', '01 000004 0000 000003 000001 dd'], []],
  ['far ahead of what comes next', ['01 000000 0008 000000 000000'], []],
] as const)('messages are whole and in order: %s', ([, bodies, expected]) => {
  expect(received(...bodies)).toEqual(expected);
});

test.for([
  ['a cut header', '01 000002 0000', 'ends at byte 12 of 6'],
  ['a cut fragment', '01 000002 0000 000000 000002 aa', 'ends at byte 14 of 13'],
  ['a fragment after the end', '01 000002 0000 000002 000001 aa', 'from 2 to 3 of 2 bytes'],
  ['a message of 16 kB and a byte', '01 004001 0000 000000 000001 aa', 'expected 16384 at most'],
  [
    'a message that changes its type',
    '01 000002 0000 000000 000001 aa 02 000002 0000 000001 000001 bb',
    'was of type 1',
  ],
  ['a message that changes its length', '01 000002 0000 000000 000001 aa 01 000003 0000 000001 000001 bb', 'type 1'],
] as const)('rejects %s', ([, body, message]) => {
  expect(() => received(body)).toThrow(message);
});

test('written messages are read again', () => {
  const message: HandshakeMessage = { type: 11, number: 0, body: Buffer.alloc(5_000, 7) };
  const messages = new HandshakeMessages();
  let seen: HandshakeMessage | undefined;
  messages.receive(writeMessage(message), (whole) => {
    seen = whole;
  });
  expect(seen).toEqual(message);
});

test('changed bytes cause nothing but refusals, and never a message longer than was sent', () => {
  const next = random(8);
  const original = hex(`${HELLO}${CERTIFICATE}${EMPTY}`);
  for (let round = 0; round < 5_000; round += 1) {
    const messages = new HandshakeMessages();
    const body = Buffer.from(original);
    for (let change = 0; change < 3; change += 1) {
      body[Math.floor(next() * body.length)] = Math.floor(next() * 256);
    }
    try {
      messages.receive(body.subarray(0, Math.floor(next() * (body.length + 1))), ({ body: whole }) => {
        expect(whole.length).toBeLessThanOrEqual(original.length);
      });
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
