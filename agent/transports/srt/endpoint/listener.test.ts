import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { hex } from '../../../../test/support/media/units.ts';
import { systemClock } from '../../../base/clock.ts';
import { bindUdp } from '../../../base/network/udp.ts';
import type { SrtConnection } from '../connection.ts';
import { Encryption } from '../encryption.ts';
import { callSrt } from './caller.ts';
import { HANDSHAKE, type Handshake, parseHandshake, writeHandshake } from './handshake.ts';
import { type ConnectionRequest, SrtListener } from './listener.ts';
import { REJECT } from './reject-reason.ts';

/** libsrt 1.5.1 (srt-live-transmit): `streamid=publish:cam`, a passphrase, `pbkeylen=24`, `latency=200`. */
const INDUCTION =
  '80000000 00000000 00000c1f 00000000 00000004 00000002 5c8131eb 000005dc 00002000 00000001 267edc60 00000000 0100007f 000000000000000000000000';
const CONCLUSION =
  '80000000 00000000 00001bb1 00000000 00000005 00030007 5c8131eb 000005dc 00002000 ffffffff 267edc60 4fa8f9f3 0100007f 000000000000000000000000' +
  ' 00010003 00010501 000000bf 00c800c8 00050003 6c627570 3a687369 006d6163';

test('the handshake of libsrt is read', () => {
  expect(parseHandshake(Buffer.from(hex(INDUCTION)))).toMatchObject({
    ...{ version: 4, extensionField: 2, type: HANDSHAKE.induction, socketId: 0x267edc60, cookie: 0 },
    ...{ initialSequence: 0x5c8131eb, mtuBytes: 1500, flowWindow: 8192 },
  });
  expect(parseHandshake(Buffer.from(hex(CONCLUSION)))).toMatchObject({
    ...{ version: 5, encryption: 3, extensionField: 7, type: HANDSHAKE.conclusion, cookie: 0x4fa8f9f3 },
    capabilities: { version: 0x010501, flags: 0xbf, receiverDelayMs: 200, senderDelayMs: 200 },
    streamId: 'publish:cam',
  });
});

async function listen(onRequest: (request: ConnectionRequest) => unknown): Promise<SrtListener> {
  const listener = new SrtListener([await bindUdp('127.0.0.1', 0)], onRequest, systemClock);
  onTestFinished(() => listener.close('over'));
  return listener;
}

/** A listener that accepts with the passphrase, and what arrives. */
async function accepting(passphrase = '') {
  const received: string[] = [];
  const connections: SrtConnection[] = [];
  const listener = await listen(async (request) => {
    const connection = await request.accept(passphrase);
    if (connection) {
      connections.push(connection);
      connection.handlers = {
        onPayload: (payload) => received.push(Buffer.from(payload).toString()),
        onClose: () => {},
      };
    }
  });
  return { listener, received, connections };
}

async function call(port: number, options: { readonly passphrase?: string; readonly keyBytes?: 16 | 24 | 32 } = {}) {
  const called = await callSrt(
    { ip: '127.0.0.1', port, streamId: 'read:door', passphrase: '', latencyMs: 20, ...options },
    systemClock,
    AbortSignal.timeout(5_000),
  );
  onTestFinished(() => called.endpoint.close('over'));
  return called;
}

const say = ({ endpoint, connection }: Awaited<ReturnType<typeof call>>, text: string) => {
  const bytes = Buffer.from(text);
  endpoint.write(connection, bytes, 0, bytes.length, 1316);
};

test('a caller connects, and both ends send', async () => {
  const { listener, received, connections } = await accepting();
  const called = await call(listener.endpoint.port);
  say(called, 'one');
  say(called, 'two');
  await expect.poll(() => received).toEqual(['one', 'two']);
  const back: string[] = [];
  called.connection.handlers = {
    onPayload: (payload) => back.push(Buffer.from(payload).toString()),
    onClose: () => {},
  };
  const bytes = Buffer.from('back');
  listener.endpoint.write(connections[0] as SrtConnection, bytes, 0, bytes.length, 1316);
  await expect.poll(() => back).toEqual(['back']);
});

test('many connections share one port, and each end hears of the shutdown of the other', async () => {
  const { listener, received, connections } = await accepting();
  const calls = await Promise.all(Array.from({ length: 20 }, () => call(listener.endpoint.port)));
  for (const [number, called] of calls.entries()) {
    say(called, `${number}`);
  }
  await expect.poll(() => received.length).toBe(20);
  expect(new Set(received).size).toBe(20);
  calls[0]?.connection.close('enough', listener.endpoint.nowUs());
  await expect.poll(() => connections.filter(({ isClosed }) => isClosed).length).toBe(1);
  connections.at(-1)?.close('kicked', listener.endpoint.nowUs());
  await expect.poll(() => calls.filter(({ connection }) => connection.isClosed).length).toBe(2);
});

test('a silent caller ends after the time of the listener', async () => {
  const clock = new FakeClock();
  const accepted = Promise.withResolvers<SrtConnection | undefined>();
  const socket = await bindUdp('127.0.0.1', 0);
  const onRequest = async (request: ConnectionRequest) => accepted.resolve(await request.accept(''));
  const listener = new SrtListener([socket], onRequest, clock, { idleTimeoutMs: 8_000 });
  onTestFinished(() => listener.close('over'));
  await call(listener.endpoint.port);
  const connection = await accepted.promise;
  await clock.advance(7_000);
  expect(connection?.isClosed).toBe(false);
  await clock.advance(10_000);
  expect(connection?.isClosed).toBe(true);
});

test.for([16, 24, 32] as const)('a passphrase with keys of %i bytes', async (keyBytes) => {
  const { listener, received } = await accepting('long enough');
  say(await call(listener.endpoint.port, { passphrase: 'long enough', keyBytes }), 'secret');
  await expect.poll(() => received).toEqual(['secret']);
});

test.for([
  ['another passphrase', 'long enough', 'something else', 'wrong passphrase'],
  ['none where one is expected', 'long enough', '', 'a passphrase is required, or none is expected'],
  ['one where none is expected', '', 'long enough', 'a passphrase is required, or none is expected'],
] as const)('%s is rejected', async ([, expected, given, message]) => {
  const { listener, connections } = await accepting(expected);
  await expect(call(listener.endpoint.port, { passphrase: given })).rejects.toThrow(
    `the SRT listener rejects: ${message}`,
  );
  expect(connections).toEqual([]);
});

test('a rejection has its reason', async () => {
  const listener = await listen((request) => request.reject(REJECT.notFound));
  await expect(call(listener.endpoint.port)).rejects.toMatchObject({ code: 'notFound', context: { reason: 2404 } });
});

test('a silent port is a timeout', async () => {
  const socket = await bindUdp('127.0.0.1', 0);
  onTestFinished(() => void socket.close());
  const options = { ip: '127.0.0.1', port: socket.address().port, streamId: '', passphrase: '', connectTimeoutMs: 300 };
  await expect(callSrt(options, systemClock, AbortSignal.timeout(5_000))).rejects.toMatchObject({ code: 'timeout' });
});

/** A caller that sends packets made by the test. */
async function rawCaller(port: number) {
  const socket: Socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  const answers: Handshake[] = [];
  socket.on('message', (packet) => answers.push(parseHandshake(packet)));
  const send = async (handshake: Handshake) => {
    const before = answers.length;
    socket.send(writeHandshake(handshake, { timestamp: 0, destination: 0 }), port, '127.0.0.1');
    await expect.poll(() => answers.length).toBeGreaterThan(before);
    return answers.at(-1) as Handshake;
  };
  const plain: Handshake = {
    ...{ version: 4, encryption: 0, extensionField: 2, initialSequence: 5, mtuBytes: 1500, flowWindow: 8192 },
    ...{ type: HANDSHAKE.induction, socketId: 77, cookie: 0, peerAddress: new Uint8Array(16) },
  };
  const { cookie } = await send(plain);
  const conclusion: Handshake = {
    ...{ ...plain, version: 5, extensionField: 1, type: HANDSHAKE.conclusion, cookie },
    capabilities: { version: 0x010501, flags: 0xbf, receiverDelayMs: 20, senderDelayMs: 20 },
  };
  return { send, conclusion, answers, socket };
}

test('nothing is stored for a caller before it returns its cookie', async () => {
  const requests: ConnectionRequest[] = [];
  const listener = await listen((request) => requests.push(request));
  const { conclusion, answers, socket } = await rawCaller(listener.endpoint.port);
  const wrong = writeHandshake({ ...conclusion, cookie: conclusion.cookie + 1 }, { timestamp: 0, destination: 0 });
  socket.send(wrong, listener.endpoint.port, '127.0.0.1');
  await expect.poll(() => listener.endpoint.ignored).toBe(1);
  expect([requests.length, listener.callers, answers.length]).toEqual([0, 0, 1]);
});

test('a repeated conclusion gets the same response, and opens nothing more', async () => {
  const { listener, connections } = await accepting();
  const { send, conclusion } = await rawCaller(listener.endpoint.port);
  const first = await send(conclusion);
  const second = await send(conclusion);
  expect(second).toEqual(first);
  expect(first).toMatchObject({
    type: HANDSHAKE.conclusion,
    initialSequence: 5,
    capabilities: { receiverDelayMs: 120 },
  });
  expect([connections.length, listener.callers]).toEqual([1, 1]);
});

test.for([
  ['version 4', { version: 4 }, REJECT.version],
  ['no capabilities', { capabilities: undefined }, REJECT.rogue],
  [
    'file mode',
    { capabilities: { version: 0x010501, flags: 0x40, receiverDelayMs: 0, senderDelayMs: 0 } },
    REJECT.messageApi,
  ],
  ['SRT 1.2', { capabilities: { version: 0x010200, flags: 0, receiverDelayMs: 0, senderDelayMs: 0 } }, REJECT.version],
  ['another congestion control', { congestion: 'file' }, REJECT.congestion],
  ['broken key material', { keyMaterial: new Uint8Array(8) }, REJECT.rogue],
] as const)('a conclusion with %s is rejected', async ([, change, reason]) => {
  const { listener, connections } = await accepting('long enough');
  const { send, conclusion } = await rawCaller(listener.endpoint.port);
  expect((await send({ ...conclusion, ...change })).type).toBe(reason);
  expect([connections.length, listener.callers]).toEqual([0, 0]);
});

test('connections of one address are limited', async () => {
  const listener = await listen(() => {});
  const { send, conclusion, socket } = await rawCaller(listener.endpoint.port);
  for (let socketId = 1_000; socketId < 1_256; socketId += 1) {
    socket.send(
      writeHandshake({ ...conclusion, socketId }, { timestamp: 0, destination: 0 }),
      listener.endpoint.port,
      '127.0.0.1',
    );
  }
  await expect.poll(() => listener.callers).toBe(256);
  expect((await send(conclusion)).type).toBe(REJECT.backlog);
});

test('the keys of one address are derived one after the other', async () => {
  const answered: Promise<unknown>[] = [];
  const listener = await listen((request) => answered.push(request.accept('long enough')));
  const { conclusion, socket } = await rawCaller(listener.endpoint.port);
  let [running, most] = [0, 0];
  const accept = Encryption.accept.bind(Encryption);
  const derived = vi.spyOn(Encryption, 'accept').mockImplementation(async (...given) => {
    running += 1;
    most = Math.max(most, running);
    return accept(...given).finally(() => {
      running -= 1;
    });
  });
  onTestFinished(() => derived.mockRestore());
  const keyMaterial = (await Encryption.create('something else', 16)).keyMaterial;
  for (let socketId = 1_000; socketId < 1_020; socketId += 1) {
    const request = writeHandshake({ ...conclusion, socketId, keyMaterial }, { timestamp: 0, destination: 0 });
    socket.send(request, listener.endpoint.port, '127.0.0.1');
  }
  await expect.poll(() => answered.length).toBe(20);
  expect(await Promise.all(answered)).toEqual(Array.from({ length: 20 }, () => undefined));
  expect([most, listener.callers]).toEqual([1, 0]);
});
