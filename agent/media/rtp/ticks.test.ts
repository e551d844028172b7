import { expect, test } from 'vitest';
import { TickUnwrapper } from './ticks.ts';

test('ticks go on across the wrap of the timestamp', () => {
  const unwrapper = new TickUnwrapper();
  const first = unwrapper.unwrap(0xffff_ff00);
  expect(unwrapper.unwrap(0x100) - first).toBe(0x200);
  expect(unwrapper.unwrap(0xffff_ffff) - first).toBe(0xff);
});

test('a timestamp before the first one is not negative', () => {
  const unwrapper = new TickUnwrapper();
  unwrapper.unwrap(5);
  expect(unwrapper.unwrap(0xffff_fff0)).toBeGreaterThan(0);
});

test('asking for a timestamp nearby does not move the unwrapper', () => {
  const unwrapper = new TickUnwrapper();
  const first = unwrapper.unwrap(1000);
  expect(unwrapper.near(0xffff_ffff) - first).toBe(-1001);
  expect(unwrapper.unwrap(1001) - first).toBe(1);
});
