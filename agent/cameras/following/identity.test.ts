import { expect, test } from 'vitest';
import { judge } from './identity.ts';

const KNOWN = { endpoint: 'urn:uuid:a', serial: 'S1' };
const NOTHING = { endpoint: undefined, serial: undefined };

test.for([
  ['one serial number decides, whatever the endpoint', KNOWN, { endpoint: 'urn:uuid:b', serial: 's1 ' }, false, 'same'],
  ['another serial number too', KNOWN, { endpoint: 'urn:uuid:a', serial: 'S2' }, false, 'other'],
  ['the endpoint, where no serial number is told', KNOWN, { endpoint: 'URN:UUID:A', serial: undefined }, false, 'same'],
  [
    'another endpoint, and no serial number to the login',
    KNOWN,
    { ...NOTHING, endpoint: 'urn:uuid:b' },
    false,
    'other',
  ],
  [
    'another endpoint, and no serial number was ever known',
    { ...KNOWN, serial: undefined },
    { ...NOTHING, endpoint: 'urn:uuid:b' },
    false,
    'unknown',
  ],
  [
    'the same, and the camera is seen elsewhere',
    { ...KNOWN, serial: undefined },
    { ...NOTHING, endpoint: 'urn:uuid:b' },
    true,
    'other',
  ],
  ['nothing is told', KNOWN, NOTHING, true, 'unknown'],
] as const)('%s', ([, expected, read, isElsewhere, verdict]) => {
  expect(judge(expected, read, isElsewhere)).toBe(verdict);
});
