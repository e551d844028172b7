import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { sessionAddress, sourceAt, withParameter } from './source.ts';

beforeAll(() => {
  vi.stubGlobal('document', { baseURI: 'https://home.example/cameras/' });
});
afterAll(() => vi.unstubAllGlobals());

const BELOW_THE_PAGE = { webrtc: 'webrtc/', hls: 'hls/' };

test('addresses are below the page, names are encoded, and each has the query', () => {
  expect(sourceAt(BELOW_THE_PAGE, 'yard/front door?', '?jwt=x')).toEqual({
    whep: 'webrtc/yard/front%20door%3F/whep?jwt=x',
    mse: 'wss://home.example/cameras/hls/yard/front%20door%3F/mse?jwt=x',
    hls: 'hls/yard/front%20door%3F/index.m3u8?jwt=x',
    headers: {},
  });
});

test('with only HLS there is no WHEP, and http has a plain WebSocket', () => {
  const { whep, mse, hls } = sourceAt({ webrtc: undefined, hls: 'http://box:8888/' }, 'cam', '');
  expect([whep, mse, hls]).toEqual([undefined, 'ws://box:8888/cam/mse', 'http://box:8888/cam/index.m3u8']);
});

test('a parameter is added to a query, or starts one', () => {
  expect([withParameter('a', 'b=1'), withParameter('a?c=2', 'b=1')]).toEqual(['a?b=1', 'a?c=2&b=1']);
});

test.for([
  '/webrtc/yard/gate/whep/1234-5678',
  '/yard/gate/whep/1234-5678',
  'https://box.local/webrtc/yard/gate/whep/1234-5678?token=x',
  '1234-5678',
])('the session of Location %s is found below the address that was asked', (location) => {
  expect(sessionAddress('webrtc/yard/gate/whep', location)).toBe('webrtc/yard/gate/whep/1234-5678');
  expect(sessionAddress('webrtc/yard/gate/whep?jwt=a/b', location)).toBe('webrtc/yard/gate/whep/1234-5678?jwt=a/b');
});

test('without a Location there is no session to delete', () => {
  expect(sessionAddress('webrtc/gate/whep', '')).toBeUndefined();
});
