import { expect, test } from 'vitest';
import type { PathItem } from '../api-client/paths.ts';
import { pairCameras } from './camera.ts';
import { type Summary, summaryOf } from './summary.ts';

const camera = (name: string, more: Partial<PathItem> = {}): PathItem => ({
  ...{ name, title: null, order: null, paused: false, pausedUntil: null, privacy: false, ready: true, readyTime: null },
  ...{
    tracks: ['H264'],
    tracks2: [],
    hasBFrames: null,
    leftOut: null,
    box: null,
    bitrate: 0,
    sourceState: 'running',
    sourceOnDemand: false,
  },
  ...{ offlineSince: null, lastError: null, lastErrorWhy: null, lastErrorTime: null, configError: null },
  ...{ recording: { active: true, error: null, why: null, since: null } },
  ...more,
});
const gone: Partial<PathItem> = {
  ...{ ready: false, sourceState: 'waiting', lastError: 'no route to host' },
  recording: { active: false, error: null, why: null, since: null },
};

test.for([
  ['all record', [camera('a'), camera('b')], { offline: 0, recording: 2 }],
  ['two are away', [camera('a', gone), camera('b'), camera('c', gone)], { offline: 2, recording: 1 }],
  ['the settings of one do not work', [camera('a', { ...gone, configError: 'no' })], { offline: 1, recording: 0 }],
  ['one is paused', [camera('a', { ...gone, paused: true }), camera('b')], { offline: 0, recording: 1 }],
  ['the box is on its way to one', [camera('a', { ...gone, lastError: null })], { offline: 0, recording: 0 }],
  [
    'who looks may see the recordings of one alone',
    [camera('a', { mayPlayback: false }), camera('b', { mayPlayback: true })],
    { offline: 0, recording: 1 },
  ],
] satisfies readonly (readonly [string, readonly PathItem[], Summary])[])(
  'how many are offline and how many record when %s',
  ([, items, expected]) => {
    expect(summaryOf(pairCameras(items), 1_000_000)).toEqual(expected);
  },
);
