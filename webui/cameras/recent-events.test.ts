import { expect, test } from 'vitest';
import { RecentEvents } from './recent-events.ts';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const event = (id: string, startMs: number, type = 'motion') => ({
  ...{ id, path: 'door', type, start: new Date(startMs).toISOString(), end: null },
});

test('an event rings for ten seconds, and a newer one takes its place', () => {
  const rings = new RecentEvents();
  rings.take(event('1', NOW), NOW);
  expect(rings.at('door', NOW + 4_000)).toBe('motion');
  rings.take(event('2', NOW + 5_000, 'doorbell'), NOW + 5_000);
  expect(rings.at('door', NOW + 14_900)).toBe('doorbell');
  expect(rings.at('door', NOW + 15_000)).toBeUndefined();
  expect(rings.at('garden', NOW)).toBeUndefined();
});

test('motion does not replace a person', () => {
  const rings = new RecentEvents();
  rings.take(event('1', NOW, 'person'), NOW);
  rings.take(event('2', NOW + 1_000), NOW + 1_000);
  expect(rings.at('door', NOW + 9_999)).toBe('person');
  rings.take(event('3', NOW + 10_000), NOW + 10_000);
  expect(rings.at('door', NOW + 10_000)).toBe('motion');
});

test('the end of an event is not another event', () => {
  const rings = new RecentEvents();
  rings.take(event('1', NOW), NOW);
  rings.take(event('1', NOW), NOW + 30_000);
  expect(rings.at('door', NOW + 30_001)).toBeUndefined();
});

test('events ring although the clock of the box is years behind', () => {
  const rings = new RecentEvents();
  rings.take(event('1', 5_000), NOW);
  rings.take(event('2', 60_000), NOW + 55_000);
  expect(rings.at('door', NOW + 56_000)).toBe('motion');
});

test('events from while the page slept do not ring', () => {
  const rings = new RecentEvents();
  rings.take(event('1', NOW), NOW + 100);
  rings.take(event('2', NOW + 20_000), NOW + 3_600_000);
  expect(rings.at('door', NOW + 3_600_001)).toBeUndefined();
});
