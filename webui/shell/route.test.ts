import { expect, test } from 'vitest';
import {
  cameraLink,
  cameraSettingsLink,
  eventsLink,
  guestToken,
  parseRoute,
  recordingsLink,
  scrollKey,
  settingsLink,
  setupCodeIn,
} from './route.ts';

test.for([
  ['', { page: 'live' }],
  ['#/live', { page: 'live' }],
  ['#/nowhere', { page: 'live' }],
  ['#/start', { page: 'start' }],
  ['#/login', { page: 'login' }],
  ['#/wall', { page: 'wall' }],
  ['#/wall/', { page: 'wall' }],
  ['#/wall/Ground%20floor', { page: 'wall', wall: 'Ground floor' }],
  ['#/settings', { page: 'settings', section: 'cameras' }],
  ['#/settings/nowhere', { page: 'settings', section: 'nowhere' }],
  ['#/settings/nowhere/add', { page: 'settings', section: 'nowhere' }],
  ['#/settings/storage', { page: 'settings', section: 'storage' }],
  ['#/settings/storage/add', { page: 'settings', section: 'storage', feature: 'add' }],
  ['#/settings/people', { page: 'settings', section: 'people' }],
  ['#/settings/people/views', { page: 'settings', section: 'people', part: 'views' }],
  ['#/settings/people/views/', { page: 'settings', section: 'people', part: 'views', person: '' }],
  ['#/settings/people/views/guest%3Aa', { page: 'settings', section: 'people', part: 'views', person: 'guest:a' }],
  ['#/settings/people/paired', { page: 'settings', section: 'people', feature: 'paired' }],
  ['#/settings/people/log', { page: 'settings', section: 'people', feature: 'log' }],
  ['#/settings/system/updates', { page: 'settings', section: 'system', feature: 'updates' }],
  ['#/settings/system/https', { page: 'settings', section: 'system', part: 'https' }],
  ['#/settings/system/remote', { page: 'settings', section: 'system', part: 'remote' }],
  ['#/settings/system/name', { page: 'settings', section: 'system', part: 'name' }],
  ['#/settings/system/camera-network', { page: 'settings', section: 'system', feature: 'camera-network' }],
  ['#/settings/system/backup', { page: 'settings', section: 'system', part: 'backup' }],
  ['#/settings/storage/archive', { page: 'settings', section: 'storage', feature: 'archive' }],
  ['#/settings/storage/move', { page: 'settings', section: 'storage', feature: 'move' }],
  ['#/settings/storage/import', { page: 'settings', section: 'storage', feature: 'import' }],
  ['#/settings/storage/fetch', { page: 'settings', section: 'storage', feature: 'fetch' }],
  ['#/settings/system/archive', { page: 'settings', section: 'system', feature: 'archive' }],
  ['#/settings/system/mqtt', { page: 'settings', section: 'system', feature: 'mqtt' }],
  ['#/settings/system/log', { page: 'settings', section: 'system', part: 'log' }],
  ['#/settings/system/file', { page: 'settings', section: 'system', part: 'file' }],
  ['#/settings/system/add', { page: 'settings', section: 'system', feature: 'add' }],
  ['#/settings/cameras/add', { page: 'settings', section: 'cameras', part: 'add' }],
  ['#/settings/cameras/layouts', { page: 'settings', section: 'cameras', part: 'layouts' }],
  ['#/settings/cameras/objects', { page: 'settings', section: 'cameras', part: 'objects' }],
  ['#/settings/cameras/away', { page: 'settings', section: 'cameras', part: 'away' }],
  ['#/settings/cameras/boxes', { page: 'settings', section: 'cameras', part: 'boxes' }],
  [
    '#/settings/cameras/boxes?at=h%3A1&pin=a',
    { page: 'settings', section: 'cameras', part: 'boxes', query: 'at=h%3A1&pin=a' },
  ],
  ['#/settings/cameras/yard%2Fgate', { page: 'settings', section: 'cameras', camera: 'yard/gate' }],
  ['#/live/garden', { page: 'camera', camera: 'garden' }],
  ['#/live/garden?talk', { page: 'camera', camera: 'garden', talk: true }],
  ['#/live/yard%2Fgate%3F', { page: 'camera', camera: 'yard/gate?' }],
  ['#/live/%E0%A4', { page: 'camera', camera: '%E0%A4' }],
  ['#/events', { page: 'events' }],
  ['#/events/yard%2Fgate', { page: 'events', camera: 'yard/gate' }],
  ['#/events/yard?types=person&new', { page: 'events', camera: 'yard', query: 'types=person&new' }],
  ['#/events?types=person', { page: 'events', query: 'types=person' }],
  ['#/rec/yard?card=WzE3_-A', { page: 'recordings', camera: 'yard', card: 'WzE3_-A' }],
  ['#/rec/yard?card=WzE3_-A&sync', { page: 'recordings', camera: 'yard', card: 'WzE3_-A', sync: true }],
  ['#/rec', { page: 'recordings' }],
  ['#/rec/garden', { page: 'recordings', camera: 'garden' }],
  ['#/rec/garden?ago=60', { page: 'recordings', camera: 'garden', agoS: 60 }],
  ['#/rec/garden?ago=-5&t=soon', { page: 'recordings', camera: 'garden' }],
  [
    '#/rec/garden?clip=1794927837500-1794927867500',
    { page: 'recordings', camera: 'garden', clip: { startMs: 1794927837500, endMs: 1794927867500 } },
  ],
  ['#/rec/garden?all&clip=5-5', { page: 'recordings', camera: 'garden', all: true }],
  ['#/rec/garden?clip=5-5', { page: 'recordings', camera: 'garden' }],
  ['#/rec/garden?clip=a-b', { page: 'recordings', camera: 'garden' }],
  ['#/rec/garden?t=2026-11-17T15:04:12.500Z', { page: 'recordings', camera: 'garden', atMs: 1794927852500 }],
] as const)('%s leads to its page', ([hash, place]) => {
  expect(parseRoute(hash)).toEqual(place);
});

test.for(['garden', 'yard/gate', 'a?b&c#d', '马厩 %', 'add', 'layouts', 'boxes', 'objects', 'away'])(
  'links to camera %s lead back to it',
  (camera) => {
    expect(parseRoute(cameraLink(camera))).toEqual({ page: 'camera', camera });
    expect(parseRoute(eventsLink(camera))).toEqual({ page: 'events', camera });
    expect(parseRoute(recordingsLink(camera))).toEqual({ page: 'recordings', camera });
    expect(parseRoute(cameraSettingsLink(camera))).toEqual({ page: 'settings', section: 'cameras', camera });
    const moment = { atMs: Date.UTC(2026, 10, 17, 15, 4, 12, 7), clip: { startMs: 1_000, endMs: 2_000 } };
    expect(parseRoute(recordingsLink(camera, moment))).toEqual({ page: 'recordings', camera, ...moment });
  },
);

test.for([
  ['#/guest/abc-_1.XYZ', 'abc-_1.XYZ'],
  ['#guest/abc', 'abc'],
  ['#/guest/', undefined],
  ['#/guest/a/b', undefined],
  ['#/live/guest', undefined],
] as const)('the guest link %s', ([hash, token]) => {
  expect(guestToken(hash)).toBe(token);
});

test.for([
  ['#/setup/7KQF-2MXA', '7KQF-2MXA'],
  ['#setup/7kqf2mxa', '7kqf2mxa'],
  ['#/setup/', undefined],
  ['#/setup/a b', undefined],
  [`#/setup/${'A'.repeat(65)}`, undefined],
  ['#/start', undefined],
] as const)('the setup code of %s', ([hash, code]) => {
  expect(setupCodeIn(hash)).toBe(code);
});

test('links to sections of the settings lead there', () => {
  expect(parseRoute(settingsLink('people'))).toEqual({ page: 'settings', section: 'people' });
  expect(parseRoute(settingsLink('cameras', 'add'))).toEqual({ page: 'settings', section: 'cameras', part: 'add' });
});

test.for([
  ['#/settings/cameras', '#/settings/cameras/garden', true],
  ['#/settings/cameras', '#/settings/cameras/add', false],
  ['#/settings/cameras', '#/settings/storage', false],
  ['#/settings/system', '#/settings/system/log', false],
  ['#/rec/garden?ago=5', '#/rec/garden?t=2026-11-17T15:04:12.500Z', true],
  ['#/rec/garden', '#/rec/barn', false],
  ['#/live', '#/live/garden', false],
] as const)('%s and %s share their scroll position: %s', ([one, other, together]) => {
  expect(scrollKey(parseRoute(one)) === scrollKey(parseRoute(other))).toBe(together);
});
