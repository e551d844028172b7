import { expect, test } from 'vitest';
import { connectionFailure, refusal } from '../../agent/sources/rtsp/failures.ts';
import { absenceOf } from './absence.ts';

const NAME = 'nothing answers (401)';
const address = { host: '192.168.1.64', port: 554 } as Parameters<typeof connectionFailure>[1];
const answered = (status: number, hadPassword = true) => refusal('DESCRIBE', status, 'No', NAME, hadPassword).message;
const failed = (code: string, hasAnswered = true) =>
  connectionFailure(Object.assign(new Error(code), { code }), address, NAME, hasAnswered).message;

test.for([
  ['the password is refused', answered(401), 'password'],
  ['a password is missing', answered(401, false), 'password'],
  ['its user may not watch', answered(403), 'refuses'],
  ['there is no such stream', answered(404), 'refuses'],
  ['too many look at it', answered(453), 'refuses'],
  ['its answer is an unusual one', answered(500), 'refuses'],
  ['it refuses the connection', failed('ECONNREFUSED'), 'refuses'],
  ['it breaks the connection', failed('ECONNRESET'), 'refuses'],
  ['it breaks the connection at once', failed('ECONNRESET', false), 'refuses'],
  ['it stops in the middle of the talk', 'no reply to DESCRIBE from 10.0.0.1:554 within 10 s: is it on?', 'refuses'],
  ['nothing is at its address', failed('EHOSTUNREACH'), 'silent'],
  ['nothing answers in time', 'no answer at all from 10.0.0.1:554 within 10 s: is it on?', 'silent'],
  ['its name is not known', failed('ENOTFOUND'), 'silent'],
  ['the box has no network', failed('ENETUNREACH'), 'unknown'],
  ['nothing is said', undefined, 'unknown'],
] as const)('why there is no picture when %s', ([, lastError, expected]) => {
  expect(absenceOf(lastError)).toBe(expected);
});
