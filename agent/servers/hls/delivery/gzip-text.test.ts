import { randomBytes } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { gzipText } from './gzip-text.ts';

const unzipped = (text: string): string => gunzipSync(Buffer.from(gzipText(text), 'latin1')).toString('latin1');

const playlist = Array.from(
  { length: 30 },
  (_, i) => `#EXT-X-PART:DURATION=0.${20000 - (i % 3)},URI="3f9c1a_video1_part${i + 990}.mp4"\n`,
).join('');

test.for([
  ['an empty text', ''],
  ['one character', 'a'],
  ['three characters, which are too few for a match', 'aaa'],
  ['a run, which overlaps its own match', 'a'.repeat(1_000)],
  ['a match of the longest length', `${'abcdefgh'.repeat(40)}`],
  ['every byte', Buffer.from(Array.from({ length: 512 }, (_, i) => i & 0xff)).toString('latin1')],
  ['a playlist', playlist],
  ['the longest text with codes of its own', 'x#EXTINF:2.00000,\n'.repeat(2_000).slice(0, 32 << 10)],
  ['a longer text', '#EXTINF:2.00000,\n'.repeat(4_000)],
] as const)('%s unzips to itself', ([, text]) => {
  expect(unzipped(text)).toBe(text);
});

test('texts after each other do not refer to each other', () => {
  expect([unzipped(playlist), unzipped(playlist.slice(3)), unzipped('#EXT')]).toEqual([
    playlist,
    playlist.slice(3),
    '#EXT',
  ]);
});

test('random texts with few and with many different characters unzip to themselves', () => {
  const next = random(7);
  for (let i = 0; i < 2_000; i += 1) {
    const letters = 1 + Math.floor(next() * (i % 2 === 0 ? 3 : 255));
    const bytes = Buffer.from(Array.from({ length: Math.floor(next() * 700) }, () => Math.floor(next() * letters)));
    const text = bytes.toString('latin1');
    expect(unzipped(text)).toBe(text);
  }
  const noise = randomBytes(30_000).toString('latin1');
  expect(unzipped(noise)).toBe(noise);
});

test('a playlist takes at most a third more bytes than with zlib', () => {
  expect(gzipText(playlist).length).toBeLessThan((gzipSync(playlist).length * 4) / 3);
});
