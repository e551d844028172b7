import { afterEach, expect, test, vi } from 'vitest';
import { isUnplayable, isWebRtcUnsupported, rememberUnplayable, rememberWebRtcUnsupported } from './live-player.ts';

test('tracks that could not be decoded are retried only after they change', () => {
  expect(isUnplayable('barn', ['H265'])).toBe(false);
  rememberUnplayable('barn', ['H265']);
  expect(isUnplayable('barn', ['H265'])).toBe(true);
  expect(isUnplayable('barn', [])).toBe(true);
  expect(isUnplayable('garden', ['H265'])).toBe(false);
  expect(isUnplayable('barn', ['H264'])).toBe(false);
});

test('a camera whose tracks become known after the failure is retried once', () => {
  rememberUnplayable('gate', []);
  expect(isUnplayable('gate', ['H265'])).toBe(false);
});

afterEach(() => vi.unstubAllGlobals());

const tracksOf = (tracks: readonly string[], hasBFrames: boolean | null = null) => ({ tracks, hasBFrames });

test.for([
  [['H264', 'Opus'], false],
  [['H265', 'Opus'], true],
  [['H265', 'H264'], false],
  [['M-JPEG'], true],
  [['G711'], false],
  [['MPEG-TS'], false],
  [[], false],
] as const)(
  'whether WebRTC brings %s to a browser that takes H.264 there is known beforehand: not, %s',
  ([tracks, expected]) => {
    const codecs = ['video/H264', 'video/rtx'].map((mimeType) => ({ mimeType, clockRate: 90_000 }));
    vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => ({ codecs }) });
    expect(isWebRtcUnsupported('barn', tracksOf(tracks))).toBe(expected);
  },
);

test('WebRTC is tried in a browser with unknown codecs', () => {
  expect(isWebRtcUnsupported('barn', tracksOf(['H265']))).toBe(false);
});

test('a path that was rejected for WebRTC is retried only after its tracks change', () => {
  rememberWebRtcUnsupported('yard', tracksOf(['H264']));
  expect(isWebRtcUnsupported('yard', tracksOf(['H264']))).toBe(true);
  expect(isWebRtcUnsupported('yard', tracksOf(['H264', 'Opus']))).toBe(false);
  expect(isWebRtcUnsupported('lane', tracksOf(['H264']))).toBe(false);
});

test('B-frames are not requested over WebRTC until the box reports their end', () => {
  expect(isWebRtcUnsupported('pond', tracksOf(['H264'], true))).toBe(true);
  expect(isWebRtcUnsupported('pond', tracksOf(['H264'], false))).toBe(false);
  rememberWebRtcUnsupported('pond', tracksOf(['H264']));
  expect(isWebRtcUnsupported('pond', tracksOf(['H264'], false))).toBe(false);
});
