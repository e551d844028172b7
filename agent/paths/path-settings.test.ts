import { expect, test } from 'vitest';
import { KEYS } from '../../test/support/harness/loaded-config.ts';
import { parseConfig, resolvePath } from '../config/load/load.ts';
import { pullsAny, settingsFor, sourceKeyOf } from './path-settings.ts';

test.for<[pattern: string, source: string, name: string, wanted: string]>([
  ['~^cam(.)$', 'rtsp://h/$G1', 'cam7', 'rtsp://h/7'],
  ['~^(front|back)(/sub)?$', 'rtsp://$G1.lan/live$G2', 'front/sub', 'rtsp://front.lan/live/sub'],
  ['~^(front|back)(/sub)?$', 'rtsp://$G1.lan/live$G2', 'back', 'rtsp://back.lan/live'],
  ['~^(.)(.)$', 'rtsp://h/$G12', 'ab', 'rtsp://h/a2'],
  ['~^(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)$', 'rtsp://h/$G10', 'abcdefghij', 'rtsp://h/j'],
  ['~^(.)$', 'rtsp://h/$G2', 'a', 'rtsp://h/$G2'],
])('the pattern %s with the source %s, requested as %s, pulls %s', ([pattern, source, name, wanted]) => {
  const text = JSON.stringify({ paths: { [pattern]: { source, sourceOnDemand: true } } });
  const { config } = parseConfig(text, 'perch.yml', {}, { recordPath: '/data/%path/%s%f', cwd: '/', keys: KEYS });
  expect(settingsFor(config && resolvePath(config, name), name)?.source).toBe(wanted);
});

test.for<[paths: Record<string, object>, pulls: boolean]>([
  [{}, false],
  [{ stage: { source: 'publisher' }, other: { source: 'redirect', sourceRedirect: 'rtsp://h/x' } }, false],
  [{ stage: { source: 'publisher' }, front: { source: 'rtsp://h/front' } }, true],
  [{ '~^cam(.)$': { source: 'rtsps://h/$G1', sourceOnDemand: true } }, true],
])('pullsAny of %j: %s', ([paths, pulls]) => {
  const { config } = parseConfig(
    JSON.stringify({ paths }),
    'perch.yml',
    {},
    { recordPath: '/data/%path/%s%f', cwd: '/', keys: KEYS },
  );
  expect(config && pullsAny(config)).toBe(pulls);
});

test('no key of motion restarts the path', () => {
  const keyOf = (yard: object) => {
    const text = JSON.stringify({ paths: { yard: { source: 'rtsp://h/yard', ...yard } } });
    const { config } = parseConfig(text, 'perch.yml', {}, { recordPath: '/data/%path/%s%f', cwd: '/', keys: KEYS });
    const settings = config && resolvePath(config, 'yard')?.settings;
    return config && settings && sourceKeyOf(settings, config);
  };
  const areas = { motionZones: ['0,0 1,0 1,1'], motionMasks: ['0,0 1,0 1,1'] };
  const rest = { motionSource: 'stream', motionSensitivity: 60, motionMinSize: 0.1, motionHours: '22:00-06:00' };
  expect(keyOf({})).toBeDefined();
  expect(keyOf({ ...areas, ...rest })).toBe(keyOf({}));
  expect(keyOf({ ...areas, source: 'rtsp://h/other' })).not.toBe(keyOf({}));
});
