import { expect, test } from 'vitest';
import { type Identity, isSameCamera } from './plan.ts';

const A = 'urn:uuid:a';
const B = 'urn:uuid:b';

test.for<[string, Identity, Identity, boolean]>([
  ['one endpoint', { endpoint: A }, { endpoint: A.toUpperCase() }, true],
  [
    'one endpoint at another address',
    { endpoint: A, onvif: 'http://10.0.0.1/' },
    { endpoint: A, onvif: 'http://10.0.0.2/' },
    true,
  ],
  [
    'the endpoint of a whole series, with other serial numbers',
    { endpoint: A, serial: '1' },
    { endpoint: A, serial: '2' },
    false,
  ],
  ['one address with and without the port', { onvif: 'http://10.0.0.1/o' }, { onvif: 'http://10.0.0.1:80/o' }, true],
  [
    'one address that another camera has now',
    { endpoint: A, onvif: 'http://10.0.0.1/' },
    { endpoint: B, onvif: 'http://10.0.0.1/' },
    false,
  ],
  [
    'one serial number, of a camera that no probe has found',
    { serial: 'DS-2CD-0815' },
    { serial: 'DS-2CD-0815', endpoint: A },
    true,
  ],
  ['a serial number that is none', { serial: '0000' }, { serial: '0000', endpoint: A }, false],
  [
    'one that has another endpoint since its last start',
    { serial: 'DS-2CD-0815', endpoint: A, onvif: 'http://10.0.0.1/' },
    { serial: 'DS-2CD-0815', endpoint: B, onvif: 'http://10.0.0.1/' },
    true,
  ],
  ['two behind one router', { onvif: 'http://10.0.0.1:81/' }, { onvif: 'http://10.0.0.1:82/' }, false],
  [
    'one stream, with and without login',
    { source: 'rtsp://a:b@10.0.0.1/1' },
    { source: 'rtsp://10.0.0.1:554/1' },
    true,
  ],
  ['two channels of a recorder', { source: 'rtsp://10.0.0.1/1' }, { source: 'rtsp://10.0.0.1/2' }, false],
  ['two that say nothing', { endpoint: '', source: 'publisher' }, { endpoint: '', source: 'publisher' }, false],
])('%s', ([, a, b, isSame]) => {
  expect(isSameCamera(a, b)).toBe(isSame);
  expect(isSameCamera(b, a)).toBe(isSame);
});
