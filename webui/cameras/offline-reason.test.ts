import { expect, test } from 'vitest';
import { connectionFailure, refusal } from '../../agent/transports/rtsp/request/failures.ts';
import { cameraOf } from '../../agent/transports/tls/peer.ts';
import { offlineReasonOf } from './offline-reason.ts';

const PEER = cameraOf('nothing answers (401)');
const address = { host: '192.168.1.64', port: 554, uri: 'rtsp://192.168.1.64/' } as Parameters<
  typeof connectionFailure
>[1];
const wordOf = ({ context }: { readonly context: Readonly<Record<string, unknown>> }) =>
  context['absence'] as string | undefined;
const answered = (status: number, hadPassword = true) => wordOf(refusal('DESCRIBE', status, 'No', PEER, hadPassword));
const failed = (code: string, hasAnswered = true) =>
  wordOf(connectionFailure(Object.assign(new Error(code), { code }), address, PEER, hasAnswered));

test.for([
  ['the password is refused', answered(401), 'password'],
  ['a password is missing', answered(401, false), 'password'],
  ['its user may not watch', answered(403), 'forbidden'],
  ['there is no such stream', answered(404), 'noStream'],
  ['too many look at it', answered(453), 'noRoom'],
  ['its answer is an unusual one', answered(500), 'refuses'],
  ['it refuses the connection', failed('ECONNREFUSED'), 'closed'],
  ['it breaks the connection', failed('ECONNRESET'), 'refuses'],
  ['it breaks the connection at once', failed('ECONNRESET', false), 'refuses'],
  ['nothing is at its address', failed('EHOSTUNREACH'), 'silent'],
  ['its name is not known', failed('ENOTFOUND'), 'silent'],
  ['the box has no network', failed('ENETUNREACH'), 'noNetwork'],
  ['it does not speak TLS', failed('EPROTO'), 'unknown'],
  ['its box has ended the pairing', 'boxRefuses', 'notShared'],
  ['nothing is said', undefined, 'unknown'],
] as const)('the reason of an outage when %s', ([, word, expected]) => {
  expect(offlineReasonOf(word)).toBe(expected);
});
