import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { baseOf, hostPortOf, joinControl, parseAddress, redirectedTo } from './address.ts';

test.for([
  ['rtsp://10.0.0.1/live', '10.0.0.1', 554, 'rtsp://10.0.0.1/live', undefined, undefined],
  ['rtsp://cam:8554', 'cam', 8554, 'rtsp://cam:8554/', undefined, undefined],
  ['rtsp://a:b@cam/1?x=1&y=@2', 'cam', 554, 'rtsp://cam/1?x=1&y=@2', 'a', 'b'],
  ['rtsp://admin:p%40ss%3A1@cam/1', 'cam', 554, 'rtsp://cam/1', 'admin', 'p@ss:1'],
  ['rtsp://admin:p@ss#1?@cam/1', 'cam', 554, 'rtsp://cam/1', 'admin', 'p@ss#1?'],
  ['rtsp://admin:100%@cam/1', 'cam', 554, 'rtsp://cam/1', 'admin', '100%'],
  ['rtsp://admin@cam/1', 'cam', 554, 'rtsp://cam/1', 'admin', ''],
  ['rtsp://cam/1#a$b=c?d?e@f', 'cam', 554, 'rtsp://cam/1#a$b=c?d?e@f', undefined, undefined],
  ['rtsp://a:p#1@cam/1#2@x', 'cam', 554, 'rtsp://cam/1#2@x', 'a', 'p#1'],
  ['rtsp://cam?user=a@b', 'cam', 554, 'rtsp://cam?user=a@b', undefined, undefined],
  [
    'rtsp://cam/user=a_password=#$_stream=0?real_stream',
    'cam',
    554,
    'rtsp://cam/user=a_password=#$_stream=0?real_stream',
    undefined,
    undefined,
  ],
  ['rtsp://[fe80::1]:8554/1', 'fe80::1', 8554, 'rtsp://[fe80::1]:8554/1', undefined, undefined],
  ['rtsp://[fe80::1%eth0]/1', 'fe80::1%eth0', 554, 'rtsp://[fe80::1]/1', undefined, undefined],
  ['rtsp://[fe80::1%25wlan0]:8554/1', 'fe80::1%wlan0', 8554, 'rtsp://[fe80::1]:8554/1', undefined, undefined],
] as const)('%s', ([url, host, port, uri, user, password]) => {
  const address = parseAddress(url, 'garden');
  expect(address).toMatchObject({ host, port, uri });
  expect(address.credentials).toEqual(user === undefined ? undefined : { user, password });
});

test.for([
  '',
  'http://cam/',
  'rtsp://',
  'rtsp://a:secret@',
  'rtsp://a:secret@cam:99999/',
  'rtsp://a:secret@c am/',
  'rtsp://a:secret@[]/',
  'rtsp://a:secret@[cam/',
  'rtsp://a:p@secret@',
  'rtsp://a:secret@cam/my stream',
  'rtsp://a:secret@cam/1\r\nX: y',
])("the error for '%s' does not contain the password", (url) => {
  expect(() => parseAddress(url, 'garden')).toThrow("the URL of path 'garden' is not rtsp://host:port/…");
});

const address = parseAddress('rtsp://10.0.0.1:8554/live?ch=1', 'garden');

test.for([
  ['nothing', undefined, 'rtsp://10.0.0.1:8554/live?ch=1'],
  ['a whole URL', 'rtsp://10.0.0.1:8554/live/', 'rtsp://10.0.0.1:8554/live/'],
  ['a host name', 'rtsp://camera.local/live/', 'rtsp://10.0.0.1:8554/live/'],
  ['a doubled scheme', 'rtsp://rtsp://10.0.0.1:8554/live/', 'rtsp://10.0.0.1:8554/live/'],
  ['no scheme', '10.0.0.1:8554/live/', 'rtsp://10.0.0.1:8554/live/'],
  ['a path', '/live/', 'rtsp://10.0.0.1:8554/live/'],
  ['a bare IPv6 address', 'rtsp://::ffff:10.0.0.1:8554/live/', 'rtsp://10.0.0.1:8554/live/'],
  ['a bare IPv6 address alone', 'rtsp://::ffff:10.0.0.1', 'rtsp://10.0.0.1:8554/'],
  ['quotes', '"rtsp://10.0.0.1:8554/live/"', 'rtsp://10.0.0.1:8554/live/'],
] as const)('Content-Base with %s', ([, contentBase, base]) => {
  expect(baseOf(address, contentBase)).toBe(base);
});

test.for([
  ['trackID=1', 'rtsp://c/live/', 'rtsp://c/live/trackID=1'],
  ['trackID=1', 'rtsp://c/live', 'rtsp://c/live/trackID=1'],
  ['/trackID=1', 'rtsp://c/live/', 'rtsp://c/live/trackID=1'],
  ['trackID=1', 'rtsp://c/live?ch=1', 'rtsp://c/live?ch=1/trackID=1'],
  ['?ctype=video', 'rtsp://c/live', 'rtsp://c/live?ctype=video'],
  ['rtsp://other/live/track1', 'rtsp://c/live/', 'rtsp://10.0.0.1:8554/live/track1'],
  ['trackID=1', 'rtsp://c/live#1?a?b', 'rtsp://c/live#1?a?b/trackID=1'],
  ['*', 'rtsp://c/live/', 'rtsp://c/live/'],
  [undefined, 'rtsp://c/live/', 'rtsp://c/live/'],
] as const)('control %s on base %s', ([control, base, uri]) => {
  expect(joinControl(address, base, control)).toBe(uri);
});

test.for([
  ['rtsp://cam/1', 'cam:554'],
  ['rtsps+ws://[2001:db8::1]/1', '[2001:db8::1]:322'],
  ['rtsp://[fe80::1%eth0]:80/1', '[fe80::1]:80'],
] as const)('%s is at %s, always with its port', ([url, place]) => {
  expect(hostPortOf(parseAddress(url, 'garden'))).toBe(place);
});

test('a redirect from a link-local host keeps the zone', () => {
  const near = parseAddress('rtsp://[fe80::1%eth0]/a', 'garden');
  expect(redirectedTo(near, '/b', 'garden')).toMatchObject({ host: 'fe80::1%eth0', uri: 'rtsp://[fe80::1]/b' });
  expect(redirectedTo(near, 'rtsp://[fe80::1]:8554/b', 'garden')).toMatchObject({ host: 'fe80::1%eth0', port: 8554 });
  expect(redirectedTo(near, 'rtsp://[fe80::2]/b', 'garden').host).toBe('fe80::2%eth0');
  expect(redirectedTo(near, 'rtsp://[2001:db8::1]/b', 'garden').host).toBe('2001:db8::1');
});

test('a redirect may be relative to the host', () => {
  expect(redirectedTo(address, '/other', 'garden').uri).toBe('rtsp://10.0.0.1:8554/other');
  expect(redirectedTo(address, 'rtsp://10.0.0.2/x', 'garden')).toMatchObject({ host: '10.0.0.2', port: 554 });
});

test('mutated URLs give an address without credentials in its URI, or a PerchError', () => {
  const next = random(8);
  const seed = 'rtsp://admin:secret@10.0.0.1:8554/live?ch=1';
  for (let i = 0; i < 5_000; i += 1) {
    const at = Math.floor(next() * seed.length);
    const text = seed.slice(0, at) + String.fromCharCode(next() * 300) + seed.slice(at + Math.floor(next() * 3));
    try {
      const parsed = parseAddress(text, 'garden');
      expect(parsed.credentials === undefined || !parsed.uri.includes('secret')).toBe(true);
      joinControl(parsed, baseOf(parsed, text), text);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

test.for([
  ['rtsp://cam/1', false, 'none', 554, 'rtsp://cam/1'],
  ['rtsps://cam/1', true, 'none', 322, 'rtsps://cam/1'],
  ['rtsp+http://cam:80/1', false, 'http', 80, 'rtsp://cam:80/1'],
  ['rtsp+http://cam/1', false, 'http', 554, 'rtsp://cam/1'],
  ['rtsps+http://cam:443/1', true, 'http', 443, 'rtsps://cam:443/1'],
  ['RTSP+WS://cam:80/1', false, 'websocket', 80, 'rtsp://cam:80/1'],
  ['rtsps+ws://cam/1', true, 'websocket', 322, 'rtsps://cam/1'],
] as const)(
  'the scheme of %s selects the tunnel, and requests use rtsp or rtsps',
  ([url, isSecure, tunnel, port, uri]) => {
    expect(parseAddress(url, 'garden')).toMatchObject({ isSecure, tunnel, port, uri });
  },
);

test.for([
  ['rtsp://10.0.0.1:8554/a', 'rtsps://10.0.0.1/b', { isSecure: true, tunnel: 'none', port: 322 }],
  ['rtsps://10.0.0.1/a', 'rtsp://10.0.0.1/b', { isSecure: false, tunnel: 'none', port: 554 }],
  ['rtsps://10.0.0.1:8322/a', '/b', { isSecure: true, port: 8322, uri: 'rtsps://10.0.0.1:8322/b' }],
  ['rtsp+http://10.0.0.1:80/a', 'rtsp://10.0.0.1/b', { tunnel: 'http', port: 80 }],
  ['rtsp+http://10.0.0.1:80/a', 'rtsp://10.0.0.2:81/b', { tunnel: 'http', host: '10.0.0.2', port: 81 }],
  ['rtsp+ws://10.0.0.1:80/a', '/b', { tunnel: 'websocket', port: 80, uri: 'rtsp://10.0.0.1:80/b' }],
] as const)('from %s a redirect to %s', ([from, to, expected]) => {
  expect(redirectedTo(parseAddress(from, 'garden'), to, 'garden')).toMatchObject(expected);
});
