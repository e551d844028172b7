import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { RtspCaller } from '../../../test/support/clients/rtsp-caller.ts';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { serversOf } from '../../../test/support/harness/servers/servers-of.ts';
import { H264_TRACK } from '../../../test/support/media/tracks.ts';
import { createLogger } from '../../base/log.ts';
import { type Config, parseConfig } from '../../config/load/load.ts';
import type { SessionAccess, SessionKind } from '../../protocols/contract.ts';
import type { Paths } from '../../stream/contracts.ts';
import { Stream } from '../../stream/stream.ts';
import { rtspServer } from './protocol.ts';

function parsed(text: string): Config {
  const { config } = parseConfig(text, 'perch.yml', {}, { recordPath: '/d/%path/%s%f', cwd: '/', keys: KEYS });
  if (!config) {
    throw new Error('no configuration');
  }
  return config;
}

const settingsOf = (text: string): unknown[] => serversOf(rtspServer).settings(parsed(text));

test('the server runs unless the file disables it', () => {
  expect(settingsOf('')[0]).toMatchObject({ rtspAddress: ':8554', rtspEncryption: 'no', rtspServerKey: 'server.key' });
  expect(settingsOf('rtsp: no')).toEqual([undefined, undefined]);
});

test.for([
  ['rtspAddress: :554', true],
  ['rtspTransports: [tcp]', true],
  ['rtspAuthMethods: [digest]', true],
  ['readTimeout: 5s', true],
  ['writeQueueSize: 1024', true],
  ['hlsAddress: :1', false],
  ['authInternalUsers: [{user: me, pass: pw}]', false],
  ['paths: {cam: {rtspTransport: udp}}', false],
] as const)('whether %s restarts it: %s', ([text, isNew]) => {
  expect(JSON.stringify(settingsOf(text)) !== JSON.stringify(settingsOf(''))).toBe(isNew);
});

const LOCAL = 'rtspAddress: 127.0.0.1:0\nrtcpAddress: 127.0.0.1:0\nrtpAddress: 127.0.0.1:';

test('it listens from its start to its end, and the API can ask it meanwhile', async () => {
  const server = serversOf(rtspServer);
  const [connections, sessions, ...secure] = rtspServer.kinds as [SessionKind, SessionKind];
  await server.apply(parsed(`${LOCAL}0`));
  expect(server.running()?.ports.rtsp).toBeGreaterThan(0);
  expect([connections, sessions].map((kind) => server.tables.table(kind)?.list())).toEqual([[], []]);
  // Not without rtspEncryption.
  expect(secure.map((kind) => server.tables.table(kind))).toEqual([undefined, undefined]);
  await server.close();
  expect(server.running()).toBeUndefined();
  expect(server.tables.table(sessions)).toBeUndefined();
});

test('a certificate that cannot be read is one line, and tried again', async () => {
  for (const encryption of ['optional', 'strict']) {
    const lines: string[] = [];
    const log = createLogger('info', (line) => lines.push(line));
    const parts = serversOf(rtspServer, { log });
    const tls = `rtspEncryption: ${encryption}\nrtspServerKey: /nonexistent/server.key\n`;
    await parts.apply(parsed(`${tls}${LOCAL}0`));
    await parts.retry();
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: 50, part: 'RTSP server', reason: expect.stringContaining('rtspServerKey') }),
    ]);
    await parts.close();
  }
});

test("sessions get the reason for the server's end", async () => {
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(line));
  const stream = new Stream([H264_TRACK]);
  const paths = { redirectOf: () => undefined, open: async () => stream } as unknown as Paths;
  const access: SessionAccess = {
    authorize: async () => ({ user: '' }),
    offersDigest: () => true,
    beginGuess: () => async () => {},
  };
  const parts = serversOf(rtspServer, { paths, access, log });
  for (const next of ['readTimeout: 5s\n', 'rtsp: no\n']) {
    await parts.apply(parsed(`${LOCAL}0`));
    const port = parts.running()?.ports.rtsp ?? 0;
    using caller = await RtspCaller.connect(port);
    const uri = `rtsp://127.0.0.1:${port}/cam/trackID=0`;
    await caller.ask('SETUP', uri, [['Transport', 'RTP/AVP/TCP;unicast;interleaved=0-1']]);
    await parts.apply(parsed(`${next}${LOCAL}0`));
    await caller.until(() => caller.hasEnded);
  }
  await parts.close();
  const reasons = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'RTSP session closed');
  expect(reasons.map(({ reason }) => reason)).toEqual([
    'the RTSP server starts again with its changed configuration',
    'the RTSP server was switched off',
  ]);
});

test('a UDP port in use does not affect the rest of the server and is opened once it is free', async () => {
  const taken = createSocket('udp4').bind(0, '127.0.0.1');
  await once(taken, 'listening');
  const parts = serversOf(rtspServer);
  await parts.apply(parsed(`${LOCAL}${taken.address().port}`));
  expect(['RTSP server', 'RTP over UDP'].map((name) => parts.isRunning(name))).toEqual([true, false]);
  const closed = once(taken, 'close');
  taken.close();
  await closed;
  await parts.retry();
  expect(parts.isRunning('RTP over UDP')).toBe(true);
  await parts.close();
});
