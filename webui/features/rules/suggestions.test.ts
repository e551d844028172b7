import { expect, test } from 'vitest';
import { type CameraMeans, outputText } from './means.ts';
import { suggestionsFor } from './suggestions.ts';
import { en } from './words/en.ts';

const NOTHING: CameraMeans = { presets: [], outputs: [] };
const LIGHT = { id: 'light-1', kind: 'light', name: 'White light' } as const;
const camera = (path: string, means: CameraMeans | undefined = NOTHING, isRecorded = false) => ({
  ...{ path, title: path, means, isRecorded },
});

test('a camera turns to the preset that has the name of another one, has its light on, and records', () => {
  const cameras = [
    camera('yard', { presets: ['Pond', 'Gate'], outputs: [LIGHT] }),
    camera('door'),
    camera('gate', undefined),
  ];
  expect(suggestionsFor(cameras, [])).toMatchObject([
    { when: { event: 'person', path: 'gate' }, actions: [{ preset: 'Gate', path: 'yard', seconds: 30 }] },
    {
      when: { event: 'person', path: 'yard', hours: '22:00-06:00' },
      actions: [{ output: 'light-1', path: 'yard', seconds: 60 }],
    },
    { when: { event: 'person', path: 'yard' }, actions: [{ record: true, path: 'door', seconds: 60 }] },
  ]);
});

test('what the cameras cannot do is not suggested', () => {
  expect(suggestionsFor([], [])).toEqual([]);
  expect(suggestionsFor([camera('door')], [])).toEqual([]);
  expect(suggestionsFor([camera('yard', { presets: ['Gate'], outputs: [] })], [])).toEqual([]);
  const relay = { id: 'relay-1', kind: 'relay', name: 'Relay' } as const;
  expect(suggestionsFor([camera('door', { presets: [], outputs: [relay] })], [])).toEqual([]);
});

test('to record is suggested for a camera that does not always record', () => {
  const cameras = [camera('door'), camera('gate', NOTHING, true), camera('yard')];
  const record = (path: string) => [{ record: true, path, seconds: 60 }];
  expect(suggestionsFor(cameras, [])).toMatchObject([{ when: { path: 'door' }, actions: record('yard') }]);
  expect(suggestionsFor(cameras.slice(0, 2), [])).toMatchObject([{ when: { path: 'gate' }, actions: record('door') }]);
  expect(suggestionsFor(cameras.slice(1, 2), [])).toEqual([]);
});

test('what a rule does already is not suggested', () => {
  const cameras = [camera('door'), camera('gate')];
  const [draft] = suggestionsFor(cameras, []);
  expect(draft).toBeDefined();
  expect(suggestionsFor(cameras, [{ name: 'Mine', actions: [{ record: true, path: 'gate' }] }])).toEqual([]);
  expect(suggestionsFor(cameras, [{ name: 'Mine', actions: [{ preset: 'Home', path: 'gate' }] }])).toEqual([draft]);
});

test('the only light is the light; several have their names, and an unknown output has its id', () => {
  const one: CameraMeans = { presets: [], outputs: [LIGHT] };
  const two: CameraMeans = { presets: [], outputs: [LIGHT, { id: 'light-2', kind: 'light', name: 'Infrared' }] };
  expect(outputText(one, 'light-1', en)).toBe('the light');
  expect(outputText(two, 'light-2', en)).toBe('Infrared');
  expect(outputText(two, 'relay-9', en)).toBe('relay-9');
  expect(outputText(undefined, 'light-1', en)).toBe('light-1');
});
