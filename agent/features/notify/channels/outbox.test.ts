import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { keepLogLines } from '../../../../test/support/base/log-lines.ts';
import { PerchError } from '../../../base/errors.ts';
import { Outbox } from './outbox.ts';

function open() {
  const clock = new FakeClock();
  const { log, logged } = keepLogLines();
  const outbox = new Outbox({ id: 'c1', clock, log });
  const state = { fault: undefined as PerchError | undefined };
  const tried: { readonly name: string; readonly atMs: number }[] = [];
  const add = (name: string) =>
    outbox.add(async () => {
      tried.push({ name, atMs: clock.monoMs() });
      if (state.fault) {
        throw state.fault;
      }
    });
  return { clock, outbox, state, tried, add, logged, names: () => tried.map(({ name }) => name) };
}
const away = new PerchError('unavailable', 'nothing answers');

test('messages are sent one after the other', async () => {
  const { add, clock, names, outbox } = open();
  add('a');
  add('b');
  await clock.advance(0);
  expect(names()).toEqual(['a', 'b']);
  expect([outbox.count, outbox.problem]).toEqual([0, undefined]);
});

test('a temporary fault is followed by attempts after 5, 10, 20 s and so on, at most 5 min', async () => {
  const { add, clock, tried, state } = open();
  state.fault = away;
  add('a');
  for (let s = 0; s < 1_500; s += 5) {
    await clock.advance(5_000);
  }
  const pauses = tried.slice(1).map(({ atMs }, i) => (atMs - (tried[i]?.atMs ?? 0)) / 1000);
  expect(pauses).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
});

test('what waits for longer than half an hour is dropped, and the next message is sent', async () => {
  const { add, clock, state, names, outbox } = open();
  state.fault = away;
  add('old');
  await clock.advance(0);
  for (let s = 0; s < 2_400; s += 60) {
    await clock.advance(60_000);
  }
  expect(outbox.count).toBe(0);
  state.fault = undefined;
  add('new');
  await clock.advance(0);
  expect(names().at(-1)).toBe('new');
});

test('a message that the server rejects is not sent again', async () => {
  const { add, clock, names, state, outbox } = open();
  state.fault = new PerchError('badInput', 'no such mailbox');
  add('a');
  await clock.advance(0);
  await clock.advance(60_000);
  expect(names()).toEqual(['a']);
  expect([outbox.count, outbox.problem]).toEqual([0, 'no such mailbox']);
});

test('the pause is at least what the server asks for', async () => {
  const { add, clock, tried, state } = open();
  state.fault = new PerchError('exhausted', 'too many', { retryAfterS: 60 });
  add('a');
  await clock.advance(0);
  for (let s = 0; s < 60; s += 10) {
    await clock.advance(10_000);
  }
  expect(tried.map(({ atMs }) => atMs / 1000)).toEqual([0, 60]);
});

test('at most 20 messages wait; the oldest is dropped', async () => {
  const { add, clock, names, state, outbox } = open();
  state.fault = away;
  add('first');
  await clock.advance(0);
  for (let i = 0; i < 25; i++) {
    add(`m${i}`);
  }
  expect(outbox.count).toBe(20);
  state.fault = undefined;
  await clock.advance(5_000);
  expect(names().slice(1)).toEqual(Array.from({ length: 20 }, (_, i) => `m${i + 5}`));
});

test('a fault is logged once, and other settings are tried at once', async () => {
  const { add, clock, state, logged, outbox, names } = open();
  state.fault = away;
  add('a');
  await clock.advance(0);
  await clock.advance(5_000);
  expect(logged).toHaveLength(1);
  state.fault = undefined;
  outbox.wake();
  await clock.advance(0);
  expect(names()).toEqual(['a', 'a', 'a']);
  expect(outbox.count).toBe(0);
});

test('after the end nothing is sent', async () => {
  const { add, clock, state, outbox, names } = open();
  state.fault = away;
  add('a');
  add('b');
  await clock.advance(0);
  await outbox.close();
  await clock.advance(60_000);
  expect(names()).toEqual(['a']);
});

test('settings that change during an attempt are tried without a pause', async () => {
  const { clock, outbox } = open();
  const first = Promise.withResolvers<void>();
  const attempts: Promise<void>[] = [first.promise, Promise.resolve()];
  outbox.add(() => attempts.shift() ?? Promise.resolve());
  await clock.advance(0);
  outbox.wake();
  first.reject(away);
  await clock.advance(0);
  expect([attempts.length, outbox.count, outbox.problem]).toEqual([0, 0, undefined]);
});

test('a server that asks for an hour is asked again after 5 min: later messages are not lost', async () => {
  const { add, clock, tried, state } = open();
  state.fault = new PerchError('exhausted', 'too many', { retryAfterS: 3_600 });
  add('a');
  await clock.advance(0);
  await clock.advance(300_000);
  expect(tried.map(({ atMs }) => atMs / 1000)).toEqual([0, 300]);
});
