import { expect, test } from 'vitest';
import { good } from '../../test/support/harness/loaded-config.ts';
import { linkOfPath } from './onvif/onvif-link.ts';

const keyOf = (camera: string): string | undefined =>
  linkOfPath(good(`paths: {a: {source: "rtsp://[fe80::1%25eth0]:8554/1", camera: {${camera}}}}`), 'a')?.key;

test('one link-local address in two networks is two cameras, however its zone is written', () => {
  const [near, far] = ['eth0', 'eth1'].map((zone) => keyOf(`onvif: "http://[fe80::1%25${zone}]/onvif"`));
  expect(near).toBeDefined();
  expect(far).not.toBe(near);
  expect(keyOf('onvif: "http://[fe80::1%eth0]:80/onvif"')).toBe(near);
});

test('a paused camera has no link', () => {
  expect(keyOf('onvif: "http://10.0.0.1/onvif"')).toBeDefined();
  expect(keyOf('onvif: "http://10.0.0.1/onvif", paused: yes')).toBeUndefined();
});
