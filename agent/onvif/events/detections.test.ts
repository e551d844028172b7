import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { Detections, MAX_MS, SILENCE_MS } from './detections.ts';
import type { Notification } from './notifications.ts';

const CELLS = ['RuleEngine', 'CellMotionDetector', 'Motion'];
const ALARM = ['VideoSource', 'MotionAlarm'];
const CONTACT = ['Device', 'Trigger', 'DigitalInput'];

function begin() {
  const clock = new FakeClock();
  const notified: string[] = [];
  const detections = new Detections(clock, (channel, type, isOn) =>
    notified.push(`${channel} ${type} ${isOn ?? 'once'}`),
  );
  onTestFinished(() => detections.close());
  const say = (topic: string[], isOn: boolean, operation: Notification['operation'] = 'changed', source = 'video') =>
    detections.take(
      {
        topic,
        operation,
        source: [{ name: 'VideoSourceConfigurationToken', value: source }],
        data: [{ name: 'State', value: String(isOn) }],
      },
      'cam',
    );
  return { clock, notified, detections, say };
}

test('two topics of one event are merged, from the first begin to the last end', () => {
  const { notified, say } = begin();
  say(ALARM, true);
  say(CELLS, true);
  say(ALARM, false);
  expect(notified).toEqual(['cam motion true']);
  say(CELLS, false);
  expect(notified).toEqual(['cam motion true', 'cam motion false']);
});

test('the initial state of a subscription is not an event', () => {
  const { notified, say } = begin();
  say(CELLS, true, 'initialized');
  say(ALARM, false, 'initialized');
  expect(notified).toEqual([]);
});

test('a state that is on at a new subscription and was off before has begun in between', () => {
  const { notified, say } = begin();
  say(CELLS, false, 'initialized');
  say(CELLS, true, 'initialized');
  expect(notified).toEqual(['cam motion true']);
});

test('an event that timed out does not begin again with a new subscription', async () => {
  const { clock, notified, say } = begin();
  say(CELLS, true);
  await clock.advance(SILENCE_MS + 10_000);
  say(CELLS, true, 'initialized');
  expect(notified).toEqual(['cam motion true', 'cam motion false']);
});

test('a lost end follows from the next state', () => {
  const { notified, say } = begin();
  say(CELLS, true);
  say(CELLS, false, 'initialized');
  expect(notified).toEqual(['cam motion true', 'cam motion false']);
});

test('motion without news for three quarters of a minute has ended; each "true" is news', async () => {
  const { clock, notified, say } = begin();
  say(CELLS, true);
  await clock.advance(SILENCE_MS - 10_000);
  say(CELLS, true);
  await clock.advance(SILENCE_MS - 10_000);
  expect(notified).toEqual(['cam motion true']);
  await clock.advance(15_000);
  expect(notified).toEqual(['cam motion true', 'cam motion false']);
  // The late end changes nothing.
  say(CELLS, false);
  expect(notified).toHaveLength(2);
});

test('a contact stays closed until it opens', async () => {
  const { clock, notified, say } = begin();
  say(CONTACT, true);
  await clock.advance(20 * SILENCE_MS);
  expect(notified).toEqual(['cam input true']);
});

test('a momentary event is reported once', () => {
  const { notified, detections } = begin();
  const crossed = { topic: ['RuleEngine', 'LineDetector', 'Crossed'], operation: 'changed', source: [] } as const;
  detections.take({ ...crossed, data: [{ name: 'ObjectId', value: '7' }] }, 'cam');
  expect(notified).toEqual(['cam person once']);
});

// Events end after an hour: otherwise a busy street would not be recorded any more.
test('an endless, repeated state becomes consecutive events', async () => {
  const { clock, notified, say } = begin();
  say(ALARM, true);
  for (let s = 0; s < MAX_MS / 1000 - 10; s += 10) {
    say(CELLS, true);
    await clock.advance(10_000);
  }
  expect(notified).toEqual(['cam motion true']);
  await clock.advance(10_000);
  say(CELLS, true);
  say(CELLS, true);
  expect(notified).toEqual(['cam motion true', 'cam motion false', 'cam motion true']);
  say(CELLS, false);
  expect(notified).toHaveLength(4);
});

test('a contact that is closed for hours is one event', async () => {
  const { clock, notified, say } = begin();
  say(CONTACT, true);
  await clock.advance(2 * MAX_MS);
  say(CONTACT, true);
  expect(notified).toEqual(['cam input true']);
});

test('a camera whose events tumble over each other is held to thirty a minute, each with its end', async () => {
  const { clock, notified, detections, say } = begin();
  for (let i = 0; i < 100; i += 1) {
    say(CELLS, true);
    say(CELLS, false);
  }
  expect(notified).toHaveLength(60);
  expect(detections.dropped).toBe(70);
  await clock.advance(61_000);
  say(CELLS, true);
  expect(notified.at(-1)).toBe('cam motion true');
});

test('states are bounded: others are counted and dropped', () => {
  const { notified, say, detections } = begin();
  for (let i = 0; i < 10_000; i += 1) {
    say(CELLS, true, 'changed', `video${i}`);
  }
  expect(detections.dropped).toBe(9_872);
  for (let i = 0; i < 128; i += 1) {
    say(CELLS, false, 'changed', `video${i}`);
  }
  expect(notified).toEqual(['cam motion true', 'cam motion false']);
});

test('running events end without listeners', () => {
  const { notified, detections, say } = begin();
  say(CELLS, true);
  detections.close();
  expect(notified).toEqual(['cam motion true', 'cam motion false']);
});
