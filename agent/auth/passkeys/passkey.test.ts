import { expect, test } from 'vitest';
import { relyingPartyOf } from './passkey.ts';

test.for([
  ['https://perch.local:8443', 'perch.local'],
  ['https://cams.example.org', 'cams.example.org'],
  ['https://perch', 'perch'],
  ['http://localhost:8080', 'localhost'],
  ['http://perch.localhost', 'perch.localhost'],
  ['http://perch.local:8080', undefined],
  ['https://192.168.1.20:8443', undefined],
  ['https://[fd00::1]:8443', undefined],
  ['http://127.0.0.1:8080', undefined],
  ['null', undefined],
  ['', undefined],
  [undefined, undefined],
] as const)('browsers use passkeys at %s for the host %s', ([origin, host]) => {
  expect(relyingPartyOf(origin)).toEqual(host && { origin, host });
});
