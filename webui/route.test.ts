import { expect, test } from 'vitest';
import { cameraLink, guestToken, readPlace, recordingsLink } from './route.ts';

test.for([
  ['', { page: 'live' }],
  ['#/live', { page: 'live' }],
  ['#/nowhere', { page: 'live' }],
  ['#/start', { page: 'start' }],
  ['#/login', { page: 'login' }],
  ['#/settings', { page: 'settings' }],
  ['#/settings/storage', { page: 'settings' }],
  ['#/live/garden', { page: 'camera', camera: 'garden' }],
  ['#/live/yard%2Fgate%3F', { page: 'camera', camera: 'yard/gate?' }],
  ['#/live/%E0%A4', { page: 'camera', camera: '%E0%A4' }],
  ['#/rec', { page: 'recordings' }],
  ['#/rec/garden', { page: 'recordings', camera: 'garden' }],
  ['#/rec/garden?ago=60', { page: 'recordings', camera: 'garden', agoS: 60 }],
  ['#/rec/garden?ago=-5&t=soon', { page: 'recordings', camera: 'garden' }],
  ['#/rec/garden?t=2026-11-17T15:04:12.500Z', { page: 'recordings', camera: 'garden', atMs: 1794927852500 }],
] as const)('%s leads to its place', ([hash, place]) => {
  expect(readPlace(hash)).toEqual(place);
});

test.for(['garden', 'yard/gate', 'a?b&c#d', '马厩 %'])('links to camera %s lead back to it', (camera) => {
  expect(readPlace(cameraLink(camera))).toEqual({ page: 'camera', camera });
  expect(readPlace(recordingsLink(camera))).toEqual({ page: 'recordings', camera });
  const moment = { atMs: Date.UTC(2026, 10, 17, 15, 4, 12, 7) };
  expect(readPlace(recordingsLink(camera, moment))).toEqual({ page: 'recordings', camera, ...moment });
});

test.for([
  ['#/guest/abc-_1.XYZ', 'abc-_1.XYZ'],
  ['#guest/abc', 'abc'],
  ['#/guest/', undefined],
  ['#/guest/a/b', undefined],
  ['#/live/guest', undefined],
] as const)("a guest's link %s", ([hash, token]) => {
  expect(guestToken(hash)).toBe(token);
});
