import { expect, test } from 'vitest';
import { filmCameras, MAX_FILM_CAMERAS } from './film-cameras.ts';

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
