import { expect, test } from 'vitest';
import { encodeALaw, SOUND_PACKET_SAMPLES, soundPacket } from './sound.ts';

const SILENCE = 0xd5;
const SECOND_MS = Date.UTC(2026, 10, 20, 12, 0, 1);

// As ffmpeg's pcm_alaw encodes them; every second bit is inverted.
test.for([
  [0, 0xd5],
  [-1, 0x55],
  [8, 0xd5],
  [24, 0xd4],
  [520, 0xf5],
  [1056, 0xe5],
  [16_700, 0xa5],
  [-16_700, 0x25],
  [32_767, 0xaa],
  [-32_768, 0x2a],
] as const)('%i is A-law %i', ([sample, byte]) => {
  expect(encodeALaw(sample)).toBe(byte);
});

test('it ticks in the first 30 ms of every second and is silent else', () => {
  const sound: number[] = [];
  for (let ms = -100; ms < 1100; ms += 20) {
    sound.push(...soundPacket(SECOND_MS + ms));
  }
  const loud = sound.flatMap((byte, i) => (byte === SILENCE ? [] : [i / 8 - 100]));
  const first = loud.filter((ms) => ms < 500);
  const second = loud.filter((ms) => ms >= 500);
  expect([first[0], first.at(-1)]).toEqual([0.125, 29.875]);
  expect([second[0], second.at(-1)]).toEqual([1000.125, 1029.875]);
});

test('a tick that two packets share goes on without a jump', () => {
  const whole = [...soundPacket(SECOND_MS), ...soundPacket(SECOND_MS + 20)];
  const shifted = [...soundPacket(SECOND_MS - 13.5), ...soundPacket(SECOND_MS + 6.5)];
  expect(shifted.slice(108)).toEqual(whole.slice(0, 2 * SOUND_PACKET_SAMPLES - 108));
});
