import { expect, test } from 'vitest';
import { chooseProfiles } from './profiles.ts';

const profile = (token: string, width?: number, height?: number) => ({
  token,
  name: token,
  width,
  height,
  fps: undefined,
  codec: 'H264',
});
const [uhd, hd, vga, tiny, unknown] = [
  profile('uhd', 3840, 2160),
  profile('hd', 1280, 720),
  profile('vga', 640, 480),
  profile('tiny', 320, 180),
  profile('unknown'),
];

test.for([
  ['main has the most pixels, sub is nearest to 640x360', [tiny, vga, uhd, hd], 'uhd', 'vga'],
  ['a camera of one size has no sub', [hd, profile('hd2', 1280, 720)], 'hd', undefined],
  ['sub is smaller than main, however small', [vga, tiny], 'vga', 'tiny'],
  ['a profile without a size is main only when there is no other', [unknown, tiny], 'tiny', undefined],
  ['a camera that tells no sizes has its first profile', [unknown, profile('second')], 'unknown', undefined],
  ['nothing of nothing', [], undefined, undefined],
] as const)('%s', ([, profiles, main, sub]) => {
  const chosen = chooseProfiles(profiles);
  expect([chosen.main?.token, chosen.sub?.token]).toEqual([main, sub]);
});
