import { expect, test } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { openSession } from '../../onvif/device/onvif-session.ts';
import { compareIdentity, OTHER_CAMERA, requireSameCamera } from './identity.ts';

const KNOWN = { endpoint: 'urn:uuid:a', serial: 'S1' };
const NOTHING = { endpoint: undefined, serial: undefined };

test.for([
  ['one serial number decides, whatever the endpoint', KNOWN, { endpoint: 'urn:uuid:b', serial: 's1 ' }, false, 'same'],
  ['another serial number too', KNOWN, { endpoint: 'urn:uuid:a', serial: 'S2' }, false, 'other'],
  ['the endpoint, without a serial number', KNOWN, { endpoint: 'URN:UUID:A', serial: undefined }, false, 'same'],
  ['the endpoint with less before it', KNOWN, { endpoint: 'uuid:A', serial: undefined }, false, 'same'],
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
  ['no identity', KNOWN, NOTHING, true, 'unknown'],
] as const)('%s', ([, expected, read, isElsewhere, verdict]) => {
  expect(compareIdentity(expected, read, isElsewhere)).toBe(verdict);
});

test('a camera with another serial number gets no calls and its events are dropped; one without a serial number is trusted', async () => {
  await using camera = await startOnvifCamera({ identity: { serial: 'S1' } });
  await using shy = await startOnvifCamera({ quirks: { saysLittleOfItself: true } });
  const open = ({ url }: { url: string }) => openSession({ url, signal: new AbortController().signal });
  await requireSameCamera(await open(camera), 's1');
  await requireSameCamera(await open(camera), undefined);
  await requireSameCamera(await open(shy), 'S1');
  await expect(requireSameCamera(await open(camera), 'S2')).rejects.toThrow(OTHER_CAMERA);
});
