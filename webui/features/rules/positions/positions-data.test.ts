import { expect, test } from 'vitest';
import { en } from '../words/en.ts';
import { zhCn } from '../words/zh-cn.ts';
import { habitText, keysOf, pauseText, settingsOf, toggled, withHabit } from './positions-data.ts';

const PATROL = [
  { preset: 'Gate', seconds: 10 },
  { preset: 'Door', seconds: 20 },
];

test('a patrol goes before a guard position, and without both the camera stays', () => {
  expect(settingsOf({})).toEqual({ habit: 'stays', guard: '', stops: [], pause: 30 });
  expect(settingsOf({ ptzGuard: 'Gate' })).toMatchObject({ habit: 'returns', guard: 'Gate' });
  expect(settingsOf({ ptzGuard: 'Gate', ptzPatrol: PATROL })).toEqual({
    habit: 'patrols',
    guard: 'Gate',
    stops: ['Gate', 'Door'],
    pause: 10,
  });
});

test('another habit ends the former one', () => {
  expect(keysOf({ habit: 'stays' }, { ptzGuard: 'Gate', ptzPatrol: PATROL })).toEqual({ ptzGuard: '', ptzPatrol: [] });
  expect(keysOf({ habit: 'returns', guard: 'Door' }, { ptzPatrol: PATROL })).toEqual({
    ptzGuard: 'Door',
    ptzPatrol: [],
  });
});

test('pauses that differ stay until the pause is changed', () => {
  const config = { ptzPatrol: PATROL };
  expect(keysOf({ stops: ['Door', 'Gate', 'Yard'] }, config).ptzPatrol).toEqual([
    { preset: 'Door', seconds: 20 },
    { preset: 'Gate', seconds: 10 },
    { preset: 'Yard', seconds: 10 },
  ]);
  expect(keysOf({ pause: 60 }, config).ptzPatrol).toEqual([
    { preset: 'Gate', seconds: 60 },
    { preset: 'Door', seconds: 60 },
  ]);
});

test('a habit that is chosen first has the presets of the camera', () => {
  const none = settingsOf({});
  expect(withHabit(none, 'returns', ['Gate', 'Door'])).toEqual({ habit: 'returns', guard: 'Gate' });
  expect(withHabit(none, 'patrols', ['Gate', 'Door'])).toEqual({ habit: 'patrols', stops: ['Gate', 'Door'] });
  // Some of the many that a camera may list restart it.
  expect(withHabit(none, 'patrols', ['Gate', 'Door', 'Remote reboot'])).toMatchObject({ stops: ['Gate', 'Door'] });
  expect(withHabit(settingsOf({ ptzGuard: 'Door' }), 'returns', ['Gate'])).toEqual({ habit: 'returns' });
});

test('a preset is added at the end, of up to 64, and the last one stays', () => {
  expect(toggled(['Gate'], 'Door')).toEqual(['Gate', 'Door']);
  expect(toggled(['Gate', 'Door'], 'Gate')).toEqual(['Door']);
  expect(toggled(['Door'], 'Door')).toEqual(['Door']);
  const most = Array.from({ length: 64 }, (_, i) => `P${i}`);
  expect(toggled(most.slice(1), 'P0')).toHaveLength(64);
  expect(toggled(most, 'Gate')).toEqual(most);
});

test('habits and pauses are words', () => {
  expect([habitText('returns', en), habitText('patrols', zhCn)]).toEqual(['Return', '巡航']);
  expect([30, 120, 3_600].map((seconds) => pauseText(seconds, 'en'))).toEqual(['30 sec', '2 min', '1 hr']);
});
