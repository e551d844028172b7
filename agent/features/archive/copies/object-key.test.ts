import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { objectKey, ownPrefix, recordingOf } from './object-key.ts';

const OWN = ownPrefix('perch', '0123456789ab');
const START_US = Date.UTC(2026, 0, 31, 18, 0, 7) * 1000 + 42;

test('an object is named for its box, its path and its start in UTC', () => {
  const key = objectKey(OWN, { path: 'yard/gate', nameUs: START_US }, '/rec/yard/gate/any.mp4');
  expect(key).toBe('perch/0123456789ab/yard/gate/2026-01-31/18-00-07-000042Z.mp4');
  expect(recordingOf(OWN, key ?? '')).toEqual({ path: 'yard/gate', nameUs: START_US });
  expect(ownPrefix('', '0123456789ab')).toBe('0123456789ab/');
});

test('each recording has its own name, from which path and start are read again', () => {
  const next = random(30);
  for (let i = 0; i < 2_000; i += 1) {
    const nameUs = Math.floor(next() * 4e15);
    const path = ['a', 'a/2026-01-31', 'front.door~1/sub', '18-00-07-000042Z.mp4'][i % 4] ?? '';
    const key = objectKey(OWN, { path, nameUs }, i % 2 === 0 ? 'x.mp4' : 'x.ts') ?? '';
    expect(recordingOf(OWN, key), key).toEqual({ path, nameUs });
  }
});

test('what is not a recording of this box is not taken for one', () => {
  for (const key of [
    'perch/ffffffffffff/yard/2026-01-31/18-00-07-000042Z.mp4',
    'other/0123456789ab/yard/2026-01-31/18-00-07-000042Z.mp4',
    `${OWN}2026-01-31/18-00-07-000042Z.mp4`,
    `${OWN}../2026-01-31/18-00-07-000042Z.mp4`,
    `${OWN}yard/2026-13-31/18-00-07-000042Z.mp4`,
    `${OWN}yard/2026-01-31/18-00-07-000042Z.mp4.bak`,
    `${OWN}yard/2026-01-31/99-00-07-000042Z.mp4`,
    `${OWN}incoming.part`,
    '',
  ]) {
    expect(recordingOf(OWN, key), key).toBeUndefined();
  }
});

test('a recording without a possible name is not archived', () => {
  expect(objectKey(OWN, { path: 'yard', nameUs: START_US }, 'x.mkv')).toBeUndefined();
  expect(objectKey(OWN, { path: '../yard', nameUs: START_US }, 'x.mp4')).toBeUndefined();
  expect(objectKey(OWN, { path: 'yard', nameUs: -1 }, 'x.mp4')).toBeUndefined();
  expect(objectKey(OWN, { path: 'a'.repeat(1_000), nameUs: START_US }, 'x.mp4')).toBeUndefined();
});
