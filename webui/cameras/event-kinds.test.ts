import { expect, test } from 'vitest';
import { eventKindOf as boxKindOf, EVENT_KINDS } from '../../agent/base/event-kinds.ts';
import { eventKindOf, eventLabel } from './event-kinds.ts';

test('known types have labels; types of other programs are shown as they are', () => {
  expect(eventLabel('doorbell')).toBe('Doorbell');
  expect(eventLabel('Car')).toBe('Vehicle');
  expect(eventLabel('<b>forklift</b>')).toBe('<b>forklift</b>');
  expect(eventLabel('constructor')).toBe('constructor');
});

test('page and box know the same names of other programs', () => {
  for (const [kind, { otherNames = [] }] of Object.entries(EVENT_KINDS)) {
    expect([kind, kind.toUpperCase(), ...otherNames].map(eventKindOf)).toEqual([
      kind,
      kind,
      ...otherNames.map(() => kind),
    ]);
  }
  expect(['forklift', 'constructor', ''].map(eventKindOf)).toEqual(['forklift', 'constructor', ''].map(boxKindOf));
});
