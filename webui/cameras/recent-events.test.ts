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

test('what is found in the pictures of motion rings once, when it is found, and no doorbell again', () => {
  const rings = new RecentEvents();
  expect(rings.take(event('1', NOW), NOW)).toBe(true);
  const labels = [{ type: 'person', at: new Date(NOW + 3_000).toISOString() }];
  expect(rings.take({ ...event('1', NOW), labels: [] }, NOW + 2_000)).toBe(false);
  expect(rings.take({ ...event('1', NOW), labels }, NOW + 3_500)).toBe(false);
  expect(rings.at('door', NOW + 12_900)).toBe('person');
  expect(rings.at('door', NOW + 13_000)).toBeUndefined();
  rings.take({ ...event('1', NOW), labels: [...labels, ...labels] }, NOW + 14_000);
  expect(rings.at('door', NOW + 14_001)).toBeUndefined();
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
