import { expect, test } from 'vitest';
import { encodeALaw, SOUND_PACKET_SAMPLES, soundPacket } from './sound.ts';

const SILENCE = 0xd5;
const SECOND_MS = Date.UTC(2026, 10, 20, 12, 0, 1);

// ITU-T G.711, table 1a: the ends of segments, with the even bits inverted.
test.for([
  [0, 0xd5],
  [-1, 0x55],
  [32_767, 0xaa],
  [-32_768, 0x2a],
  [16, 0xd4],
  [512, 0xf5],
  [1024, 0xe5],
  [16_384, 0xa5],
  [-16_385, 0x25],
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
