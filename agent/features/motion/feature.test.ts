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

test('the zones of a sub stream are those of its camera', () => {
  const zones = 'motionZones: ["Drive: 0,0 0.5,0 0.5,1 0,1", "0,0.5 1,0.5 1,1 0,1"]';
  const config = good(`paths:\n  yard: {${zones}}\n  yard_sub: {}\n  hall: {}\n`);
  const { zonesAt } = motion.open({ config: () => config } as Parameters<typeof motion.open>[0]);
  const found = ['yard', 'yard_sub', 'hall', 'gone'].map((path) => zonesAt?.(path, 0.25, 0.75));
  expect(found).toEqual([['Drive', 'Zone 2'], ['Drive', 'Zone 2'], [], []]);
});
