import { expect, test } from 'vitest';
import { exitCodeOf, summaryOf } from './restore-archive.ts';

const found = { box: '0123456789ab', files: 3, bytes: 9_000 };

test('all recordings of the archive were read', () => {
  expect(summaryOf({ ...found, unreadableFiles: 0 })).toBe(
    'the archive has 3 recordings of box 0123456789ab (9000 bytes)\nstart Perch: it lists and plays them\n',
  );
});

test('without the key nothing is promised, and where the key goes is said', () => {
  const text = summaryOf({ ...found, unreadableFiles: 3 });
  expect(text).toContain(
    '3 of them cannot be read and are not listed: if they are encrypted, start Perch and enter the key',
  );
  expect(text).not.toContain('plays');
  expect(summaryOf({ ...found, unreadableFiles: 1 })).toContain('start Perch: it lists and plays the others');
});

test('it fails if no recording can be read', () => {
  expect([0, 1, 3].map((unreadableFiles) => exitCodeOf({ ...found, unreadableFiles }))).toEqual([0, 0, 1]);
});
