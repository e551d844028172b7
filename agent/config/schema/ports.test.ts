import { expect, test } from 'vitest';
import { linesOf, load } from '../../../test/support/harness/loaded-config.ts';
import { problemText } from '../yaml/problem.ts';

const OWN = 'perch: own\n';

test.for([
  [
    `${OWN}playbackAddress: :8554`,
    'perch.yml:2: playbackAddress: has the TCP port 8554, as does rtspAddress: change one of them',
  ],
  [
    `${OWN}rtspAddress: :9996`,
    'perch.yml:2: rtspAddress: has the TCP port 9996, as does playbackAddress: change one of them',
  ],
  [
    `${OWN}hlsAddress: 127.0.0.1:8080`,
    'perch.yml:2: hlsAddress: has the TCP port 8080, as does address: change one of them',
  ],
  [
    'address: :80\ntlsAddress: 0.0.0.0:80',
    'perch.yml:2: tlsAddress: has the TCP port 80, as does address: change one of them',
  ],
  [
    'rtspEncryption: optional\nrtspsAddress: :8554',
    'perch.yml:2: rtspsAddress: has the TCP port 8554, as does rtspAddress: change one of them',
  ],
  [
    'webrtcLocalTCPAddress: "[::1]:8889"\nwebrtcAddress: "[::]:8889"',
    'perch.yml:1: webrtcLocalTCPAddress: has the TCP port 8889, as does webrtcAddress: change one of them',
  ],
  [
    'api: yes\napiAddress: box.local:700\nmetrics: yes\nmetricsAddress: box.local:700',
    'perch.yml:4: metricsAddress: has the TCP port 700, as does apiAddress: change one of them',
  ],
] as const)('two servers on one TCP port are rejected, both named: %j', ([text, line]) => {
  expect(linesOf(text, 'error')).toEqual([line]);
  expect(load(text).config).toBeUndefined();
});

test.for([
  ['a server that is off', 'playbackAddress: :8554'],
  ['no server at all', 'tlsAddress: ""\nwebrtcLocalTCPAddress: ""'],
  ['RTSP over TLS that is off', 'rtspsAddress: :8554'],
  ['plain RTSP that is off', 'rtspEncryption: strict\nrtspsAddress: :8554'],
  ['WebRTC that is off', 'webrtc: no\nhlsAddress: :8189'],
  ['UDP next to TCP', 'rtpAddress: :8554\nwebrtcLocalUDPAddress: :8888'],
  ['ports that the system chooses', 'address: :0\nhlsAddress: :0\nwebrtcAddress: :0'],
  ['two addresses of the machine', 'hlsAddress: 127.0.0.1:700\nwebrtcAddress: 192.168.1.2:700'],
  ['IPv4 and IPv6', 'hlsAddress: 0.0.0.0:700\nwebrtcAddress: "[::]:700"'],
  ['names that may be two addresses', 'hlsAddress: localhost:700\nwebrtcAddress: 192.168.1.2:700'],
] as const)('%s is accepted', ([, text]) => {
  expect(load(text).problems.filter(({ message }) => message.includes('TCP port'))).toEqual([]);
});

test.for([
  ['hlsAddress: :8080', 'perch.yml:1: hlsAddress: has the TCP port 8080, as does address'],
  ['apiAddress: 127.0.0.1:8189\napi: yes', 'perch.yml:1: apiAddress: has the TCP port 8189, as does webrtc'],
] as const)('a file for MediaMTX that uses a port which only Perch opens still loads: %j', ([text, line]) => {
  expect(linesOf(text, 'error')).toEqual([]);
  expect(linesOf(text, 'warn').some((one) => one.startsWith(line))).toBe(true);
});

test('variables of the environment are named', () => {
  const { problems } = load(OWN, { PERCH_PLAYBACKADDRESS: ':8554' });
  expect(problems.filter(({ severity }) => severity === 'error').map(problemText)).toEqual([
    'perch.yml: playbackAddress: has the TCP port 8554, as does rtspAddress: change one of them (from PERCH_PLAYBACKADDRESS)',
  ]);
});
