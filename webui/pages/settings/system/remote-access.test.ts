import { expect, test } from 'vitest';
import { areHosts, areIpRanges, changeOf, mediaPort, valuesOf } from './remote-access.tsx';

const CONFIG = {
  webrtcAdditionalHosts: ['perch.example', '203.0.113.7'],
  trustedProxies: ['127.0.0.1/32', '192.168.1.0/24', '::1/128'],
  webrtcLocalUDPAddress: ':8189',
  webrtcLocalTCPAddress: ':8190',
};

test('lists are one line of text, and separated by spaces, commas or semicolons', () => {
  expect(valuesOf(CONFIG)).toEqual({ hosts: 'perch.example 203.0.113.7', proxies: '127.0.0.1 192.168.1.0/24 ::1' });
  expect(changeOf({ hosts: ' perch.example,203.0.113.7;  a.b ' })).toEqual({
    webrtcAdditionalHosts: ['perch.example', '203.0.113.7', 'a.b'],
  });
  expect(changeOf({ hosts: '', proxies: ' ' })).toEqual({ webrtcAdditionalHosts: [], trustedProxies: [] });
  expect(changeOf({})).toEqual({});
});

test.for(['', 'perch.example', 'my-router', '203.0.113.7, perch.example', '2001:db8::9', '::1'])(
  'hosts: %j is accepted',
  (typed) => expect(areHosts(typed)).toBe(true),
);

test.for([
  'https://perch.example',
  'perch.example:8189',
  'perch.example/x',
  '-a',
  'a b_c',
  '[2001:db8::9]',
  'ö.example',
])('hosts: %j is rejected', (typed) => expect(areHosts(typed)).toBe(false));

test.for(['', '127.0.0.1', '192.168.1.0/24 10.0.0.1', '::1', 'fd00::/8'])('proxies: %j is accepted', (typed) =>
  expect(areIpRanges(typed)).toBe(true),
);

test.for(['caddy', '127.0.0.1:80', '192.168.1', '10.0.0.0/24/1', 'http://127.0.0.1'])(
  'proxies: %j is rejected',
  (typed) => expect(areIpRanges(typed)).toBe(false),
);

test('the port to forward is that of UDP, else that of TCP', () => {
  expect(mediaPort(CONFIG)).toBe('8189');
  expect(mediaPort({ ...CONFIG, webrtcLocalUDPAddress: '' })).toBe('8190');
  expect(mediaPort({ ...CONFIG, webrtcLocalUDPAddress: '[::]:9000' })).toBe('9000');
  expect(mediaPort({ ...CONFIG, webrtcLocalUDPAddress: '', webrtcLocalTCPAddress: '' })).toBe('');
});
