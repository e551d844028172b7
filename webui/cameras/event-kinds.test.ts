import { expect, test } from 'vitest';
import { eventKindOf as boxKindOf, EVENT_KINDS } from '../../agent/base/event-kinds.ts';
import { eventIcon, eventKindOf, eventLabel, shortEventLabel } from './event-kinds.ts';

test('known types have labels; types of other programs are shown as they are', () => {
  expect(eventLabel('doorbell')).toBe('Doorbell');
  expect(eventLabel('Car')).toBe('Vehicle');
  expect(eventLabel('<b>forklift</b>')).toBe('<b>forklift</b>');
  expect(eventLabel('constructor')).toBe('constructor');
  expect(eventLabel('tampering')).toBe('Camera covered or moved');
  expect(shortEventLabel('tampering')).toBe('Covered or moved');
  expect(shortEventLabel('forklift')).toBe('forklift');
  expect(['person', 'car', 'pet', 'visitor', 'motion', 'forklift'].map(eventIcon)).toEqual([
    'person',
    'vehicle',
    'animal',
    'bell',
    undefined,
    undefined,
  ]);
});

test('page and box know the same names of other programs', () => {
  const names = Object.entries(EVENT_KINDS).flatMap(([kind, { otherNames = [] }]) =>
    [kind, kind.toUpperCase(), ...otherNames].map((name) => [name, kind]),
  );
  expect(names.map(([name = '']) => [name, eventKindOf(name)])).toEqual(names);
  expect(['forklift', 'constructor', ''].map(eventKindOf)).toEqual(['forklift', 'constructor', ''].map(boxKindOf));
});
