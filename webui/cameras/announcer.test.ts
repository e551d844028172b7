import { expect, test } from 'vitest';
import { type AnnouncedCamera, CameraAnnouncer } from './announcer.ts';

const camera = (name: string, more: Partial<AnnouncedCamera> = {}): AnnouncedCamera => ({
  ...{ name, title: name.toUpperCase(), isThere: true, event: undefined },
  ...more,
});

test('of cameras as they are at first nothing is said', () => {
  const heard = new CameraAnnouncer();
  expect(heard.look([camera('a'), camera('b', { isThere: false })], 0)).toBeUndefined();
});

test('a camera that goes is told once, and once that it is back', () => {
  const heard = new CameraAnnouncer();
  heard.look([camera('a')], 0);
  expect(heard.look([camera('a', { isThere: false })], 1000)).toEqual({ what: 'gone', title: 'A' });
  expect(heard.look([camera('a', { isThere: false })], 2000)).toBeUndefined();
  expect(heard.look([camera('a')], 3000)).toEqual({ what: 'back', title: 'A' });
  expect(heard.look([camera('a')], 4000)).toBeUndefined();
});

test('of two that go together each is told, before one that is back', () => {
  const heard = new CameraAnnouncer();
  heard.look([camera('a'), camera('b'), camera('c', { isThere: false })], 0);
  const now = [camera('a', { isThere: false }), camera('b', { isThere: false }), camera('c')];
  expect([1, 2, 3, 4].map((ms) => heard.look(now, ms)?.title)).toEqual(['A', 'B', 'C', undefined]);
});

test('an event is told once while it lasts, and again when it comes again', () => {
  const heard = new CameraAnnouncer();
  expect(heard.look([camera('a', { event: 'Doorbell' })], 0)).toEqual({ what: 'event', title: 'A', event: 'Doorbell' });
  expect(heard.look([camera('a', { event: 'Doorbell' })], 6000)).toBeUndefined();
  expect(heard.look([camera('a')], 11_000)).toBeUndefined();
  expect(heard.look([camera('a', { event: 'Doorbell' })], 12_000)?.event).toBe('Doorbell');
});

test('events are told five seconds apart, and only while they are news', () => {
  const heard = new CameraAnnouncer();
  const both = [camera('a', { event: 'Motion' }), camera('b', { event: 'Person' })];
  expect(heard.look(both, 0)?.title).toBe('A');
  expect(heard.look(both, 4999)).toBeUndefined();
  expect(heard.look(both, 5000)?.title).toBe('B');
});

test('trouble waits for no event', () => {
  const heard = new CameraAnnouncer();
  heard.look([camera('a', { event: 'Motion' })], 0);
  expect(heard.look([camera('a', { isThere: false })], 100)?.what).toBe('gone');
});
