import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { certificate } from '../../../test/support/cameras/channel-front.ts';
import { systemClock } from '../clock.ts';
import { dumpDatagrams, dumpServer, isDumpedUdp, openTcp, setPacketDump } from './dump-connections.ts';
import { PacketDump } from './packet-dump.ts';
import { TcpFlow } from './tcp-flow.ts';

let folder = '';
const { log, logged } = keepLogLines();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-packets-'));
  logged.length = 0;
});

afterEach(() => {
  setPacketDump(undefined);
  rmSync(folder, { recursive: true, force: true });
});

const openDump = (
  options: { readonly cwd?: string; readonly maxBytes?: number; readonly freeBytes?: () => number } = {},
): PacketDump =>
  new PacketDump({ cwd: folder, otherFolder: join(folder, 'packets'), clock: systemClock, log, ...options });

/** The blocks of a file: type and body. */
function blocksOf(name: string): readonly { readonly type: number; readonly body: Buffer }[] {
  const bytes = readFileSync(join(folder, name));
  const blocks = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4);
    expect(length % 4).toBe(0);
    expect(bytes.readUInt32LE(at + length - 4)).toBe(length);
    blocks.push({ type: bytes.readUInt32LE(at), body: bytes.subarray(at + 8, at + length - 4) });
    at += length;
  }
  return blocks;
}

/** Ethernet frames of a file. */
const framesOf = (name: string): readonly Buffer[] =>
  blocksOf(name)
    .filter(({ type }) => type === 6)
    .map(({ body }) => body.subarray(20, 20 + body.readUInt32LE(12)));

const flagsOf = (frame: Buffer): number => frame[14 + 20 + 13] ?? 0;
const payloadOf = (frame: Buffer): string => frame.subarray(14 + 20 + 20).toString();

/** An echo of one message each way. */
async function converse(port: number): Promise<string> {
  const client = openTcp({ host: '127.0.0.1', port }, 'rtsp_source_conn');
  client.write('question');
  const [answer] = await once(client, 'data');
  client.end();
  await once(client, 'close');
  return String(answer);
}

async function startServer(): Promise<{ readonly port: number; close(): Promise<unknown> }> {
  const server = createServer((socket: Socket) => {
    expect(socket.remoteAddress).toBe('127.0.0.1');
    socket.on('data', () => socket.end('answer'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  dumpServer(server, 'rtsp_server_conn');
  return { port: (server.address() as AddressInfo).port, close: () => once(server.close(), 'close') };
}

test('both ends of a connection have a file with handshake, bytes and end, which only the owner reads', async () => {
  const dump = openDump();
  const server = await startServer();
  setPacketDump(dump);
  expect(await converse(server.port)).toBe('answer');
  await server.close();
  await dump.close();
  const names = readdirSync(folder).sort();
  expect(names).toEqual([
    expect.stringMatching(/^rtsp_server_conn_\d{19}_/),
    expect.stringMatching(/^rtsp_source_conn_/),
  ]);
  for (const name of names) {
    expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    const frames = framesOf(name);
    expect(frames.slice(0, 3).map(flagsOf)).toEqual([0x02, 0x12, 0x10]);
    expect(frames.map(payloadOf).filter(Boolean)).toEqual(['question', 'answer']);
    expect(frames.filter((frame) => flagsOf(frame) === 0x11)).toHaveLength(2);
  }
  expect(logged).toMatchObject([['warn', expect.stringContaining('with their passwords'), { folder }]]);
});

test('without dumpPackets sockets stay as Node makes them', async () => {
  const server = await startServer();
  expect(await converse(server.port)).toBe('answer');
  await server.close();
  const socket = createSocket('udp4');
  dumpDatagrams(socket, 'rtp_source_packet_conn');
  expect([isDumpedUdp(socket), Object.hasOwn(socket, 'send')]).toEqual([false, false]);
  socket.close();
  expect(readdirSync(folder)).toEqual([]);
});

test('a UDP socket has a file with the datagrams of both directions', async () => {
  const dump = openDump();
  setPacketDump(dump);
  const [socket, peer] = [createSocket('udp4'), createSocket('udp4')];
  await Promise.all([socket, peer].map((it) => once(it.bind(0, '127.0.0.1'), 'listening')));
  dumpDatagrams(socket, 'rtp_source_packet_conn');
  socket.send(Buffer.from('xxping'), 2, 4, peer.address().port, '127.0.0.1');
  await once(peer, 'message');
  peer.send('pong', socket.address().port, '127.0.0.1');
  await once(socket, 'message');
  socket.close();
  peer.close();
  await dump.close();
  const [name = ''] = readdirSync(folder);
  expect(framesOf(name).map((frame) => frame.subarray(14 + 20 + 8).toString())).toEqual(['ping', 'pong']);
});

test('at the limit the files end with one line in the log, and connections continue', async () => {
  const dump = openDump({ maxBytes: 700 });
  const server = await startServer();
  setPacketDump(dump);
  for (let i = 0; i < 3; i += 1) {
    expect(await converse(server.port)).toBe('answer');
  }
  await server.close();
  await dump.close();
  expect(logged.map(([level, text]) => `${level} ${text}`).slice(1)).toEqual([
    'error dumpPackets has stopped: its files have reached their limit; delete them and start Perch again',
  ]);
  expect(readdirSync(folder).length).toBeLessThan(6);
});

test('packets that are held back for the keys of TLS count towards the limit', async () => {
  const dump = openDump({ maxBytes: 5_000 });
  const file = dump.open('rtsp_server_conn');
  expect(file).toBeDefined();
  if (file) {
    const flow = new TcpFlow(file, { ip: '127.0.0.1', port: 1 }, { ip: '127.0.0.1', port: 2 }, true);
    flow.hold();
    for (let i = 0; i < 10; i += 1) {
      flow.received(Buffer.alloc(1_000));
    }
    expect(logged.map(([, text]) => text)).toContainEqual(expect.stringContaining('reached their limit'));
    flow.close();
  }
  await dump.close();
});

test('the files take a tenth of what is free, at most; those of an earlier start are part of it', () => {
  expect(openDump({ freeBytes: () => 10_000 }).open('x')).toBeDefined();
  const name = `rtsp_source_conn_${'1'.repeat(19)}_00000000-0000-4000-8000-000000000000.pcapng`;
  writeFileSync(join(folder, name), Buffer.alloc(1_200));
  expect(openDump({ freeBytes: () => 11_800 }).open('x')).toBeDefined();
  expect(openDump({ freeBytes: () => 9_000 }).open('x')).toBeUndefined();
  expect(logged.filter(([, text]) => text.includes('with their passwords'))).toHaveLength(3);
});

test('a TLS handshake that is under way when dumpPackets is switched off keeps its address', async () => {
  const dump = openDump();
  const server = createTlsServer({ ...certificate('camera') });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  dumpServer(server, 'rtsps_server_conn');
  setPacketDump(dump);
  const secured = once(server, 'secureConnection');
  const accepted = once(server, 'connection');
  const raw = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await accepted;
  setPacketDump(undefined);
  await dump.close();
  const client = connectTls({ socket: raw, rejectUnauthorized: false });
  const [secure] = (await secured) as [TLSSocket];
  expect([secure.remoteAddress, secure.remotePort]).toEqual(['127.0.0.1', raw.localPort]);
  client.destroy();
  secure.destroy();
  await once(server.close(), 'close');
});

test('files of an earlier start count', () => {
  const name = `rtsp_source_conn_${'1'.repeat(19)}_00000000-0000-4000-8000-000000000000.pcapng`;
  writeFileSync(join(folder, name), Buffer.alloc(800));
  writeFileSync(join(folder, 'other.pcapng'), Buffer.alloc(800));
  expect(openDump({ maxBytes: 900 }).open('x')).toBeDefined();
  expect(openDump({ maxBytes: 700 }).open('x')).toBeUndefined();
});

test('a working directory that is not writable has its files in the data folder', () => {
  const cwd = join(folder, 'missing');
  expect(openDump({ cwd }).folder).toBe(join(folder, 'packets'));
  chmodSync(join(folder, 'packets'), 0o700);
});
