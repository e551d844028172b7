import { expect, test } from 'vitest';
import { explain, ignoreExpected, PerchError, releaseFrames, rethrowUnexpected } from './errors.ts';

test('an error is explained with its chain of causes', () => {
  const refused = new Error('connection refused');
  const unheard = new PerchError('unavailable', 'cannot connect', {}, refused);
  expect(explain(new Error('the camera is away', { cause: unheard }))).toBe(
    'the camera is away: cannot connect: connection refused',
  );
  expect(explain(new Error('it ended', { cause: 'SIGKILL' }))).toBe('it ended: SIGKILL');
  expect(explain(undefined)).toBe('undefined');
  // A message that already contains its cause is not followed by it again.
  expect(explain(new Error('away: cannot connect: connection refused', { cause: unheard }))).toBe(
    'away: cannot connect: connection refused',
  );
});

/** Each is the cause of the previous one. */
function ring(...messages: readonly string[]): Error {
  const errors = messages.map((message) => new Error(message));
  for (const [at, error] of errors.entries()) {
    error.cause = errors[(at + 1) % errors.length];
  }
  return errors[0] ?? new Error('no message');
}

test.for([[['one']], [['one', 'another']]] as const)(
  'errors %j that cause each other in a ring come to an end',
  ([messages]) => {
    expect(explain(ring(...messages))).toBe(messages.join(': '));
    expect(() => releaseFrames(ring(...messages))).not.toThrow();
  },
);

test('an endless chain of causes is cut', () => {
  let error = new Error('0');
  for (let at = 1; at < 100_000; at += 1) {
    error = new Error(String(at), { cause: error });
  }
  expect(explain(error)).toMatch(/^99999: 99998: 99997:/);
  expect(explain(error).length).toBeLessThan(200);
});

test('a bug is thrown again, an expected failure is not', () => {
  const bug = new TypeError('x is not a function');
  expect(() => rethrowUnexpected(bug)).toThrow(bug);
  expect(() => ignoreExpected(bug)).toThrow(bug);
  const failure = new PerchError('timeout', 'no answer');
  expect(() => rethrowUnexpected(failure)).not.toThrow();
  expect(ignoreExpected(failure)).toBeUndefined();
});
