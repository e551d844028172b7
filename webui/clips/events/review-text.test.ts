import { expect, test } from 'vitest';
import { addedTexts, cardText, playedCameras } from './review-text.ts';

const camera = (path: string, ...types: string[]) => ({ path, types, startMs: 0, endMs: 1 });
const names = { language: 'en', titleOf: (path: string) => path.toUpperCase() };
const at = (kinds: string, cameras: string) => `${kinds} at ${cameras}`;
const also = (one: string, other: string) => `${one}, ${other}`;
const text = (...cameras: ReturnType<typeof camera>[]) =>
  cardText({ cameras }, { ...names, at, also }).replaceAll(/[\u2068\u2069]/g, '');

test('a card says which camera saw what; motion only if nothing else is known of it', () => {
  expect(text(camera('yard', 'motion'), camera('door', 'motion', 'person'))).toBe('Person at DOOR, motion at YARD');
  expect(text(camera('yard', 'person'), camera('door', 'motion', 'person'))).toBe('Person at YARD and DOOR');
  expect(text(camera('yard', 'animal', 'person'))).toBe('Animal, Person at YARD');
  expect(text(camera('yard', 'motion'))).toBe('Motion at YARD');
  expect(text(camera('a', 'car'), camera('b', 'vehicle', 'person'), camera('c', 'motion'))).toBe(
    'Vehicle at A, vehicle and person at B, motion at C',
  );
  expect(text(camera('a', 'LPRRead'), camera('b', 'person'), camera('c', 'LPRRead', 'face'))).toBe(
    'LPRRead at A, person at B, LPRRead and face at C',
  );
});

test('cameras without recordings are not played, unless there are no others', () => {
  const cameras = [camera('yard', 'motion'), camera('door', 'person')];
  const played = (...paths: string[]) =>
    playedCameras(
      cameras,
      paths.map((path) => ({ path })),
    ).map(({ path }) => path);
  expect([played('door'), played('door', 'yard', 'door'), played()]).toEqual([
    ['door'],
    ['yard', 'door'],
    ['yard', 'door'],
  ]);
});

test('zones, and texts of programs stand once; the zone of the filter is the first', () => {
  const event = (added: string, ...zones: string[]) => {
    return { id: '1', path: 'a', type: 'x', startMs: 0, endMs: 1, text: added, pictureMs: 1, zones };
  };
  const inZones = (zones: string) => `Zone: ${zones}`;
  const added = (events: ReturnType<typeof event>[], zone?: string) =>
    addedTexts({ events }, { language: 'en', zone, inZones }).replaceAll(/[\u2068\u2069]/g, '');
  const texts = ['', 'B-PX 1', 'B-PX 1', 'parcel'].map((text) => event(text));
  expect(added(texts, 'Drive')).toBe('B-PX 1 · parcel');
  const events = [event('B-PX 1', 'Drive', 'Zone 2'), event('', 'Drive', 'Gate', 'Lawn', 'Porch')];
  expect(added(events)).toBe('Zone: Drive, Zone 2, Gate, Lawn · B-PX 1');
  expect(added(events, 'Porch')).toBe('Zone: Porch, Drive, Zone 2, Gate · B-PX 1');
});
