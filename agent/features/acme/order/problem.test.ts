import { expect, test } from 'vitest';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { retryMsOf as retryMsOfFailure, whyOf } from './failure.ts';
import { challengeFailure, problemFailure, retryMsOf } from './problem.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const at = { host: 'acme.example', status: 400, nowMs: NOW_MS };
const problem = (type: string, detail: string) => ({ type: `urn:ietf:params:acme:error:${type}`, detail });

test.for([
  [
    'dns',
    'name',
    'DNS problem: NXDOMAIN looking up A for a.example.org',
    'a.example.org: DNS problem: NXDOMAIN looking up A for a.example.org: give the name the public address of this machine in the DNS (A or AAAA)',
  ],
  [
    'connection',
    'unreachable',
    '203.0.113.9: Connection refused',
    'a.example.org: 203.0.113.9: Connection refused: port 80 of the name must lead to this machine: check address, router and firewall',
  ],
  [
    'unauthorized',
    'unreachable',
    'Invalid response from http://a.example.org/: 404',
    'a.example.org: Invalid response from http://a.example.org/: 404: another machine or program answers at port 80 of the name: check its address in the DNS',
  ],
  [
    'caa',
    'rejected',
    'CAA forbids',
    'a.example.org: CAA forbids: the CAA record of the name must allow this authority',
  ],
  ['somethingNew', 'rejected', 'no', 'a.example.org: no'],
] as const)('a failed check for %s says what to do', ([type, why, detail, text]) => {
  const failure = challengeFailure(problem(type, detail), 'a.example.org');
  expect([whyOf(failure), failure.message]).toEqual([why, text]);
});

test('a limit (429) has the wait of Retry-After', () => {
  const failure = problemFailure(problem('rateLimited', 'too many certificates already issued'), {
    ...at,
    status: 429,
    retryAfter: '3600',
  });
  expect([whyOf(failure), retryMsOfFailure(failure), failure.message]).toEqual([
    'limit',
    3_600_000,
    'acme.example: too many certificates already issued: too many requests',
  ]);
});

test.for([
  ['120', 120_000],
  ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
  ['Wed, 31 Dec 2025 23:59:00 GMT', undefined],
  ['0', undefined],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
  [['5'], 5_000],
  ['999999999', 7 * 86_400_000],
] as const)('Retry-After: %s', ([header, ms]) => {
  expect(retryMsOf(header, NOW_MS)).toBe(ms);
});

test.for([
  [503, '', 'authority', 'acme.example: HTTP 503: the authority has a fault of its own'],
  [
    500,
    { type: 'urn:ietf:params:acme:error:serverInternal', detail: 'oops' },
    'authority',
    'acme.example: oops: the authority has a fault of its own',
  ],
  [400, problem('invalidContact', 'bad mail'), 'rejected', 'acme.example: bad mail: check acmeEmail'],
  [403, null, 'rejected', 'acme.example: HTTP 403'],
] as const)('an answer %i is a failure with one line', ([status, data, why, text]) => {
  const failure = problemFailure(data, { ...at, status });
  expect([whyOf(failure), failure.message]).toEqual([why, text]);
});

test('whatever the authority sends, the failure is one line of bounded length', () => {
  const whole = Buffer.from(JSON.stringify(problem('dns', `line\n\u0007two ${'x'.repeat(2_000)}`)));
  const next = random(8);
  for (let i = 0; i < 1_000; i += 1) {
    const text = Buffer.from(mutate(whole, next)).toString();
    let data: unknown = text;
    try {
      data = JSON.parse(text);
    } catch {
      // Sent as text.
    }
    for (const failure of [problemFailure(data, at), challengeFailure(data, 'a.example.org')]) {
      expect(failure).toBeInstanceOf(PerchError);
      expect(explain(failure)).toMatch(/^[\x20-\x7e…]{1,500}$/);
    }
  }
});
