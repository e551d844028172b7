import { expect, test } from 'vitest';
import { clipAddress, hlsAddress, spansAddress, whepAddress, whepSessionAddress } from './addresses.ts';

test('names are encoded, and their slashes stay', () => {
  expect(whepAddress('yard/front door?')).toBe('webrtc/yard/front%20door%3F/whep');
  expect(hlsAddress('yard/马厩')).toBe('hls/yard/%E9%A9%AC%E5%8E%A9/index.m3u8');
  expect(spansAddress('yard/a&b')).toBe('playback/list?path=yard%2Fa%26b');
});

test('all addresses are relative to the page, so that a sub-folder of a proxy stays in front of them', () => {
  const page = 'https://home.example/cameras/';
  const addresses = [whepAddress('a'), hlsAddress('a'), spansAddress('a'), clipAddress('a', '2026-01-31T12:00:00Z', 1)];
  for (const address of addresses) {
    expect(new URL(address, page).href).toMatch(/^https:\/\/home\.example\/cameras\//);
  }
});

test.for([
  ['/webrtc/yard/gate/whep/1234-5678'],
  ['/yard/gate/whep/1234-5678'],
  ['https://box.local/webrtc/yard/gate/whep/1234-5678?token=x'],
  ['1234-5678'],
])('the session of Location %s is found below the page', ([location = '']) => {
  expect(whepSessionAddress('yard/gate', location)).toBe('webrtc/yard/gate/whep/1234-5678');
});

test('without a Location there is no session to delete', () => {
  expect(whepSessionAddress('gate', '')).toBeUndefined();
});

test('a clip keeps the moment as the box wrote it and its length to the millisecond', () => {
  const address = clipAddress('yard/gate', '2026-11-17T16:04:12.000001+01:00', 42.123456);
  expect(Object.fromEntries(new URL(address, 'http://box/').searchParams)).toEqual({
    path: 'yard/gate',
    start: '2026-11-17T16:04:12.000001+01:00',
    duration: '42.123',
    format: 'mp4',
  });
});
