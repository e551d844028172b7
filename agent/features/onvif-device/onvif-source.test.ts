import { expect, test } from 'vitest';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { perchCamera } from '../../onvif/device/perch-camera.ts';
import { offeredCameras } from './onvif-source.ts';

const { endpoint, serial } = perchCamera('0123456789', 'far');
const CONFIG = `paths:
  all_others:
  ~^pattern:
  door: {source: rtsp://10.0.0.5/1, camera: {name: Front door}}
  door_sub: {source: rtsp://10.0.0.5/2}
  stage:
  lonely_sub:
  of_perch: {source: rtsp://10.0.0.6/1, camera: {endpoint: '${endpoint}'}}
  of_perch_too: {source: rtsp://10.0.0.6/2, camera: {serial: '${serial}'}}
`;

test('each camera is offered with its small stream, but patterns and the cameras of a Perch are not', () => {
  expect(offeredCameras(good(CONFIG))).toEqual([
    {
      path: 'door',
      name: 'Front door',
      streams: [
        { token: 'main', path: 'door' },
        { token: 'sub', path: 'door_sub' },
      ],
    },
    { path: 'stage', name: 'stage', streams: [{ token: 'main', path: 'stage' }] },
    { path: 'lonely_sub', name: 'lonely_sub', streams: [{ token: 'main', path: 'lonely_sub' }] },
  ]);
});
