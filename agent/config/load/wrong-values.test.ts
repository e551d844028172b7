import { expect, test } from 'vitest';
import { linesOf, load } from '../../../test/support/harness/loaded-config.ts';
import { problemText } from '../yaml/problem.ts';
import { resolvePath } from './load.ts';

test.for([
  ['a: [', 'perch.yml:1: not valid YAML: '],
  ['hls: yes\nhls: no', 'perch.yml:2: hls: duplicate key, first in line 1'],
  ['paths:\n  a:\n  a:', 'perch.yml:3: paths.a: duplicate key, first in line 2'],
  ['- a', 'perch.yml:1: the file is not a list of keys'],
  ['a: *b', 'perch.yml:1: a: the alias has no anchor before it'],
  ['hls: maybe', "perch.yml:1: hls: 'maybe' is not yes or no"],
  [
    'hls: no\npathDefaults:\n  recordPartDuration: 1 second',
    "perch.yml:3: pathDefaults.recordPartDuration: '1 second' is not a duration: write for example 200ms, 10s, 1h30m or 7d",
  ],
  ['readTimeout: 10', "perch.yml:1: readTimeout: '10' is not a duration"],
  ['recordMinFree: much', "perch.yml:1: recordMinFree: 'much' is not free space: write for example 10% or 20G"],
  ['readTimeout: 0s', 'perch.yml:1: readTimeout: must be longer than zero'],
  ['hlsSegmentMaxSize: 50', "perch.yml:1: hlsSegmentMaxSize: '50' is not a size"],
  ['hlsSegmentCount: 2', "perch.yml:1: hlsSegmentCount: '2' must be >= 3"],
  ['hlsSegmentDuration: 0s', 'perch.yml:1: hlsSegmentDuration: must be longer than zero'],
  ['hlsPartDuration: 0s', 'perch.yml:1: hlsPartDuration: must be longer than zero'],
  ['hlsVariant: lowlatency', "perch.yml:1: hlsVariant: 'lowlatency' is not one of mpegts, fmp4, lowLatency"],
  ['hlsEncryption: strict', "perch.yml:1: hlsEncryption: 'strict' is not yes or no"],
  ['hlsCDNSecret: "se cret"', 'perch.yml:1: hlsCDNSecret: the secret contains characters other than A-Z a-z 0-9 and'],
  ['hlsSegmentCount: many', "perch.yml:1: hlsSegmentCount: 'many' is not a whole number"],
  ['logLevel: loud', "perch.yml:1: logLevel: 'loud' is not one of error, warn, info, debug"],
  ['hlsAddress: "8888"', "perch.yml:1: hlsAddress: '8888' is not an address"],
  ['hlsAllowOrigins: "*"', 'perch.yml:1: hlsAllowOrigins: expected a list here: write [] for none'],
  ['hlsAllowOrigins:', 'perch.yml:1: hlsAllowOrigins: expected a list here: write [] for none'],
  ['hlsTrustedProxies: [10.0.0.0/8, lan]', "perch.yml:1: hlsTrustedProxies[1]: 'lan' is not an IP address or range"],
  ['authMethod: http', "perch.yml:1: authMethod: 'http' needs authHTTPAddress"],
  ['authMethod: jwt', "perch.yml:1: authMethod: 'jwt' needs authJWTJWKS"],
  ['authHTTPAddress: "http://a:b@c"', 'perch.yml:1: authHTTPAddress: not an HTTP address without credentials'],
  ['externalAuthenticationURL: file:///x', 'perch.yml:1: authHTTPAddress: not an HTTP address'],
  [
    'authMethod: jwt\nauthJWTJWKS: http://x\nrtspAuthMethods: [basic, digest]',
    'perch.yml:3: rtspAuthMethods: digest does not work with authMethod jwt',
  ],
  [
    'authInternalUsers: [{user: me}]\npaths:\n  a: {readUser: me}',
    'perch.yml:3: paths.a.readUser: cannot be combined with authInternalUsers',
  ],
  ['authInternalUsers:\n- pass: x', 'perch.yml:2: authInternalUsers[0]: the key user is missing'],
  [
    'authInternalUsers:\n- user: ""',
    "perch.yml:2: authInternalUsers[0].user: '' must not have fewer than 1 characters",
  ],
  ['authInternalUsers:\n- user: any\n  pass: x', "perch.yml:1: authInternalUsers[0].pass: the user 'any' cannot have"],
  [
    'webrtcLocalUDPAddress: ""\nwebrtcLocalTCPAddress: ""',
    'perch.yml:1: webrtcLocalUDPAddress: WebRTC needs this address, webrtcLocalTCPAddress or webrtcICEServers2',
  ],
  ['webrtcLocalTCPAddress: "8189"', "perch.yml:1: webrtcLocalTCPAddress: '8189' is not an address"],
  ['runOnConnect: "a\\\\ "', 'perch.yml:1: runOnConnect: the command ends with a backslash'],
  ['webrtcTrackGatherTimeout: 0s', 'perch.yml:1: webrtcTrackGatherTimeout: must be longer than zero'],
  ['webrtcIPsFromInterfaces: no', 'perch.yml:1: webrtcIPsFromInterfaces: when this is off, webrtcAdditionalHosts'],
  [
    'webrtcICEServers2:\n- url: example.org',
    "perch.yml:2: webrtcICEServers2[0].url: 'example.org' is not an ICE server",
  ],
  ['writeQueueSize: 500', "perch.yml:1: writeQueueSize: '500' is not a power of two"],
  ['udpMaxPayloadSize: 1473', "perch.yml:1: udpMaxPayloadSize: '1473' must be <= 1472"],
  ['rtspTransports: [tcp, quic]', "perch.yml:1: rtspTransports[1]: 'quic' is not one of udp, multicast, tcp"],
  ['rtspTransports: []', 'perch.yml:1: rtspTransports: must name at least one'],
  ['rtspEncryption: maybe', "perch.yml:1: rtspEncryption: 'maybe' is not one of no, optional, strict"],
  ['rtspAuthMethods: []', 'perch.yml:1: rtspAuthMethods: must name at least one'],
  [
    'rtspAuthMethods: [basic, digest]\nauthInternalUsers:\n- {user: me, pass: "sha256:AA=="}',
    'perch.yml:1: rtspAuthMethods: digest needs plain names and passwords, and authInternalUsers[0] has a hash',
  ],
  ['multicastIPRange: 10.0.0.0/8', "perch.yml:1: multicastIPRange: '10.0.0.0/8' is not a range of IPv4 multicast"],
  ['multicastIPRange: 224.0.0.0/3', "perch.yml:1: multicastIPRange: '224.0.0.0/3' is not a range of IPv4 multicast"],
  ['multicastIPRange: ff15::/16', "perch.yml:1: multicastIPRange: 'ff15::/16' is not a range of IPv4 multicast"],
  ['multicastRTPPort: 65536', "perch.yml:1: multicastRTPPort: '65536' must be <= 65535"],
  ['pathDefaults:\n  recordPath: /x/%Y', 'perch.yml:2: pathDefaults.recordPath: must contain %path'],
  ['playback: yes\npathDefaults:\n  recordPath: /x/%path/%s', 'perch.yml:3: pathDefaults.recordPath: must contain %f'],
  ['paths:\n  a:\npathDefaults:\n  readPass: x', 'perch.yml:4: pathDefaults.readPass: has no effect without readUser'],
  ['perch: mine', 'perch.yml:1: perch: expected the word own'],
  ['paths: 5', 'perch.yml:1: paths: expected a block with one key for each path'],
] as const)('%j is rejected with its line', ([text, line]) => {
  const { config } = load(text);
  expect(config).toBeUndefined();
  expect(linesOf(text, 'error')[0]?.startsWith(line), linesOf(text, 'error')[0]).toBe(true);
});

test.for([
  [
    'source: bla',
    "source: 'bla' is not a source: write publisher, redirect, or for example rtsp://192.168.1.20:554/stream",
  ],
  ['source: moqt://h/app', "source: 'moqt://' is not supported: Node has no QUIC"],
  [
    "rtpSDP: ''\n    source: udp+rtp://238.0.0.1:5004",
    'rtpSDP: a source udp+rtp:// needs this key, the SDP of the packets',
  ],
  ['source: rpiCamera', "source: 'rpiCamera' is not supported: its driver is a native program; run rpicam-vid"],
  ['source: udp+mpegts://239.1.1.1', 'source: the port is missing, such as udp+mpegts://239.1.1.1:1234'],
  ['source: rtsp://', 'source: the rtsp:// URL is not valid'],
  ['source: "rtsp://a:pa/ss@h/x"', 'source: the rtsp:// URL is not valid: '],
  ['source: rtsp://a:b@h/my stream', 'source: the rtsp:// URL has a blank after the host: write %20'],
  ['source: rtsp://me@h/x', 'source: the URL has a user without password'],
  ['source: "rtsp://$G1@h/x"', 'source: the URL has a user without password'],
  ['sourceRedirect: /other', "sourceRedirect: has no effect unless the source is 'redirect'"],
  ['fallback: other', 'fallback: not a redirect target: write /name of a path, or an rtsp:// URL'],
  ['sourceOnDemand: yes', "sourceOnDemand: has no effect with the source 'publisher'"],
  ['sourceOnDemandStartTimeout: 0s', 'sourceOnDemandStartTimeout: must be longer than zero'],
  ['sourceFingerprint: abc', "sourceFingerprint: 'abc' is not the SHA-256 of a certificate"],
  ['rtspTransport: quic', "rtspTransport: 'quic' is not one of automatic, udp, multicast, tcp"],
  ['rtspUDPSourcePortRange: [9000]', 'rtspUDPSourcePortRange: [9000] is not the first and the last'],
  ['rtspUDPSourcePortRange: [9, 8]', 'rtspUDPSourcePortRange: [9, 8] is not the first and the last'],
  ['rtspScale: fast', "rtspScale: 'fast' is not a number such as 2.0"],
  ['record: perhaps', "record: 'perhaps' is not one of no, always, motion"],
  ['recordSegmentDuration: 25h', "recordSegmentDuration: '1d1h0m0s' is not within the limits"],
  ['recordMaxSize: 1M', "recordMaxSize: '1M' is less than the 10M that recordings need at least: 0 = no limit"],
  ['recordDeleteAfter: 10m', "recordDeleteAfter: '10m0s' is shorter than recordSegmentDuration, which is 1h0m0s"],
  ['recordPath: /x/%path/%Y', 'recordPath: must contain either %s or all of'],
  [
    'camera: 192.168.1.2',
    'camera: expected a block with the keys onvif, profile, user, password, name, events, setClock, endpoint, serial, fingerprint, paused, pausedUntil, order, pending, clearPassword',
  ],
  [
    'camera: {pausedUntil: tomorrow}',
    "camera.pausedUntil: 'tomorrow' is not a time: write for example 2026-01-31T18:00:00Z",
  ],
  ['camera: {order: 0}', 'camera.order: '],
  ['camera: {onvif: "http://a:b@c"}', 'camera.onvif: not an HTTP address without credentials'],
  ['publishPass: me', 'publishPass: has no effect without publishUser'],
  ['publishUser: [me]', 'publishUser: expected a single value here'],
  ['publishIPs: here', 'publishIPs: expected a list here'],
  ['publishIPs: [here]', 'publishIPs[0]: '],
  ['maxReaders: -1', "maxReaders: '-1' must be >= 0"],
] as const)('a path with "%s" is disabled alone', ([line, error]) => {
  const { config, problems } = load(`paths:\n  wrong:\n    ${line}\n  right:\n`);
  expect(config?.paths.get('wrong')?.error?.startsWith(error), config?.paths.get('wrong')?.error).toBe(true);
  expect(config?.paths.get('right')?.settings).toBeDefined();
  const found = problems.filter((one) => one.severity === 'error');
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ line: 3, path: 'wrong', key: `paths.wrong.${error.split(':')[0]}` });
});

test.for([
  ['/cam', "can't begin with a slash"],
  ['cam/', "can't end with a slash"],
  ...['my cam', 'cam:1'].map(
    (name) =>
      [
        name,
        'can contain only alphanumeric characters, underscore, dot, minus, slash, and tilde except at the beginning',
      ] as const,
  ),
  ['a/../b', "can't contain dot path segments"],
  ['', 'cannot be empty'],
] as const)('the path name "%s" %s', ([name, reason]) => {
  expect(load(`paths: {"${name}": {}}`).config?.paths.get(name)?.error).toBe(`invalid path name: ${reason} (${name})`);
});

test.for([
  ['an item whose other keys stand apart from it', 'paths:\n   - source: a\n    record: yes\n', 3, 2],
  ['a list that is not closed', 'hls: [yes\n\n# for programs\napi: no\n', 4, 1],
  ['keys in different columns', 'paths:\n  a:\n    source: b\n   record: yes\n', 4, 3],
] as const)('%s is reported with the line above, which may have the mistake', ([, text, line, above]) => {
  const [first = ''] = linesOf(text, 'error');
  expect(first).toMatch(new RegExp(`^perch\\.yml:${line}: not valid YAML: .*; the mistake may be in line ${above}$`));
});

test.for([
  ['box', 'not a URL: write for example rtsp://192.168.1.30:8554/door or '],
  ['ftp://box/a', "'ftp://' is not supported: write for example rtsp://192.168.1.30:8554/door or "],
  ['rtsp://a b/c', 'the rtsp:// URL is not valid: write for example rtsp://192.168.1.30:8554/door or '],
] as const)('the destination %s disables its path: %s', ([dest, message]) => {
  const { problems } = load(`paths: {cam: {forward: [{dest: rtsp://$MTX_PATH.lan/$G1}, {dest: "${dest}"}]}}`);
  expect(problems.map(problemText).filter((text) => text.includes('forward'))).toEqual([
    expect.stringContaining(`paths.cam.forward[1].dest: ${message}`),
  ]);
});

test.for([
  ['block scalar', 'hlsCDNSecret: |hunter2'],
  ['escape', 'hlsCDNSecret: "x\\Uhunter2"'],
  ['tag', 'hlsCDNSecret: !hunter2!x y'],
  ['alias', 'hlsCDNSecret: *hunter2'],
  ['source', 'paths: {cam: {source: 192.168.1.9/user=me_password=hunter2_channel=1}}'],
  ['ICE server', 'webrtcICEServers2: [{url: "http://me:hunter2@h"}]'],
  ['destination', `paths: {cam: {forward: [{dest: "rtsp://me:hunter2@h/${'x'.repeat(2_000)}"}]}}`],
] as const)('the error of a wrong %s does not quote its password', ([, text]) => {
  const lines = linesOf(text, 'error');
  expect(lines).not.toEqual([]);
  expect(lines.join('\n')).not.toContain('hunter2');
});

test('a mistake found at its own place refers to no other line', () => {
  for (const text of ['a: b: c\n', 'a: 1\nb\nc: 2\n', 'a:\n\t- b\n']) {
    expect(linesOf(text, 'error').join('\n')).not.toContain('may be in line');
  }
});

test('no message shows a password', () => {
  const text = [
    'authInternalUsers:\n- user: any\n  pass: hunter2\n',
    'webrtcICEServers2:\n- {url: "turn:h:1", password: [hunter2]}\n',
    'paths:\n  a: {source: "rtsp://me:hunter2/x@h/"}\n  b: {source: "moqt://me:hunter2@h/"}\n',
    '  c: {source: "me:hunter2@h"}\n  d: {camera: {password: [hunter2]}}\n',
  ].join('');
  const { problems } = load(text);
  expect(problems.filter((one) => one.severity === 'error')).toHaveLength(5);
  expect(problems.map(problemText).join('\n')).not.toContain('hunter2');
});

test('a redirect without a target disables its path, reported at the path itself', () => {
  const [line = ''] = linesOf('paths:\n  a:\n    source: redirect', 'error');
  expect(line).toBe(
    "perch.yml:2: paths.a.sourceRedirect: the source 'redirect' needs this key, the target for readers",
  );
});

test('a pattern that RE2 does not take is named and matches nothing, and the rest applies', () => {
  const text = `authInternalUsers: [{user: any, permissions: [{action: read, path: "~(?!x)"}]}]
authHTTPExclude: [{action: read, path: "~("}]
paths: {"~^(a)(?=b)": , "~^(?i)CAM": }`;
  const { config } = load(text);
  expect(config?.patterns.map(({ name }) => name)).toEqual(['~^(?i)CAM']);
  expect(config && resolvePath(config, 'ab')).toBeUndefined();
  expect(config && resolvePath(config, 'cam1')?.settings).toBeDefined();
  expect(config?.authInternalUsers[0]?.permissions[0]?.path).toBe('~(?!x)');
  const reason = 'is not a regular expression of RE2: invalid or unsupported Perl syntax:';
  expect(linesOf(text, 'error')).toEqual([
    `perch.yml:1: authInternalUsers[0].permissions[0].path: '(?!x)' ${reason} \`(?!\`: it matches nothing`,
    "perch.yml:2: authHTTPExclude[0].path: '(' is not a regular expression of RE2: missing closing ): `(`: it matches nothing",
    `perch.yml:3: paths.~^(a)(?=b): '^(a)(?=b)' ${reason} \`(?=\``,
  ]);
});
