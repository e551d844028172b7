import { expect, test } from 'vitest';
import { codecIn, playableCodecs } from './codecs.ts';

test.for([
  ['codecs not supported by client: the video is H265 and this player does not offer it', 'H.265'],
  ['the browser can decode nothing of it: hvc1.1.6.L93.B0', 'H.265'],
  ['avc1.640028', 'H.264'],
  ['M-JPEG has no place in MP4', 'M-JPEG'],
  ['no picture within 10 s', undefined],
] as const)('%s: the codec is %s', ([text, codec]) => {
  expect(codecIn(text)).toBe(codec);
});

test('a browser without H.265 and Opus requests what it has, and without audio only video', () => {
  const isSupported = (type: string) => !/hvc1|opus|[ae]c-3|6B/.test(type);
  expect(playableCodecs(isSupported, true)).toEqual(['avc1', 'av01', 'vp09', 'mp4a.40', 'fLaC']);
  expect(playableCodecs(isSupported, false)).toEqual(['avc1', 'av01', 'vp09']);
});
