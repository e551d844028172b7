import { expect, test } from 'vitest';
import type { LabelType } from '../../../base/event-kinds.ts';
import type { CameraEvent } from '../../../record/events/event.ts';
import { CameraStates } from './camera-states.ts';
import { objectIdOf, Topics } from './topics.ts';

const topics = new Topics('home/perch');

test.for([
  ['home/perch/set/door/recording', { path: 'door', command: 'recording' }],
  ['home/perch/set/a/b/preset', { path: 'a/b', command: 'preset' }],
  ['home/perch/set/clip/clip', { path: 'clip', command: 'clip' }],
  ['home/perch/set/clip', undefined],
  ['home/perch/set//clip', undefined],
  ['home/perch/set/door/reboot', undefined],
  ['other/set/door/clip', undefined],
] as const)('the command topic %s', ([topic, command]) => {
  expect(topics.commandOf(topic)).toEqual(command);
});

test("paths become different names of Home Assistant's alphabet", () => {
  const names = ['door', 'a_b', 'a/b', 'a.b', 'a-b'].map(objectIdOf);
  expect(names.every((name) => /^[a-zA-Z0-9_-]+$/.test(name))).toBe(true);
  expect(new Set(names).size).toBe(names.length);
  expect(names[0]).toBe('door');
});

const NOW_MS = 1_000_000;
const at = (ms: number) => ({ wallMs: ms, monoMs: ms });
const event = (id: string, type: string, endMs?: number): CameraEvent => ({
  ...{ id, type, path: 'door', startUs: NOW_MS * 1000, text: '', source: 'camera' },
  endUs: endMs === undefined ? undefined : endMs * 1000,
});

test('a state is on while any of its events is, and for the length of a momentary one', () => {
  const states = new CameraStates();
  states.take(event('a', 'motion'), at(NOW_MS));
  states.take(event('b', 'motion'), at(NOW_MS));
  states.take(event('a', 'motion', NOW_MS), at(NOW_MS));
  expect([...states.of('door')]).toEqual(['motion']);
  states.take(event('b', 'motion', NOW_MS + 10), at(NOW_MS + 10));
  states.take(event('c', 'input', NOW_MS + 5_000), at(NOW_MS));
  states.take(event('d', 'tamper', NOW_MS - 1), at(NOW_MS));
  expect([...states.of('door')]).toEqual(['contact']);
  expect(states.of('other').size).toBe(0);
  expect([states.expire(NOW_MS + 4_999), states.expire(NOW_MS + 5_000)]).toEqual([false, true]);
  expect(states.of('door').size).toBe(0);
});

const labelled = (one: CameraEvent, ...types: readonly LabelType[]): CameraEvent => {
  const box = { x: 0, y: 0, width: 0.5, height: 0.5 };
  return { ...one, labels: types.map((type) => ({ type, score: 0.5, box, at: NOW_MS * 1000 })) };
};

test('labels switch their states on until the event ends', () => {
  const states = new CameraStates();
  const motion = event('a', 'motion');
  states.take(motion, at(NOW_MS));
  states.take(labelled(motion, 'person', 'animal'), at(NOW_MS), motion);
  expect([...states.of('door')]).toEqual(['motion', 'person', 'animal']);
  const over = labelled(event('a', 'motion', NOW_MS), 'person', 'animal');
  states.take(over, at(NOW_MS), labelled(motion, 'person', 'animal'));
  expect(states.of('door').size).toBe(0);
});

test('a label of an event that is over is on for five seconds, once, and motion stays off', () => {
  const states = new CameraStates();
  const over = event('a', 'motion', NOW_MS);
  const steps = [over, labelled(over), labelled(over, 'animal'), labelled(over, 'animal', 'vehicle')];
  states.take(event('a', 'motion'), at(NOW_MS));
  states.take(over, at(NOW_MS), event('a', 'motion'));
  const on = steps.slice(1).map((now, i) => {
    states.take(now, at(NOW_MS + 1_000 * i), steps[i]);
    return [...states.of('door')];
  });
  expect(on).toEqual([[], ['animal'], ['animal', 'vehicle']]);
  states.take(labelled(over, 'vehicle', 'animal', 'animal'), at(NOW_MS + 3_000), steps[3]);
  expect([states.expire(NOW_MS + 6_999), states.expire(NOW_MS + 7_000)]).toEqual([false, true]);
  expect(states.of('door').size).toBe(0);
});

test('a label that comes with the end of an event is on for five seconds', () => {
  const states = new CameraStates();
  states.take(event('a', 'motion'), at(NOW_MS));
  states.take(labelled(event('a', 'motion', NOW_MS), 'person'), at(NOW_MS), event('a', 'motion'));
  expect([...states.of('door')]).toEqual(['person']);
  expect(states.expire(NOW_MS + 5_000)).toBe(true);
});

test('a clock that is set back does not make a momentary state last', () => {
  const states = new CameraStates();
  states.take(event('a', 'motion', NOW_MS + 5_000), { wallMs: NOW_MS, monoMs: 100 });
  expect(states.of('door').has('motion')).toBe(true);
  expect([states.expire(5_099), states.expire(5_100)]).toEqual([false, true]);
});
