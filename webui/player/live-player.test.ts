import { afterEach, expect, test, vi } from 'vitest';
import { isUnplayable, isWebRtcUnsupported, rememberUnplayable, rememberWebRtcUnsupported } from './live-player.ts';

test('what the browser cannot decode is asked for again only when the camera has other tracks', () => {
  expect(isUnplayable('barn', ['H265'])).toBe(false);
  rememberUnplayable('barn', ['H265']);
  expect(isUnplayable('barn', ['H265'])).toBe(true);
  expect(isUnplayable('barn', [])).toBe(true);
  expect(isUnplayable('garden', ['H265'])).toBe(false);
  expect(isUnplayable('barn', ['H264'])).toBe(false);
});

test('a camera that told its tracks only after the failure is asked once more', () => {
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

test('a browser that does not tell what it takes over WebRTC is let try', () => {
  expect(isWebRtcUnsupported('barn', tracksOf(['H265']))).toBe(false);
});

test('what the box has refused to send over WebRTC is asked for again only when the camera has other tracks', () => {
  rememberWebRtcUnsupported('yard', tracksOf(['H264']));
  expect(isWebRtcUnsupported('yard', tracksOf(['H264']))).toBe(true);
  expect(isWebRtcUnsupported('yard', tracksOf(['H264', 'Opus']))).toBe(false);
  expect(isWebRtcUnsupported('lane', tracksOf(['H264']))).toBe(false);
});

test('pictures out of their order are not asked for over WebRTC, until the box says that they are in order', () => {
  expect(isWebRtcUnsupported('pond', tracksOf(['H264'], true))).toBe(true);
  expect(isWebRtcUnsupported('pond', tracksOf(['H264'], false))).toBe(false);
  rememberWebRtcUnsupported('pond', tracksOf(['H264']));
  expect(isWebRtcUnsupported('pond', tracksOf(['H264'], false))).toBe(false);
});
