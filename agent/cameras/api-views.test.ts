import { expect, test } from 'vitest';
import { askedFor } from './api-views.ts';

test.for([
  [{ endpoint: 'urn:uuid:1', onvif: 'http://10.0.0.5/onvif' }, 'urn:uuid:1'],
  [{ onvif: 'http://10.0.0.5/onvif/device_service' }, 'http://10.0.0.5/onvif/device_service'],
  [{ onvif: 'http://admin:s3cret@10.0.0.5/onvif' }, '10.0.0.5'],
  [{ onvif: 'http://10.0.0.5/onvif?password=s3cret' }, '10.0.0.5'],
  [{ onvif: 'http://[fe80::1%25eth0]/onvif' }, 'http://[fe80::1%25eth0]/onvif'],
  [{ rtsp: 'rtsp://admin:s3cret@[fe80::1%eth0]/1' }, '[fe80::1]'],
  [{ address: '10.0.0.5' }, '10.0.0.5'],
  [{ address: 'admin:s3cret@10.0.0.5' }, null],
  [{ rtsp: 'rtsp://admin:s3cret@10.0.0.5:8554/1' }, '10.0.0.5:8554'],
  [{ rtsp: 'rtsp://10.0.0.5/user=admin&password=s3cret&channel=1' }, '10.0.0.5'],
  [{ rtsp: 'admin:s3cret' }, null],
  [{ endpoint: '', address: '10.0.0.5' }, '10.0.0.5'],
  [{}, null],
] as const)('%j asks for the camera %s, and contains no password', ([request, camera]) => {
  expect(askedFor(request)).toBe(camera);
});
