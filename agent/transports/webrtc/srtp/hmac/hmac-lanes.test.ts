import { createHmac } from 'node:crypto';
import { afterEach, expect, test, vi } from 'vitest';
import { random } from '../../../../../test/support/base/random.ts';
import { HmacLanes } from './hmac-lanes.ts';

afterEach(() => vi.unstubAllGlobals());

const next = random(12);
const pick = (limit: number): number => Math.floor(next() * limit);
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => pick(256));

const lanes = HmacLanes.create() as HmacLanes;

/** First 12 bytes of each message's tag. */
function sign(key: Uint8Array, messages: readonly Uint8Array[]): string[] {
  const state = lanes.deriveState(key);
  let maxBlocks = 0;
  for (const [lane, message] of messages.entries()) {
    new Uint8Array(lanes.words.buffer).set(message, 4 * lanes.firstWord(lane));
    maxBlocks = Math.max(maxBlocks, lanes.end(lane, message.length));
  }
  lanes.sign(state, messages.length, maxBlocks);
  return messages.map((_, lane) =>
    [0, 1, 2].map((word) => lanes.tagWord(lane, word).toString(16).padStart(8, '0')).join(''),
  );
}

const expected = (key: Uint8Array, message: Uint8Array): string =>
  createHmac('sha1', key).update(message).digest('hex').slice(0, 24);

test("this machine's vectors are used", () => {
  expect(lanes).toBeInstanceOf(HmacLanes);
});

// RFC 2202 §3, the cases whose keys fit in a block.
test.for([
  ['1', '0b'.repeat(20), Buffer.from('Hi There'), 'b617318655057264e28bc0b6fb378c8ef146be00'],
  [
    '2',
    Buffer.from('Jefe').toString('hex'),
    Buffer.from('what do ya want for nothing?'),
    'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79',
  ],
  ['3', 'aa'.repeat(20), Buffer.alloc(50, 0xdd), '125d7342b9ac11cd91a39af48aa17b4f63f175d3'],
] as const)("the standard's test case %s", ([, key, message, tag]) => {
  expect(sign(Buffer.from(key, 'hex'), [message])).toEqual([tag.slice(0, 24)]);
});

test('every length up to the longest is signed as Node signs it', () => {
  const key = bytes(20);
  for (let length = 0; length <= 1_268; length += 4) {
    const messages = [0, 1, 2, 3].map((more) => bytes(Math.min(1_271, length + more)));
    expect(sign(key, messages)).toEqual(messages.map((message) => expected(key, message)));
  }
});

test('one to four messages of any lengths, one key after another: nothing is left of those before', () => {
  for (let round = 0; round < 1_000; round += 1) {
    const key = bytes(1 + pick(64));
    const messages = Array.from({ length: 1 + pick(4) }, () => bytes(pick(round % 2 === 0 ? 1_272 : 130)));
    expect(sign(key, messages)).toEqual(messages.map((message) => expected(key, message)));
  }
});

test('without WebAssembly, or if it fails, lanes are not used', () => {
  vi.stubGlobal('WebAssembly', undefined);
  expect(HmacLanes.create()).toBeUndefined();
  class Memory {
    constructor() {
      throw new RangeError('could not allocate memory');
    }
  }
  vi.stubGlobal('WebAssembly', { Memory });
  expect(HmacLanes.create()).toBeUndefined();
});

test('lanes that sign wrongly are not used', () => {
  class Instance {
    readonly exports = { run: () => {} };
  }
  vi.stubGlobal('WebAssembly', { Memory: WebAssembly.Memory, Module: WebAssembly.Module, Instance });
  expect(HmacLanes.create()).toBeUndefined();
});
