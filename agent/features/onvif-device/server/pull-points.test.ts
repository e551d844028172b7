import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { FakeSource } from '../../../../test/features/onvif-device/support/onvif-device-harness.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { durationFrom } from './durations.ts';
import { PullPoints } from './pull-points.ts';
import { topicFilter } from './topics.ts';

const NEVER = new AbortController().signal;

function open() {
  const clock = new FakeClock();
  const source = new FakeSource();
  const points = new PullPoints(source, clock);
  const subscribe = (expression?: string, path = 'door') =>
    points.create({ path, user: 'recorder', passes: topicFilter(expression) }, 60_000);
  return { clock, source, points, subscribe };
}

test('a new subscription begins with the state of every topic', async () => {
  const { source, points, subscribe } = open();
  source.tell('motion', true);
  const messages = await points.pull(subscribe(), 100, 1_000, NEVER);
  expect(messages.map(({ topic, isOn, operation }) => [topic.split('/').at(-1), isOn, operation])).toEqual([
    ['Motion', true, 'Initialized'],
    ['MotionAlarm', true, 'Initialized'],
    ['PeopleDetect', false, 'Initialized'],
    ['VehicleDetect', false, 'Initialized'],
    ['DogCatDetect', false, 'Initialized'],
    ['Visitor', false, 'Initialized'],
    ['Tamper', false, 'Initialized'],
  ]);
});

test('a pull ends with the first message, or after its time', async () => {
  const { clock, source, points, subscribe } = open();
  const point = subscribe('tns1:RuleEngine/CellMotionDetector/Motion');
  await points.pull(point, 100, 1_000, NEVER);
  const heard = points.pull(point, 100, 10_000, NEVER);
  source.tell('motion', true);
  expect(await heard).toMatchObject([{ isOn: true, operation: 'Changed', timeMs: 1_000 }]);
  const silent = points.pull(point, 100, 10_000, NEVER);
  await clock.advance(10_000);
  expect(await silent).toEqual([]);
});

test('several events of one state are one change', async () => {
  const { source, points, subscribe } = open();
  const point = subscribe('tns1:VideoSource//.');
  await points.pull(point, 100, 1_000, NEVER);
  source.tell('motion', true);
  source.tell('motion', true);
  source.tell('motion', false);
  expect((await points.pull(point, 100, 1_000, NEVER)).map(({ isOn }) => isOn)).toEqual([true, false]);
});

test('a momentary event, such as a doorbell, is on and off', async () => {
  const { source, points, subscribe } = open();
  const point = subscribe('tns1:RuleEngine/MyRuleDetector/Visitor');
  await points.pull(point, 100, 1_000, NEVER);
  source.tell('doorbell', false);
  expect((await points.pull(point, 100, 1_000, NEVER)).map(({ isOn }) => isOn)).toEqual([true, false]);
});

test('a label switches its topic on until the event ends', async () => {
  const { source, points, subscribe } = open();
  const point = subscribe();
  await points.pull(point, 100, 1_000, NEVER);
  const pulled = async () =>
    (await points.pull(point, 100, 1_000, NEVER)).map(({ topic, isOn }) => [topic.split('/').at(-1), isOn]);
  source.tell('motion', true);
  await pulled();
  source.tell('motion', true, 'door', ['person', 'animal']);
  source.tell('motion', true, 'door', ['person', 'animal']);
  expect(await pulled()).toEqual([
    ['PeopleDetect', true],
    ['DogCatDetect', true],
  ]);
  source.tell('motion', false, 'door', ['person', 'animal']);
  const ends = ['Motion', 'MotionAlarm', 'PeopleDetect', 'DogCatDetect'].map((topic) => [topic, false]);
  expect(await pulled()).toEqual(ends);
});

test('a label of an event that is over switches its topic on and off, once, and not that of motion', async () => {
  const { source, points, subscribe } = open();
  const point = subscribe();
  source.tell('motion', true);
  source.tell('motion', false);
  await points.pull(point, 100, 1_000, NEVER);
  source.tell('motion', false, 'door', ['animal'], ['motion']);
  source.tell('motion', false, 'door', ['animal', 'vehicle'], ['motion', 'animal']);
  const pulled = await points.pull(point, 100, 1_000, NEVER);
  expect(pulled.map(({ topic, isOn }) => [topic.split('/').at(-1), isOn])).toEqual([
    ['DogCatDetect', true],
    ['DogCatDetect', false],
    ['VehicleDetect', true],
    ['VehicleDetect', false],
  ]);
});

test('a private camera has no events', async () => {
  const { clock, source, points, subscribe } = open();
  const point = subscribe();
  await points.pull(point, 100, 1_000, NEVER);
  source.isAway = true;
  source.tell('motion', true);
  const pulled = points.pull(point, 100, 1_000, NEVER);
  await clock.advance(1_000);
  expect(await pulled).toEqual([]);
});

test('subscriptions expire, belong to their login, and are limited for each camera', async () => {
  const { clock, points, subscribe } = open();
  const point = subscribe();
  expect(() => points.find(point.id, 'door', 'other')).toThrow('does not exist');
  expect(() => points.find(point.id, 'yard', 'recorder')).toThrow('does not exist');
  expect(points.find(point.id, 'door', 'recorder')).toBe(point);
  for (let i = 1; i < 16; i += 1) {
    subscribe();
  }
  expect(() => subscribe()).toThrow('there are 16 subscriptions');
  await clock.advance(60_000);
  expect(() => points.find(point.id, 'door', 'recorder')).toThrow('has expired');
  expect(points.count).toBe(0);
});

test('a client that does not pull loses the oldest messages', async () => {
  const { source, subscribe } = open();
  const point = subscribe();
  for (let i = 0; i < 200; i += 1) {
    source.tell('motion', i % 2 === 0);
  }
  expect(point.waiting).toHaveLength(100);
  expect(point.waiting.at(-1)).toMatchObject({ isOn: false });
});

test('a second pull ends the first, and a client that has gone loses nothing', async () => {
  const { source, points, subscribe } = open();
  const point = subscribe('tns1:VideoSource/MotionAlarm');
  await points.pull(point, 100, 1_000, NEVER);
  const first = points.pull(point, 100, 10_000, NEVER);
  const gone = new AbortController();
  const second = points.pull(point, 100, 10_000, gone.signal);
  expect(await first).toEqual([]);
  gone.abort();
  expect(await second).toEqual([]);
  source.tell('motion', true);
  expect(await points.pull(point, 100, 1_000, NEVER)).toHaveLength(1);
});

test('pulls leave no listeners on a signal that outlives them', async () => {
  const { clock, source, points, subscribe } = open();
  const point = subscribe('tns1:VideoSource/MotionAlarm');
  await points.pull(point, 100, 1_000, NEVER);
  const { signal } = new AbortController();
  for (let i = 0; i < 5; i += 1) {
    const silent = points.pull(point, 100, 1_000, signal);
    await clock.advance(1_000);
    await silent;
    const heard = points.pull(point, 100, 1_000, signal);
    source.tell('motion', i % 2 === 0);
    await heard;
  }
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test.for([
  [undefined, true],
  ['tns1:RuleEngine/CellMotionDetector/Motion', true],
  ['tns1:RuleEngine//.', true],
  ['tns1:VideoSource/MotionAlarm | tns1:RuleEngine/CellMotionDetector/Motion', true],
  ['tns1:RuleEngine', false],
  ['tns1:RuleEngine/Cell//.', false],
] as const)('the filter %s passes motion of the rule engine: %s', ([expression, passes]) => {
  expect(topicFilter(expression)('RuleEngine/CellMotionDetector/Motion')).toBe(passes);
});

test.for([
  ['PT10S', 10_000],
  ['PT1M', 60_000],
  ['P1D', 600_000],
  ['PT0.5S', 1_000],
  ['2026-01-01T00:00:30Z', 30_000],
  [undefined, 5_000],
] as const)('%s is %i ms within the limits', ([text, ms]) => {
  const limits = { usual: 5_000, min: 1_000, max: 600_000 };
  expect(durationFrom(text, Date.UTC(2026, 0, 1), limits)).toBe(ms);
});

test('a duration that is none gets a fault', () => {
  expect(() => durationFrom('soon', 0, { usual: 1, min: 1, max: 2 })).toThrow("'soon' is neither");
});
