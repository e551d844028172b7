import { expect, test } from 'vitest';
import type { PathItem } from '../api-client/paths.ts';
import { cameraState, type PictureState } from './state.ts';

const NOW = 1_000_000;
const running = {
  name: 'garden',
  title: null,
  order: null,
  paused: false,
  pausedUntil: null,
  privacy: false,
  ready: true,
  readyTime: null,
  tracks: ['H264'] as string[],
  tracks2: [] as PathItem['tracks2'],
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
} as const;
const away = { ...running, ready: false, sourceState: 'waiting', lastError: 'no route to host' } as const;
/** It was live before. @param agoMs since the stream ended */
const lost = (agoMs: number, lastErrorWhy = 'silent') =>
  ({ ...away, hasBFrames: false, lastErrorWhy, offlineSince: new Date(NOW - agoMs).toISOString() }) as const;
const BOX = { id: 'a', name: 'House', awaySince: null, turn: false, switch: false, settings: false };
const playing = (agoMs: number): PictureState => ({ phase: 'playing', lastFrameMs: NOW - agoMs, stillMs: 0 });
const none: PictureState = { phase: 'starting', lastFrameMs: 0, stillMs: 0 };
const before = (agoMs: number): PictureState => ({ ...none, stillMs: NOW - agoMs });

test.for([
  ['pictures come', running, playing(40), { kind: 'live' }],
  ['the last picture is two seconds old', running, playing(2000), { kind: 'live' }],
  ['the last picture is older', running, playing(4900), { kind: 'late', seconds: 4 }],
  ['it plays from a buffer', running, { ...playing(4900), isBuffered: true }, { kind: 'live' }],
  ['the buffer is empty', running, { ...playing(6100), isBuffered: true }, { kind: 'late', seconds: 6 }],
  ['no picture came for more than ten seconds', running, playing(10_001), { kind: 'reconnecting' }],
  ['the first picture is under way', running, none, { kind: 'first' }],
  ['the first try failed', running, { ...none, phase: 'waiting' }, { kind: 'reconnecting' }],
  ['a picture of the last visit stands', running, before(86_400), { kind: 'past', atMs: NOW - 86_400 }],
  ['a picture of this very moment stands', running, before(300), { kind: 'first' }],
  ['the tile is out of sight', running, { ...playing(60_000), phase: 'stopped' }, { kind: 'live' }],
  ['the browser cannot decode it', running, { ...none, phase: 'unplayable' }, { kind: 'unplayable' }],
  ['the camera went a moment ago', away, playing(3000), { kind: 'late', seconds: 3 }],
  ['the camera is away', away, playing(11_000), { kind: 'offline', why: 'no route to host' }],
  [
    'its box is away',
    {
      ...running,
      ready: false,
      sourceOnDemand: true,
      sourceState: 'stopped',
      box: { ...BOX, awaySince: '1970-01-01T01:00:00.000Z' },
    },
    none,
    { kind: 'offline', sinceMs: 3_600_000, word: 'boxAway' },
  ],
  [
    'its box answers, and nobody watches',
    { ...running, ready: false, sourceOnDemand: true, sourceState: 'stopped', box: BOX },
    none,
    { kind: 'first' },
  ],
  ['the camera was never there', away, none, { kind: 'offline', why: 'no route to host' }],
  ['the box is on its way to it', { ...away, lastError: null }, none, { kind: 'joining' }],
  ['the box has started again, and is on its way', { ...away, lastError: null }, playing(27_000), { kind: 'joining' }],
  ['the first try after a start failed', { ...lost(19_999), hasBFrames: null }, none, { kind: 'joining' }],
  ['the stream ended three seconds ago', lost(3_000), playing(3_000), { kind: 'late', seconds: 3 }],
  ['the player has stopped since', lost(3_000), { ...before(3_000), phase: 'stopped' }, { kind: 'late', seconds: 3 }],
  ['the stream ended more than ten seconds ago', lost(11_000), playing(11_000), { kind: 'reconnecting' }],
  ['the stream ended a moment ago, and the page is new', lost(1_000), none, { kind: 'reconnecting' }],
  [
    'the first try after that failed',
    running,
    { ...before(27_000), phase: 'waiting' },
    { kind: 'past', atMs: NOW - 27_000 },
  ],
  ['the mode makes it private', { ...away, privacy: true, paused: true }, playing(100), { kind: 'private' }],
  ['it is paused', { ...away, paused: true }, playing(100), { kind: 'paused' }],
  [
    'it is paused for a while',
    { ...away, paused: true, pausedUntil: '1970-01-01T01:00:00.000Z' },
    none,
    { kind: 'paused', untilMs: 3_600_000 },
  ],
  [
    'its settings are wrong',
    { ...away, configError: "record: 'maybe'" },
    playing(0),
    { kind: 'misconfigured', why: "record: 'maybe'" },
  ],
  [
    'it starts on demand',
    { ...running, ready: false, sourceState: 'stopped', sourceOnDemand: true },
    none,
    { kind: 'first' },
  ],
] as const)('the state of a tile when %s', ([, item, picture, expected]) => {
  expect(cameraState(item, picture, NOW)).toEqual(expected);
});

test('a camera is offline twenty seconds after its stream ended, and at once if it rejects the password', () => {
  const kinds = [lost(19_999), lost(20_000), lost(11_000, 'password')].map((item) => cameraState(item, none, NOW).kind);
  expect(kinds).toEqual(['reconnecting', 'offline', 'offline']);
});

test('a browser whose clock is behind does not wait for a camera that is offline', () => {
  expect(cameraState(lost(-3_600_000), none, NOW).kind).toBe('offline');
});

test('an offline camera has the time and reason of the box', () => {
  const item = { ...away, offlineSince: '1970-01-01T00:15:00.000Z' };
  expect(cameraState(item, none, NOW)).toEqual({ kind: 'offline', sinceMs: 900_000, why: 'no route to host' });
});
