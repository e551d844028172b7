import { expect, test } from 'vitest';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { motion } from './feature.ts';

test('with motionSource stream, motion that the camera reports does not count', () => {
  const config = good('paths:\n  yard: {motionSource: stream}\n  door: {motionSource: both}\n  hall: {}\n');
  const { replacesEvents } = motion.open({ config: () => config } as Parameters<typeof motion.open>[0]);
  const replaced = ['yard', 'door', 'hall', 'gone'].map((path) => replacesEvents?.(path, 'motion'));
  expect(replaced).toEqual([true, false, false, false]);
  expect(replacesEvents?.('yard', 'person')).toBe(false);
});
