import { expect, test } from 'vitest';
import { clipAddress, encodeName, spansAddress } from './urls.ts';

test('names are encoded, except their slashes', () => {
  expect(encodeName('yard/front door?')).toBe('yard/front%20door%3F');
  expect(spansAddress('yard/a&b')).toBe('playback/list?path=yard%2Fa%26b');
});

test("all addresses are relative to the page, so that a proxy's sub-folder stays", () => {
  const page = 'https://home.example/cameras/';
  const addresses = [spansAddress('a'), clipAddress('a', '2026-01-31T12:00:00Z', 1)];
  for (const address of addresses) {
    expect(new URL(address, page).href).toMatch(/^https:\/\/home\.example\/cameras\//);
  }
});

test("a clip keeps the box's time stamp, and its length in milliseconds", () => {
  const address = clipAddress('yard/gate', '2026-11-17T16:04:12.000001+01:00', 42.123456);
  expect(Object.fromEntries(new URL(address, 'http://box/').searchParams)).toEqual({
    path: 'yard/gate',
    start: '2026-11-17T16:04:12.000001+01:00',
    duration: '42.123',
    format: 'mp4',
  });
});
