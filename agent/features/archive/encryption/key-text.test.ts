import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { keyIdOf, keyTextOf, newArchiveKey, parseKeyText } from './key-text.ts';

test('a key that is written down and typed is the same', () => {
  for (let i = 0; i < 200; i += 1) {
    const key = newArchiveKey();
    const text = keyTextOf(key);
    expect(text).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){8}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(parseKeyText(text).equals(key)).toBe(true);
    expect(parseKeyText(` ${text.toLowerCase().replaceAll('-', ' ')}\n`).equals(key)).toBe(true);
    expect(parseKeyText(text.replaceAll('0', 'o').replaceAll('1', 'l')).equals(key)).toBe(true);
    expect(keyIdOf(key).equals(keyIdOf(newArchiveKey()))).toBe(false);
  }
});

test('the first key with a zero keeps it', () => {
  const key = Buffer.alloc(20);
  key[19] = 1;
  expect(parseKeyText(keyTextOf(key)).equals(key)).toBe(true);
});

test('one wrong character is noticed, and the message does not repeat the key', () => {
  const next = random(34);
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  for (let i = 0; i < 500; i += 1) {
    const text = keyTextOf(newArchiveKey());
    const at = Math.floor(next() * text.length);
    const other = digits[Math.floor(next() * 32)] ?? '';
    const wrong = text.slice(0, at) + other + text.slice(at + 1);
    if (text[at] !== '-' && wrong !== text) {
      expect(() => parseKeyText(wrong)).toThrow('one or more of its characters are wrong');
      expect(() => parseKeyText(wrong)).not.toThrow(text.slice(0, 4));
    }
  }
});

test.for(['', 'ABCD', 'U'.repeat(36), `${keyTextOf(newArchiveKey())}-0000`, '🔑'.repeat(18)])(
  '%j is no key',
  (typed) => {
    expect(() => parseKeyText(typed)).toThrow('this is not a key of an archive');
  },
);
