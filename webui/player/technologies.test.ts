import { expect, test } from 'vitest';
import { PlayError } from './session/live-session.ts';
import {
  ALL_TECHNOLOGIES,
  isWorthTrying,
  parseTechnologies,
  planTechnologies,
  type TechnologyChoice,
} from './technologies.ts';

const EVERYWHERE = { whep: 'a', mse: 'b', hls: 'c' };
const state = (more: Partial<TechnologyChoice>): TechnologyChoice => ({
  wanted: ALL_TECHNOLOGIES,
  source: EVERYWHERE,
  isWebRtcBlocked: false,
  needsSound: false,
  ...more,
});

test('WebRTC comes first, then MSE, then HLS', () => {
  expect(planTechnologies(state({}))).toEqual({ order: ['WebRTC', 'MSE', 'HLS'], passed: [] });
});

test('without WebRTC, MSE comes first and the reason is reported', () => {
  expect(planTechnologies(state({ source: { ...EVERYWHERE, whep: undefined } }))).toEqual({
    order: ['MSE', 'HLS'],
    passed: [{ technology: 'WebRTC', kind: 'unwanted', reason: 'it is not served here' }],
  });
});

test('WebRTC that was just blocked, or lacks the wanted audio, comes last', () => {
  const blocked = planTechnologies(state({ isWebRtcBlocked: true }));
  expect(blocked.order).toEqual(['MSE', 'HLS', 'WebRTC']);
  expect(blocked.passed[0]?.reason).toContain('did not come through');
  const silent = planTechnologies(state({ needsSound: true }));
  expect(silent.order).toEqual(['MSE', 'HLS', 'WebRTC']);
  expect(silent.passed[0]?.reason).toContain('sound');
});

test('with only WebRTC wanted nothing else is tried', () => {
  expect(planTechnologies(state({ wanted: ['WebRTC'], needsSound: true }))).toEqual({ order: ['WebRTC'], passed: [] });
});

test('HLS is not tried for codecs that MSE cannot decode', () => {
  const failures = (kind: 'codec' | 'transport') => new Map([['MSE', new PlayError(kind, 'x')] as const]);
  expect(isWorthTrying('HLS', failures('codec'))).toBe(false);
  expect(isWorthTrying('HLS', failures('transport'))).toBe(true);
  expect(isWorthTrying('WebRTC', failures('codec'))).toBe(true);
});

test.for([
  [null, ['WebRTC', 'MSE', 'HLS']],
  ['', ['WebRTC', 'MSE', 'HLS']],
  ['hls', ['HLS']],
  ['MSE, webrtc mse', ['MSE', 'WebRTC']],
  ['carrier-pigeon', ['WebRTC', 'MSE', 'HLS']],
] as const)('ways="%s" are %s', ([text, technologies]) => {
  expect(parseTechnologies(text)).toEqual(technologies);
});
