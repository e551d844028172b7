// @also without-ffi in long

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { webrtcPaths } from '../../../test/support/clients/webrtc/webrtc-paths.ts';
import { offerOf } from '../../../test/support/harness/http/signalling-app.ts';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { serversOf } from '../../../test/support/harness/servers/servers-of.ts';
import { H264_TRACK } from '../../../test/support/media/tracks.ts';
import { createLogger, type Logger, silentLogger } from '../../base/log.ts';
import { type Config, parseConfig } from '../../config/load/load.ts';
import type { Paths } from '../../stream/contracts.ts';
import { Stream } from '../../stream/stream.ts';
import { webrtcServer } from './protocol.ts';

function configOf(text: string): Config {
  const { config } = parseConfig(text, 'perch.yml', {}, { recordPath: '/d/%path/%s%f', cwd: '/', keys: KEYS });
  if (!config) {
    throw new Error('no configuration');
  }
  return config;
}

const paths = webrtcPaths(async () => new Stream([H264_TRACK]));
const partsWith = (log: Logger = silentLogger) => serversOf(webrtcServer, { paths: paths as Paths, log });
const settingsOf = (text: string): unknown[] => partsWith().settings(configOf(text));

const LOCAL = 'webrtcLocalTCPAddress: 127.0.0.1:0\nwebrtcLocalUDPAddress: 127.0.0.1:';
const NAMES = ['WebRTC media port', 'second WebRTC media port'];

test.for([
  ['', 'http://HOST:8889/PATH/whip'],
  ['webrtcEncryption: yes\nwebrtcAddress: 10.0.0.1:443\n', 'https://HOST:443/PATH/whip'],
  ["webrtcAddress: ''\naddress: :80\n", 'http://HOST:80/webrtc/PATH/whip'],
  ["webrtcAddress: ''\nwebrtcEncryption: yes\naddress: :80\n", 'http://HOST:80/webrtc/PATH/whip'],
  ["webrtcAddress: ''\naddress: ''\ntlsAddress: :8443\n", 'https://HOST:8443/webrtc/PATH/whip'],
] as const)('with %j, programs publish to %s', ([text, url]) => {
  expect(webrtcServer.publishing?.urls(configOf(text))).toEqual([url]);
});

test('the server runs unless the file disables it, over UDP and TCP', () => {
  expect(settingsOf('')[0]).toMatchObject({
    webrtcLocalUDPAddress: ':8189',
    webrtcLocalTCPAddress: ':8189',
    webrtcHandshakeTimeoutMs: 10_000,
    webrtcTrackGatherTimeoutMs: 2_000,
  });
  expect(settingsOf('webrtc: no')).toEqual([undefined, undefined]);
});

test.for([
  ['webrtcLocalTCPAddress: ""', true],
  ['webrtcTrackGatherTimeout: 5s', true],
  ['webrtcAdditionalHosts: [203.0.113.5]', true],
  // Sent by the HTTP listeners.
  ['webrtcICEServers2: [{url: "stun:h:1"}]', false],
  ['webrtcAddress: :1', false],
  ['paths: {cam: {source: "rtsp://h/"}}', false],
] as const)('whether %s ends the sessions: %s', ([text, isNew]) => {
  expect(JSON.stringify(settingsOf(text)) !== JSON.stringify(settingsOf(''))).toBe(isNew);
});

test('it listens from its start to its end', async () => {
  const parts = partsWith();
  await parts.apply(configOf(`${LOCAL}0`));
  const server = parts.running()?.server;
  expect([server?.udpPort, server?.tcpPort]).toEqual([expect.any(Number), expect.any(Number)]);
  await parts.apply(configOf(`webrtc: no\n${LOCAL}0`));
  expect(parts.running()).toBeUndefined();
  await parts.close();
});

test('one of two ports in use is reported once and opened when free, without disturbing viewers', async () => {
  const taken = createSocket('udp4').bind(0, '127.0.0.1');
  await once(taken, 'listening');
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(line));
  const parts = partsWith(log);
  await parts.apply(configOf(LOCAL + taken.address().port));
  const server = parts.running()?.server;
  await parts.retry();
  expect(NAMES.map((name) => parts.isRunning(name))).toEqual([true, false]);
  expect(lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 50)).toEqual([
    expect.objectContaining({ part: NAMES[1], reason: expect.stringContaining('change webrtcLocalUDPAddress') }),
  ]);
  const { port } = taken.address();
  const closed = once(taken, 'close');
  taken.close();
  await closed;
  await parts.retry();
  expect(NAMES.map((name) => parts.isRunning(name))).toEqual([true, true]);
  expect(parts.running()?.server).toBe(server);
  expect(server?.udpPort).toBe(port);
  await parts.close();
});

test('without any of its ports it waits, and says so once', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(line));
  const parts = partsWith(log);
  await parts.apply(configOf(`webrtcLocalUDPAddress: ""\nwebrtcLocalTCPAddress: 127.0.0.1:${port}`));
  await parts.retry();
  expect(NAMES.map((name) => parts.isRunning(name))).toEqual([false, false]);
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ part: NAMES[0], reason: expect.stringContaining('change webrtcLocalTCPAddress') }),
  ]);
  await parts.close();
  taken.close();
});

test('without any address it says once which keys are empty', async () => {
  const lines: string[] = [];
  const log = createLogger('warn', (line) => lines.push(line));
  const parts = partsWith(log);
  const ice = 'webrtcICEServers2: [{url: "stun:h:1"}]';
  await parts.apply(configOf(`webrtcLocalUDPAddress: ""\nwebrtcLocalTCPAddress: ""\n${ice}`));
  await parts.retry();
  await parts.close();
  const msg = expect.stringContaining('webrtcLocalUDPAddress and webrtcLocalTCPAddress are empty');
  expect(lines.map((line) => JSON.parse(line))).toEqual([expect.objectContaining({ level: 40, msg })]);
});

test('viewers and the log get the reason why the server ends', async () => {
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(line));
  const parts = partsWith(log);
  const requester = { path: 'cam', query: '', remoteAddr: '127.0.0.1:1', userAgent: '', user: '' };
  for (const text of ['', 'webrtcTrackGatherTimeout: 5s\n', 'webrtc: no\n', '']) {
    await parts.apply(configOf(`${text}${LOCAL}0`));
    await parts.running()?.server.read(requester, offerOf('chromium-156-linux'));
  }
  await parts.close();
  const ends = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'WebRTC viewer has left');
  expect(ends.map(({ reason }) => reason)).toEqual([
    'the WebRTC server starts again with its changed configuration',
    'the WebRTC server was switched off',
    'Perch is ending',
  ]);
});

test('STUN and TURN servers are only passed to browsers, and the log says so', async () => {
  const stun = createSocket('udp4').bind(0, '127.0.0.1');
  await once(stun, 'listening');
  let datagrams = 0;
  stun.on('message', () => {
    datagrams += 1;
  });
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(line));
  const parts = partsWith(log);
  const url = `stun:127.0.0.1:${stun.address().port}`;
  await parts.apply(configOf(`webrtcICEServers2: [{url: "${url}"}, {url: "turn:h:1", clientOnly: yes}]\n${LOCAL}0`));
  const requester = { path: 'cam', query: '', remoteAddr: '127.0.0.1:1', userAgent: '', user: '' };
  const answered = await parts.running()?.server.read(requester, offerOf('chromium-156-linux'));
  expect(answered?.answer).toContain('a=ice-lite\r\n');
  expect(answered?.answer).not.toContain('typ srflx');
  await parts.close();
  expect(datagrams).toBe(0);
  stun.close();
  const logged = lines.map((line) => JSON.parse(line)).filter(({ servers }) => servers !== undefined);
  expect(logged).toEqual([expect.objectContaining({ level: 30, servers: [url] })]);
});
