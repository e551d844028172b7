import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { anySignal } from './any-signal.ts';

test('it aborts with the first signal and its reason, and removes its listeners', () => {
  const [stop, limit] = [new AbortController(), new AbortController()];
  const signal = anySignal(stop.signal, limit.signal);
  expect(signal.aborted).toBe(false);
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
  limit.abort('too late');
  expect(signal.reason).toBe('too late');
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
  stop.abort('no more');
  expect(signal.reason).toBe('too late');
});

test('a signal that is already aborted aborts it at once', () => {
  const signal = anySignal(new AbortController().signal, AbortSignal.abort('gone'));
  expect(signal.reason).toBe('gone');
});
