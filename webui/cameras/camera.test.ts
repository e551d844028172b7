import { expect, test } from 'vitest';
import type { PathItem } from '../api-client/paths.ts';
import { language } from '../words/words.ts';
import {
  canPlay,
  hasSound,
  isDemoCamera,
  isSoundAlone,
  pairCameras,
  pictureSize,
  smallPath,
  titleOf,
  videoCodec,
} from './camera.ts';

const item = (name: string, more: Partial<PathItem> = {}): PathItem => ({
  name,
  title: null,
  order: null,
  paused: false,
  pausedUntil: null,
  privacy: false,
  ready: true,
  readyTime: null,
  tracks: ['H264', 'G711'],
  tracks2: [],
  hasBFrames: null,
  leftOut: null,
  box: null,
  bitrate: 0,
  sourceState: 'running',
  sourceOnDemand: false,
  offlineSince: null,
  lastError: null,
  lastErrorWhy: null,
  lastErrorTime: null,
  configError: null,
  recording: null,
  ...more,
});
const only = (...items: PathItem[]) => {
  const [camera] = pairCameras(items);
  if (!camera) {
    throw new Error('no camera');
  }
  return camera;
};

test('a path and its sub stream are one camera, in the order of the box', () => {
  const cameras = pairCameras([item('barn'), item('garden_sub'), item('garden')]);
  expect(cameras.map(({ name, sub }) => [name, sub?.name])).toEqual([
    ['barn', undefined],
    ['garden', 'garden_sub'],
  ]);
});

test('cameras without a place follow by title, as people read it', () => {
  const cameras = pairCameras([
    item('cam_1', { title: 'Yard' }),
    item('cam_10', { title: 'Hall 10' }),
    item('cam_2', { title: 'attic' }),
    item('cam_3', { title: 'Hall 9' }),
    item('cam_9', { title: 'Porch', order: 1 }),
  ]);
  expect(cameras.map(({ title }) => title)).toEqual(['Porch', 'attic', 'Hall 9', 'Hall 10', 'Yard']);
});

test('Chinese titles stand in the order of their reading', () => {
  language.value = 'zh-CN';
  const cameras = pairCameras([
    item('a', { title: '走廊' }),
    item('b', { title: '门口' }),
    item('c', { title: '车库' }),
  ]);
  language.value = 'en';
  expect(cameras.map(({ title }) => title)).toEqual(['车库', '门口', '走廊']);
});

test('cameras of one name get numbers, in any order', () => {
  const named = (name: string, title: string, order: number) => item(name, { title, order });
  const cameras = pairCameras([
    named('ip_camera_2', 'IP Camera', 0),
    named('ip_camera', 'IP Camera', 1),
    named('hut', 'IP Camera 2', 2),
    named('ip_camera_3', 'IP Camera', 3),
  ]);
  expect(cameras.map(({ name, title }) => [name, title])).toEqual([
    ['ip_camera_2', 'IP Camera 3'],
    ['ip_camera', 'IP Camera'],
    ['hut', 'IP Camera 2'],
    ['ip_camera_3', 'IP Camera 4'],
  ]);
});

test('a sub stream without its main stream is a camera of its own', () => {
  expect(pairCameras([item('garden_sub')]).map(({ name }) => name)).toEqual(['garden_sub']);
});

test('tiles play the sub stream, or the main stream while the sub stream is offline', () => {
  expect(smallPath(only(item('garden'), item('garden_sub'))).name).toBe('garden_sub');
  const away = item('garden_sub', { ready: false, sourceState: 'waiting' });
  expect(smallPath(only(item('garden'), away)).name).toBe('garden');
  expect(smallPath(only(item('garden', { ready: false }), away)).name, 'when both go').toBe('garden_sub');
});

test.for([
  ['ready', {}, true],
  ['away', { ready: false, sourceState: 'waiting' }, false],
  ['on demand, not started', { ready: false, sourceState: 'stopped', sourceOnDemand: true }, true],
  ['paused, on demand', { ready: false, sourceOnDemand: true, paused: true }, false],
  ['paused a moment ago', { paused: true }, false],
  ['private, on demand', { ready: false, sourceOnDemand: true, privacy: true }, false],
  ['just being started', { ready: false, sourceOnDemand: true }, true],
  ['without anybody who sends', { ready: false, sourceState: null }, false],
  ['left out for its settings', { ready: false, sourceState: 'disabled', configError: 'wrong' }, false],
] as const)('whether a camera that is %s can play', ([, more, expected]) => {
  expect(canPlay(item('garden', more))).toBe(expected);
});

test.for([
  ['front-door', null, 'Front door'],
  ['yard/gate_2', null, 'Yard/gate 2'],
  ['cam1', 'Barn, above the hay', 'Barn, above the hay'],
  ['cam1', '  ', 'Cam1'],
  ['-', null, '-'],
  ['马厩', null, '马厩'],
] as const)('path %s with title %s has the name %s', ([name, title, expected]) => {
  expect(titleOf({ name, title })).toBe(expected);
});

test('codec, audio and size are those of the tracks', () => {
  const size = { codec: 'H265', codecProps: { width: 2560, height: 1440 } };
  const garden = item('garden', { tracks: ['H265', 'MPEG-4 Audio'], tracks2: [size] });
  expect([videoCodec(garden), hasSound(garden), pictureSize(garden)]).toEqual(['H.265', true, '2560 × 1440']);
  const silent = item('gate', { tracks: ['H264'], tracks2: [{ codec: 'H264', codecProps: null }] });
  expect([videoCodec(silent), hasSound(silent), pictureSize(silent)]).toEqual(['H.264', false, undefined]);
});

test.for([
  [['Opus'], true],
  [['MPEG-4 Audio', 'G711'], true],
  [['H264', 'Opus'], false],
  [['MPEG-TS'], false],
  // Not known yet.
  [[], false],
] as const)('whether %s is audio only: %s', ([tracks, isAlone]) => {
  expect(isSoundAlone(item('baby', { tracks: [...tracks] }))).toBe(isAlone);
});

test.for([
  ['AV1', 'AV1'],
  ['VP8', 'VP8'],
  ['VP9', 'VP9'],
  ['M-JPEG', 'M-JPEG'],
  ['MPEG-4 Video', 'MPEG-4'],
  ['MPEG-TS', undefined],
] as const)('%s is not audio, and has the name %s', ([label, codec]) => {
  const camera = item('garden', { tracks: [label] });
  expect([videoCodec(camera), hasSound(camera)]).toEqual([codec, false]);
});

test("cameras have the owner's order; those without a place follow in the box's order", () => {
  const cameras = pairCameras([item('attic'), item('barn'), item('garden', { order: 2 }), item('yard', { order: 1 })]);
  expect(cameras.map(({ name }) => name)).toEqual(['yard', 'garden', 'attic', 'barn']);
});

test('a camera of the owner that is named demo is not the demo camera', () => {
  expect(isDemoCamera({ name: 'demo', title: 'Demo camera' })).toBe(true);
  expect(isDemoCamera({ name: 'demo', title: 'Yard' })).toBe(false);
  expect(isDemoCamera({ name: 'yard', title: 'Demo camera' })).toBe(false);
});
