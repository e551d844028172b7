import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { servicesOf } from './services.ts';

beforeAll(() => {
  vi.stubGlobal('document', { baseURI: 'https://blog.example/garden/' });
});
afterAll(() => vi.unstubAllGlobals());

const NOTHING = { base: null, webrtcBase: null, hlsBase: null };

test('without a base, services are at the address of the script', () => {
  expect(servicesOf(NOTHING, 'http://box:8080/cams/', 'main port')).toEqual({
    webrtc: 'http://box:8080/cams/webrtc/',
    hls: 'http://box:8080/cams/hls/',
  });
});

test("MediaMTX's HLS port serves no WebRTC", () => {
  expect(servicesOf(NOTHING, 'http://box:8888/', 'HLS port')).toEqual({
    webrtc: undefined,
    hls: 'http://box:8888/',
  });
});

test('a base is relative to the page and has all services, for any port of the script', () => {
  for (const base of ['https://blog.example/garden/box', 'box/']) {
    expect(servicesOf({ ...NOTHING, base }, 'http://box:8888/', 'HLS port')).toEqual({
      webrtc: 'https://blog.example/garden/box/webrtc/',
      hls: 'https://blog.example/garden/box/hls/',
    });
  }
});

test('each service can have another port, as in MediaMTX, or be left out', () => {
  const attributes = { base: null, webrtcBase: 'http://box:8889', hlsBase: 'none' };
  expect(servicesOf(attributes, 'http://box:8080/', 'main port')).toEqual({
    webrtc: 'http://box:8889/',
    hls: undefined,
  });
});
