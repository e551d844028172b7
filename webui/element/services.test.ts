import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { servicesOf } from './services.ts';

beforeAll(() => {
  vi.stubGlobal('document', { baseURI: 'https://blog.example/garden/' });
});
afterAll(() => vi.unstubAllGlobals());

const NOTHING = { base: null, webrtcBase: null, hlsBase: null };

test('without a base the services are where the script came from', () => {
  expect(servicesOf(NOTHING, 'http://box:8080/cams/', 'main port')).toEqual({
    webrtc: 'http://box:8080/cams/webrtc/',
    hls: 'http://box:8080/cams/hls/',
  });
});

test("from MediaMTX's HLS port there is no WebRTC", () => {
  expect(servicesOf(NOTHING, 'http://box:8888/', 'HLS port')).toEqual({
    webrtc: undefined,
    hls: 'http://box:8888/',
  });
});

test('a base is a box with all services, wherever the script came from, and is relative to the page', () => {
  for (const base of ['https://blog.example/garden/box', 'box/']) {
    expect(servicesOf({ ...NOTHING, base }, 'http://box:8888/', 'HLS port')).toEqual({
      webrtc: 'https://blog.example/garden/box/webrtc/',
      hls: 'https://blog.example/garden/box/hls/',
    });
  }
});

test("each service can lie on a port of its own, as MediaMTX's do, or be left out", () => {
  const attributes = { base: null, webrtcBase: 'http://box:8889', hlsBase: 'none' };
  expect(servicesOf(attributes, 'http://box:8080/', 'main port')).toEqual({
    webrtc: 'http://box:8889/',
    hls: undefined,
  });
});
