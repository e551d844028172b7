import { expect, test } from 'vitest';
import { type AnnouncedCamera, CameraAnnouncer } from './announcer.ts';

const camera = (name: string, more: Partial<AnnouncedCamera> = {}): AnnouncedCamera => ({
  ...{ name, title: name.toUpperCase(), isThere: true, event: undefined },
  ...more,
});
const gone = (name: string) => camera(name, { isThere: false });

test('the state of the cameras at the first look is not announced', () => {
  const announcer = new CameraAnnouncer();
  expect(announcer.update([camera('a'), gone('b')], 0)).toBeUndefined();
  expect(announcer.update([camera('a'), gone('b')], 10_000)).toBeUndefined();
});

test('a lost camera is announced once after four seconds, and its return once', () => {
  const announcer = new CameraAnnouncer();
  announcer.update([camera('a')], 0);
  expect([1000, 4999, 5000, 6000].map((ms) => announcer.update([gone('a')], ms))).toEqual([
    undefined,
    undefined,
    { what: 'gone', titles: ['A'] },
    undefined,
  ]);
  expect([7000, 11_000, 15_000].map((ms) => announcer.update([camera('a')], ms))).toEqual([
    undefined,
    { what: 'back', titles: ['A'] },
    undefined,
  ]);
});

test('a camera that returns within four seconds is not announced', () => {
  const announcer = new CameraAnnouncer();
  announcer.update([camera('a')], 0);
  announcer.update([gone('a')], 1000);
  announcer.update([camera('a')], 3000);
  expect(announcer.update([gone('a')], 6000)).toBeUndefined();
});

test('cameras that are lost within four seconds are one message, and one that is lost later is another', () => {
  const announcer = new CameraAnnouncer();
  announcer.update([camera('a'), camera('b'), camera('c')], 0);
  announcer.update([gone('a'), camera('b'), camera('c')], 1000);
  announcer.update([gone('a'), gone('b'), camera('c')], 3000);
  expect(announcer.update([gone('a'), gone('b'), camera('c')], 5000)).toEqual({ what: 'gone', titles: ['A', 'B'] });
  const all = [gone('a'), gone('b'), gone('c')];
  expect([6000, 10_000, 11_000].map((ms) => announcer.update(all, ms))).toEqual([
    undefined,
    { what: 'gone', titles: ['C'] },
    undefined,
  ]);
});

test('a loss is announced before a return', () => {
  const announcer = new CameraAnnouncer();
  announcer.update([camera('a'), gone('b')], 0);
  const all = [gone('a'), camera('b')];
  announcer.update(all, 1000);
  expect([5000, 5001].map((ms) => announcer.update(all, ms)?.what)).toEqual(['gone', 'back']);
});

test('an event is announced once while it lasts, and again when it happens again', () => {
  const announcer = new CameraAnnouncer();
  expect(announcer.update([camera('a', { event: 'Doorbell' })], 0)).toEqual({
    ...{ what: 'event', titles: ['A'], event: 'Doorbell' },
  });
  expect(announcer.update([camera('a', { event: 'Doorbell' })], 6000)).toBeUndefined();
  expect(announcer.update([camera('a')], 11_000)).toBeUndefined();
  expect(announcer.update([camera('a', { event: 'Doorbell' })], 12_000)?.what).toBe('event');
});

test('events are announced five seconds apart, and only while they are news', () => {
  const announcer = new CameraAnnouncer();
  const both = [camera('a', { event: 'Motion' }), camera('b', { event: 'Person' })];
  expect(announcer.update(both, 0)?.titles).toEqual(['A']);
  expect(announcer.update(both, 4999)).toBeUndefined();
  expect(announcer.update(both, 5000)?.titles).toEqual(['B']);
});

test('trouble does not wait for an event', () => {
  const announcer = new CameraAnnouncer();
  announcer.update([camera('a', { event: 'Motion' })], 0);
  announcer.update([gone('a')], 100);
  expect(announcer.update([gone('a')], 4100)?.what).toBe('gone');
});
