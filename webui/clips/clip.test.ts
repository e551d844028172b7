import { expect, test } from 'vitest';
import type { Span } from '../api-client/recordings/recordings.ts';
import { clipAround, endingAt, fileName, filmCameras, MAX_FILM_CAMERAS, missingMs, startingAt } from './clip.ts';

const span = (startS: number, endS: number): Span => ({
  start: new Date(startS * 1000).toISOString(),
  startMs: startS * 1000,
  endMs: endS * 1000,
});
const clip = (startS: number, endS: number) => ({ startMs: startS * 1000, endMs: endS * 1000 });
const HOUR_S = 3600;
const WHOLE = [span(1000, 1000 + 10 * HOUR_S)];

test('a clip reaches fifteen seconds before and after a moment, within the recordings', () => {
  expect(clipAround(WHOLE, 2_000_000)).toEqual(clip(1985, 2015));
  expect(clipAround(WHOLE, 1_004_000)).toEqual(clip(1000, 1019));
  expect(clipAround([span(1000, 1010)], 1_009_000)).toEqual(clip(1000, 1010));
  expect(clipAround([span(1000, 1010)], 5_000_000)).toEqual(clip(1009, 1010));
});

test.for([
  ['within', 1990, [1990, 2015]],
  ['after its end', 2100, [2100, 2101]],
  ['before all recordings', 10, [1000, 2015]],
] as const)('a start moved %s', ([, s, [from, to]]) => {
  expect(startingAt(WHOLE, clip(1985, 2015), s * 1000)).toEqual(clip(from, to));
});

test.for([
  ['within', 2000, [1985, 2000]],
  ['before its start', 1500, [1499, 1500]],
  ['seven hours later', 1985 + 7 * HOUR_S, [1985 + HOUR_S, 1985 + 7 * HOUR_S]],
] as const)('an end moved %s', ([, s, [from, to]]) => {
  expect(endingAt(WHOLE, clip(1985, 2015), s * 1000)).toEqual(clip(from, to));
});

test.for([
  ['nothing', [span(0, 100)], 0],
  ['what lies between two recordings', [span(0, 40), span(48, 100)], 8],
  ['its beginning', [span(20, 100)], 10],
  ['its end', [span(0, 85)], 5],
  ['all of it', [span(200, 300)], 80],
  ['nothing of half a second', [span(0, 40), span(40.5, 100)], 0],
  ['nothing where recordings overlap', [span(0, 60), span(30, 40), span(60, 100)], 0],
] as const)('gaps of a clip from 10 s to 90 s: %s', ([, spans, seconds]) => {
  expect(missingMs(spans, clip(10, 90))).toBe(seconds * 1000);
});

test('a file name has camera and time, in characters that every system accepts', () => {
  const ms = new Date(2026, 10, 17, 16, 3, 51).getTime();
  expect(fileName('Front door', ms, 'mp4')).toBe('Front door 2026-11-17 16.03.51.mp4');
  expect(fileName('a/b:<i>"c"\n', ms, 'jpg')).toBe('a_b_i_c_ 2026-11-17 16.03.51.jpg');
  expect(fileName('🐦'.repeat(300), ms, 'mp4')).toBe(`${'🐦'.repeat(100)} 2026-11-17 16.03.51.mp4`);
});

const CLIP = { startMs: 1_000, endMs: 2_000 };
const KNOWN = ['door', 'yard', 'gate', 'hall', 'shed'];
const event = (path: string, startMs: number, endMs?: number, type = 'motion') => ({
  id: path,
  path,
  type,
  startMs,
  endMs,
  text: '',
  pictureMs: undefined,
});

test('a film has the camera of the clip, those with events within it, and those of its groups', () => {
  const events = [
    event('yard', 500, 1_000),
    event('gate', 500, 999),
    event('hall', 1_500, 1_600, 'perch.away'),
    event('removed', 1_500),
  ];
  const groups = [['Outside', ['door', 'shed']] as const, ['Inside', ['hall']] as const];
  expect(filmCameras('door', CLIP, events, groups, KNOWN)).toEqual(['door', 'yard', 'shed']);
});

test('a film has no more cameras than the box puts into one', () => {
  const many = Array.from({ length: 30 }, (_, i) => `cam${i}`);
  const cameras = filmCameras('cam20', CLIP, [], [['All', many]], many);
  expect([cameras.length, cameras[0]]).toEqual([MAX_FILM_CAMERAS, 'cam20']);
});
