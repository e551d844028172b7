import { expect, test } from 'vitest';
import type { SystemFacts } from './system-facts.ts';
import { needsTime, Sparkline, sinceOf, troublesOf } from './troubles.ts';

const no = { now: false, sinceStart: false };
const well = {
  power: { underVoltage: no, slowed: no, hot: no },
  configFault: null,
  hardwareFaults: [],
  temperatureCelsius: 58,
  clock: { timeZone: 'UTC', set: true, source: 'network' },
} as unknown as SystemFacts;
const power = (more: object) => ({ ...well, power: { ...well.power, ...more } }) as SystemFacts;

test('troubles are listed by severity', () => {
  expect(troublesOf(well)).toEqual([]);
  expect(troublesOf({ ...well, power: null })).toEqual([]);
  const now = { now: true, sinceStart: true };
  expect(troublesOf(power({ underVoltage: now }))).toEqual(['weakNow']);
  expect(troublesOf(power({ underVoltage: { now: false, sinceStart: true } }))).toEqual(['weakBefore']);
  const all = { ...power({ underVoltage: now, hot: now }), clock: { ...well.clock, set: false } };
  expect(troublesOf(all)).toEqual(['hot', 'weakNow', 'clock']);
  expect(troublesOf({ ...all, configFault: { key: '', message: '', line: 6 } })).toEqual([
    'file',
    'hot',
    'weakNow',
    'clock',
  ]);
});

test('a slowed processor is one trouble with its cause; each has the time of its beginning', () => {
  const since = '2026-11-23T18:00:00Z';
  const faults = (...whys: readonly string[]) => ({ hardwareFaults: whys.map((why) => ({ why, name: null, since })) });
  const slowed = { ...well, ...faults('slowed', 'swap', 'fan') };
  expect(troublesOf(slowed)).toEqual(['fan', 'slowed', 'swap']);
  expect(sinceOf('slowed', slowed)).toBe(since);
  expect(sinceOf('clock', slowed)).toBeUndefined();
  const weak = { ...power({ underVoltage: { now: true, sinceStart: true } }), ...faults('slowed', 'underVoltage') };
  expect(troublesOf(weak)).toEqual(['weakNow']);
  expect(sinceOf('weakNow', weak)).toBe(since);
});

test.for([
  ['that does not know it and can be set', {}, true],
  ['that knows it', { set: true }, false],
  ['whose clock only root sets', { canBeSet: false }, false],
  ['that says the same all the same', { behindMs: 1_500 }, false],
  ['that is before this box', { behindMs: -2_500 }, true],
] as const)('the time of the browser is offered to a box %s: %o', ([, more, isOffered]) => {
  const clock = { timeZone: 'UTC', set: false, source: 'none', canBeSet: true, time: '', behindMs: 1e12 } as const;
  expect(needsTime({ ...clock, ...more })).toBe(isOffered);
});

test('a curve starts with the second value and drops old ones', () => {
  const curve = new Sparkline();
  curve.push(50);
  expect(curve.points(100)).toBeUndefined();
  curve.push(100);
  expect(curve.points(100)).toBe('0.0,12.0 96.0,2.0');
  for (let i = 0; i < 100; i += 1) {
    curve.push(0);
  }
  expect(curve.points(100)?.split(' ')).toHaveLength(60);
  expect(curve.points(100)).not.toContain('12.0');
});
