import { expect, test } from 'vitest';
import { PerchError } from '../../base/errors.ts';
import { createLogger, silentLogger } from '../../base/log.ts';
import { failureOf } from './failure.ts';

test.for([
  ['unauthorized', 'wrongPassword'],
  ['unavailable', 'unreachable'],
  ['timeout', 'timeout'],
  ['unsupported', 'notSupported'],
  ['badInput', undefined],
] as const)('a stream that is %s is the trouble %s', ([code, trouble]) => {
  expect(failureOf(new PerchError(code, 'words'), silentLogger)).toEqual({ trouble, words: 'words', path: undefined });
});

test('a configuration that cannot be written does not count against the camera', () => {
  const error = new PerchError('unavailable', 'cannot write /etc/perch.yml', { file: '/etc/perch.yml' });
  expect(failureOf(error, silentLogger)).toMatchObject({ trouble: undefined, words: 'cannot write /etc/perch.yml' });
});

test('an internal error is logged, and ends one camera only', () => {
  const lines: string[] = [];
  const log = createLogger('error', (line) => lines.push(line));
  expect(failureOf(new TypeError('x of undefined'), log)).toMatchObject({ words: 'internal error' });
  expect(lines.join('')).toContain('x of undefined');
});
