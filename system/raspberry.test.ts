import { expect, test } from 'vitest';
import { parseLifeTime, parseThrottled } from './raspberry.ts';

const NO = { now: false, sinceStart: false };
const ONCE = { now: false, sinceStart: true };
const NOW = { now: true, sinceStart: true };

test.for([
  ['0', { underVoltage: NO, slowed: NO, hot: NO }],
  ['0x0', { underVoltage: NO, slowed: NO, hot: NO }],
  ['throttled=0x50000\n', { underVoltage: ONCE, slowed: ONCE, hot: NO }],
  ['50005', { underVoltage: NOW, slowed: NOW, hot: NO }],
  ['throttled=0x80008', { underVoltage: NO, slowed: NO, hot: NOW }],
  ['20002', { underVoltage: NO, slowed: NOW, hot: NO }],
] as const)('the firmware of a Raspberry Pi says %s of its power', ([text, state]) => {
  expect(parseThrottled(text)).toEqual(state);
});

test.for(['', 'error', 'throttled=', '0x123456789', 'VCHI initialization failed'])('%j says nothing', (text) => {
  expect(parseThrottled(text)).toBeUndefined();
});

test.for([
  ['0x01 0x02\n', 20],
  ['0x00 0x03', 30],
  ['0x0b 0x01', 100],
  ['0x00 0x00', undefined],
  ['', undefined],
  ['0xff 0x20', undefined],
] as const)('a card of the life time %j is worn by %s percent', ([text, percent]) => {
  expect(parseLifeTime(text)).toBe(percent);
});
