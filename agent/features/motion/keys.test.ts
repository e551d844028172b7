import { expect, test } from 'vitest';
import { good, load } from '../../../test/support/harness/loaded-config.ts';

test.for([
  [
    'motionZones: ["0.1,0.2 0.5,0.2 2,0.9"]',
    "motionZones[0]: '0.1,0.2 0.5,0.2 2,0.9' is not an area of the picture: write",
  ],
  ['motionZones: ["a,b: 0,0 1,0 1,1"]', "motionZones[0]: 'a,b' is not the name of an area: write 1 to 32"],
  ['motionMasks: ["Tree: 0,0 1,0 1,1"]', "motionMasks[0]: 'Tree: 0,0 1,0 1,1' is not an area of the picture"],
  ['motionMasks: ["0,0 1,0"]', 'motionMasks[0]: has 2 corners: write 3 to 32'],
  [`motionMasks: [${Array(17).fill('0 0 1 0 1 1').join()}]`, 'motionMasks: has 17 items, the limit is 16'],
  ['motionMinSize: small', "motionMinSize: 'small' is not a number such as 0.05"],
  ['motionMinSize: 1.5', "motionMinSize: '1.5' must be <= 1"],
  ['motionHours: 22-6', "motionHours: '22-6' are not hours: write for example 22:00-06:00"],
] as const)('a path with "%s" is disabled alone', ([line, error]) => {
  const { config } = load(`paths:\n  wrong:\n    ${line}\n  right:\n`);
  expect(config?.paths.get('wrong')?.error?.startsWith(error), config?.paths.get('wrong')?.error).toBe(true);
  expect(config?.paths.get('right')?.settings).toBeDefined();
});

test('variables set areas and sizes', () => {
  const config = good('', {
    PERCH_PATHS_NEW_MOTIONZONES: 'Drive:0 0 1 0 1 0.5,0 0.5 1 0.5 1 1',
    PERCH_PATHS_NEW_MOTIONMINSIZE: '0.02',
  });
  expect(config.paths.get('new')?.settings).toMatchObject({
    motionZones: ['Drive: 0,0 1,0 1,0.5', '0,0.5 1,0.5 1,1'],
    motionMinSize: 0.02,
  });
});
