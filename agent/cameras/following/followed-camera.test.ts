import { expect, test } from 'vitest';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { cameraOfPath, type FollowedCamera, isElsewhere, planMove, withHost } from './followed-camera.ts';

test.for([
  ['rtsp://10.0.0.2/main', 'rtsp://10.0.0.9/main'],
  ['rtsp://a:p@ss@10.0.0.2:8554/s?x=10.0.0.2', 'rtsp://a:p@ss@10.0.0.9:8554/s?x=10.0.0.2'],
  ['rtsps+ws://10.0.0.2:322/', 'rtsps+ws://10.0.0.9:322/'],
  ['rtsp://10.0.0.20/main', undefined],
  ['rtsp://10.0.0.2@10.0.0.7/main', undefined],
  ['publisher', undefined],
] as const)('the host of %s becomes %s', ([source, moved]) => {
  expect(withHost(source, '10.0.0.2', '10.0.0.9')).toBe(moved);
});

test('a link-local address keeps its zone', () => {
  expect(withHost('rtsp://[fe80::1%eth0]:554/s', 'fe80::1%eth0', 'fe80::2%eth0')).toBe('rtsp://[fe80::2%eth0]:554/s');
});

const entry = (name: string, host: string, source = `rtsp://${host}/${name}`) => `
  ${name}: { source: '${source}', camera: { onvif: 'http://${host}/onvif', endpoint: 'urn:uuid:a', serial: S1 } }`;

function planOf(text: string) {
  const config = good(`paths:${text}`);
  const camera = cameraOfPath(config, 'door') as FollowedCamera;
  return planMove(config, camera, 'http://10.0.0.9/onvif', () => undefined);
}

test('all paths of the camera move, and no others', () => {
  const { edits } = planOf(entry('door', '10.0.0.2') + entry('door_sub', '10.0.0.2') + entry('yard', '10.0.0.3'));
  expect(edits.map(({ keyPath, value }) => [keyPath.join(' '), value])).toEqual([
    ['paths door camera onvif', 'http://10.0.0.9/onvif'],
    ['paths door source', 'rtsp://10.0.0.9/door'],
    ['paths door_sub camera onvif', 'http://10.0.0.9/onvif'],
    ['paths door_sub source', 'rtsp://10.0.0.9/door_sub'],
  ]);
});

test.for([
  ['rtsp://10.0.0.2/door', 'rtsp://10.0.0.2:8554/door'],
  ['rtsp://a:p@10.0.0.2:554/door', 'rtsp://a:p@10.0.0.2:8554/door'],
  ['rtsp+http://10.0.0.2:80/door', 'rtsp+http://10.0.0.2:80/door'],
  ['rtsps://10.0.0.2/door', 'rtsps://10.0.0.2/door'],
])('with a new stream port %s becomes %s; a port of its own stays', ([source, moved]) => {
  const config = good(`paths:${entry('door', '10.0.0.2', source)}${entry('own', '10.0.0.2', 'rtsp://10.0.0.2:9/own')}`);
  const camera = cameraOfPath(config, 'door') as FollowedCamera;
  const { edits } = planMove(config, camera, 'http://10.0.0.2:81/onvif', () => undefined, 8554);
  expect(edits.filter(({ keyPath }) => keyPath.at(-1) === 'source').map(({ value }) => value)).toEqual([
    moved,
    source?.startsWith('rtsp:') ? 'rtsp://10.0.0.2:9/own' : 'rtsp://10.0.0.2:8554/own',
  ]);
});

test.for(['rtsps://10.0.0.2:322/door', 'rtsp+http://10.0.0.2:8080/door'])('%s keeps its port', (source) => {
  const config = good(`paths:${entry('door', '10.0.0.2', source)}`);
  const camera = cameraOfPath(config, 'door') as FollowedCamera;
  const { edits } = planMove(config, camera, 'http://10.0.0.2:81/onvif', () => undefined, 554);
  expect(edits.find(({ keyPath }) => keyPath.at(-1) === 'source')?.value).toBe(source);
});

test.for([
  ['http://10.0.0.9/onvif', 'SERIAL-1', true],
  ['http://10.0.0.2:81/onvif', 'SERIAL-1', true],
  ['http://10.0.0.2:81/onvif', '12345', false],
  ['http://10.0.0.2:81/onvif', undefined, false],
  ['http://10.0.0.2:80/onvif/device_service', 'SERIAL-1', false],
  ['https://10.0.0.2/onvif', 'SERIAL-1', false],
] as const)(
  'whether %s is another service than http://10.0.0.2/onvif for the serial number %s: %s',
  ([url, serial, is]) => {
    expect(isElsewhere({ onvif: 'http://10.0.0.2/onvif', ...(serial && { serial }) }, url)).toBe(is);
  },
);

test('host names are not followed, and a stream from another host keeps its address', () => {
  expect(planOf(entry('door', 'door.lan'))).toMatchObject({
    edits: [],
    refusal: expect.stringContaining("'door.lan'"),
  });
  expect(planOf(entry('door', '10.0.0.2', 'rtsp://relay/door'))).toMatchObject({
    edits: [],
    refusal: expect.stringContaining('another host'),
  });
});

test('a path without an identity, or without a service to ask for it, is not followed', () => {
  const config = good(`paths:
  a: { source: 'rtsp://10.0.0.2/a', camera: { onvif: 'http://10.0.0.2/onvif' } }
  b: { source: 'rtsp://10.0.0.2/a', camera: { endpoint: 'urn:uuid:a' } }
  ~^c: { sourceOnDemand: yes, source: 'rtsp://10.0.0.2/a', camera: { onvif: 'http://10.0.0.2/onvif', endpoint: 'urn:uuid:a' } }`);
  expect([...config.paths.keys()].map((name) => cameraOfPath(config, name))).toEqual([undefined, undefined, undefined]);
});
