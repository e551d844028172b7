import { expect, test } from 'vitest';
import { heapBytes } from '../../../../test/support/base/heap.ts';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { ufragOf } from './requests.ts';
import { encodePath, readSignallingUrl } from './signalling-url.ts';

const FRAGMENT =
  'a=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=candidate:1 1 udp 2130706431 d3a.local 5000 typ host\r\na=end-of-candidates\r\n';

test.for([
  ['credentials of a section', FRAGMENT, 'EsAw'],
  ['credentials of the session', 'a=ice-ufrag: abcd \na=ice-pwd:x\n', 'abcd'],
  ['candidates alone', 'm=audio 9 X 0\na=mid:0\na=candidate:1\n', undefined],
] as const)('a fragment with %s is read', ([, text, ufrag]) => {
  expect(ufragOf(text)).toBe(ufrag);
});

test.for([
  ['nothing', ''],
  ['empty lines', '\r\n\r\n'],
  ['JSON', '{"candidate":"1"}'],
  ['a user fragment that is too short', 'a=ice-ufrag:abc'],
  ['one that is too long', `a=ice-ufrag:${'a'.repeat(257)}`],
  ['one with other characters', 'a=ice-ufrag:ab\u00e9d'],
] as const)('%s is rejected', ([, text]) => {
  expect(() => ufragOf(text)).toThrow(PerchError);
});

test('a user fragment does not keep the text of its offer in memory', () => {
  const fragment = (i: number) => `a=ice-ufrag:${'u'.repeat(30)}${i}\r\na=x:${'y'.repeat(100_000)}\r\n`;
  const before = heapBytes();
  const kept = Array.from({ length: 100 }, (_, i) => ufragOf(Buffer.from(fragment(i)).toString()));
  expect(heapBytes() - before).toBeLessThan(1_000_000);
  expect(kept).toHaveLength(100);
});

const next = random(8840);
const pick = (limit: number): number => Math.floor(next() * limit);

function damaged(text: string, words: readonly string[]): string {
  let result = text;
  for (let damage = pick(5); damage >= 0; damage -= 1) {
    const at = pick(result.length + 1);
    result = result.slice(0, at) + (words[pick(words.length)] ?? '') + result.slice(at + pick(8));
  }
  return result;
}

test('damaged fragments give a user fragment as browsers make them, none, or a PerchError', () => {
  let read = 0;
  for (let i = 0; i < 5_000; i += 1) {
    try {
      const ufrag = ufragOf(damaged(FRAGMENT, ['\n', 'a=ice-ufrag:', '\0', '=', ' ', '\u2028', 'a', '/']));
      read += 1;
      expect(ufrag ?? 'none').toMatch(/^[\w+/-]{4,256}$/);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(read).toBeGreaterThan(1_000);
});

test('no address leads to another host, and every one means something', () => {
  for (let i = 0; i < 5_000; i += 1) {
    const target = readSignallingUrl(
      damaged('a/b/whep', ['/', '\\', 'talk', 'publish', '..', '%2f', '\n', '//', 'reader.js']),
    );
    if ('path' in target) {
      expect(target.path).not.toBe('');
    }
    if (target.kind === 'redirect') {
      expect(new URL(`/${encodePath(target.path)}/`, 'http://box.test').host).toBe('box.test');
    }
  }
});
