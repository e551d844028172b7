import { expect, test } from 'vitest';
import { PerchError } from '../../base/errors.ts';
import { candidatePorts, repairStreamUri, withPort, withZone } from './media-uri.ts';

const HOST = '192.168.1.50';

test.for([
  ['a wrong host', 'rtsp://10.0.0.1:8554/main?x=1', 'rtsp://192.168.1.50:8554/main?x=1'],
  ['no host', 'rtsp:///main', 'rtsp://192.168.1.50/main'],
  ['0.0.0.0', 'rtsp://0.0.0.0:554/main', 'rtsp://192.168.1.50:554/main'],
  ['a path alone', '/live/ch0', 'rtsp://192.168.1.50/live/ch0'],
  ['white space', ' \n rtsp://h/a\r\n b ', 'rtsp://192.168.1.50/a%20b'],
  ['entities left over', 'rtsp://h/a?b=1&amp;c=2&#38;d=3', 'rtsp://192.168.1.50/a?b=1&c=2&d=3'],
  ['credentials', 'rtsp://admin:p%40ss@h/a', 'rtsp://192.168.1.50/a'],
  [
    "XM's own user in the path, which stays",
    'rtsp://h:554/user=admin_password=tlJwpbo6_channel=1_stream=0.sdp?real_stream',
    'rtsp://192.168.1.50:554/user=admin_password=tlJwpbo6_channel=1_stream=0.sdp?real_stream',
  ],
  [
    "XM's query, which stays",
    'rtsp://h/user=admin_password=x=0_stream=0&onvif=0.sdp?real_stream',
    'rtsp://192.168.1.50/user=admin_password=x=0_stream=0&onvif=0.sdp?real_stream',
  ],
  [
    "Hikvision's query, which stays",
    'rtsp://h:554/Streaming/Channels/101?transportmode=unicast&profile=Profile_1',
    'rtsp://192.168.1.50:554/Streaming/Channels/101?transportmode=unicast&profile=Profile_1',
  ],
  ['TLS', 'rtsps://h/a', 'rtsps://192.168.1.50/a'],
] as const)('the address is repaired: %s', ([, uri, expected]) => {
  expect(repairStreamUri(uri, HOST).href).toBe(expected);
});

test('an endless address is rejected, because the configuration would contain it', () => {
  expect(() => repairStreamUri(`rtsp://h/${'a'.repeat(3_000)}`, HOST)).toThrow('at most 2048');
});

test('an IPv6 host has its brackets', () => {
  expect(repairStreamUri('rtsp://10.0.0.1/a', 'fd00::5').href).toBe('rtsp://[fd00::5]/a');
});

test.for(['', 'rtsp:main', 'http://h/a', 'file:///etc/passwd', 'rtsp', 'javascript:alert(1)'])(
  '%j is not a stream address',
  (uri) => {
    expect(() => repairStreamUri(uri, HOST)).toThrow(PerchError);
  },
);

const none = { rtsp: [], http: [] };
test.for([
  ['the claim first', 'rtsp://h:5554/a', none, 80, [5554, 554, 8554, 10_554]],
  ['the usual one without a claim', 'rtsp://h/a', none, 80, [554, 8554, 10_554]],
  ['what the network says', 'rtsp://h:1/a', { rtsp: [7070], http: [80] }, 80, [1, 7070, 554, 8554, 10_554]],
  ['the port of the web page last', 'rtsp://h:80/a', { rtsp: [7070], http: [] }, 80, [7070, 554, 8554, 10_554, 80]],
  ['no more than six', 'rtsp://h/a', { rtsp: [1, 2, 3, 4, 5, 6], http: [] }, 80, [554, 1, 2, 3, 4, 5]],
] as const)('ports are tried in order: %s', ([, uri, ports, webPort, expected]) => {
  expect(candidatePorts(new URL(uri), ports, webPort)).toEqual(expected);
});

test('the usual port is not written', () => {
  const url = new URL('rtsp://h:1/a');
  expect([withPort(url, 554).href, withPort(url, 8554).href]).toEqual(['rtsp://h/a', 'rtsp://h:8554/a']);
});

test('a link-local host keeps its zone, which URL does not know', () => {
  const host = 'fe80::5%eth0';
  expect(withZone(withPort(repairStreamUri('rtsp://10.0.0.1/a?b=]', host), 8554), host)).toBe(
    'rtsp://[fe80::5%25eth0]:8554/a?b=]',
  );
});
