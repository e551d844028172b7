import { expect, test } from 'vitest';
import { explainedFailure, whyOf } from './failure.ts';

test.for([
  ["server does not support 'tls'", 'noTls'],
  ['getaddrinfo ENOTFOUND nats.example', 'name'],
  ['connect ECONNREFUSED 127.0.0.1:4222', 'unreachable'],
  ["'Authorization Violation'", 'login'],
  ['timeout', 'timeout'],
  ['anything else', 'other'],
] as const)('%s', ([message, why]) => {
  const failure = explainedFailure(new Error('cannot connect', { cause: new Error(message) }), 'nats.example:4222');
  expect([whyOf(failure), failure.message]).toEqual([why, expect.stringContaining('nats.example')]);
});
