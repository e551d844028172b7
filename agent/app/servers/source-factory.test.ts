import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { good, KEYS } from '../../../test/support/harness/loaded-config.ts';
import { silentLogger } from '../../base/log.ts';
import { IdentityCheckedSource } from '../../cameras/identity-checked-source.ts';
import { FEATURES } from '../features/table.ts';
import { SERVERS, SOURCES } from '../protocols.ts';
import { makeSource } from './source-factory.ts';

const clock = new FakeClock();
const watch = { check: async () => 'same' as const, failed: () => {}, connected: () => {} };

function sourceOf(text: string, { isTest = false } = {}) {
  const config = good(`perch: own\npaths: {cam: ${text}}`);
  const settings = config.paths.get('cam')?.settings;
  if (!settings) {
    throw new Error('the path is wrong');
  }
  return makeSource(SOURCES, { name: 'cam', settings, config, clock, log: silentLogger }, isTest ? undefined : watch);
}

test.for(['rtsp', 'RTSPS', 'rtsp+http', 'rtsps+ws'])('%s:// is an RTSP source', (scheme) => {
  expect(sourceOf(`{source: "${scheme}://h/1"}`).type).toBe('rtspSource');
});

test('the source of a camera with an identity is checked against it', () => {
  const camera = (more: string, options = {}) =>
    sourceOf(`{source: "rtsp://h/1", camera: {onvif: "http://h/onvif"${more}}}`, options);
  expect(camera('')).not.toBeInstanceOf(IdentityCheckedSource);
  expect(camera(', serial: "1"')).toBeInstanceOf(IdentityCheckedSource);
  // Its result would count for the camera of the path, which may be another one.
  expect(camera(', serial: "1"', { isTest: true })).not.toBeInstanceOf(IdentityCheckedSource);
});

test('the loader knows the keys of each protocol', () => {
  const ofFeatures = FEATURES.flatMap(({ sources = [] }) => sources);
  expect([...SOURCES.map(({ keys }) => keys), ...ofFeatures]).toEqual(KEYS.sources);
  expect(new Set(SERVERS.map(({ keys }) => keys))).toEqual(new Set(KEYS.servers));
});
