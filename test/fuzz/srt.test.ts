import { expect, test } from 'vitest';
import { PerchError } from '../../agent/base/errors.ts';
import { parseStreamId } from '../../agent/servers/srt/stream-id.ts';
import { SrtConnection } from '../../agent/transports/srt/connection.ts';
import { HANDSHAKE, parseHandshake, writeHandshake } from '../../agent/transports/srt/endpoint/handshake.ts';
import { parseKeyMaterial, writeKeyMaterial } from '../../agent/transports/srt/key-material.ts';
import { CONTROL, type ControlType, writeControlHeader } from '../../agent/transports/srt/packet.ts';
import { byLength } from '../peers/programs/peers.ts';
import { mutate } from '../support/base/mutate.ts';
import { random } from '../support/base/random.ts';

const ROUNDS = byLength(6_000, 20_000);

const keyMaterial = writeKeyMaterial({ keys: 1, keyBytes: 16, salt: new Uint8Array(16), wrapped: new Uint8Array(24) });
const handshake = writeHandshake(
  {
    ...{ version: 5, encryption: 2, extensionField: 7, initialSequence: 5, mtuBytes: 1500, flowWindow: 8192 },
    ...{ type: HANDSHAKE.conclusion, socketId: 77, cookie: 5, peerAddress: new Uint8Array(16) },
    capabilities: { version: 0x010501, flags: 0xbf, receiverDelayMs: 20, senderDelayMs: 20 },
    keyMaterial,
    streamId: 'publish:door:tom:secret',
    congestion: 'live',
  },
  { timestamp: 1, destination: 0 },
);

test.for([
  ['handshakes', handshake, (bytes: Buffer): unknown => parseHandshake(bytes)],
  ['key material', keyMaterial, (bytes: Buffer): unknown => parseKeyMaterial(bytes)],
] as const)('damaged %s are read or rejected', ([, valid, parse]) => {
  const next = random(3);
  let rejected = 0;
  for (let i = 0; i < ROUNDS; i += 1) {
    try {
      parse(Buffer.from(mutate(valid, next)));
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
      rejected += 1;
    }
  }
  expect(rejected).toBeGreaterThan(0);
});

test('damaged stream IDs are read or rejected', () => {
  const next = random(6);
  const seeds = ['publish:yard/door:tom:secret:a=1', '#!::m=publish,r=door,u=tom,s=secret'];
  for (let i = 0; i < ROUNDS; i += 1) {
    const text = Buffer.from(mutate(Buffer.from(seeds[i % 2] ?? ''), next)).toString();
    try {
      expect(['read', 'publish']).toContain(parseStreamId(text).action);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

function control(type: ControlType, info: number, ...words: number[]): Buffer {
  const packet = Buffer.alloc(16 + 4 * words.length);
  writeControlHeader(packet, type, type === CONTROL.user ? 3 : 0, info, 1_000, 1);
  for (const [i, word] of words.entries()) {
    packet.writeUInt32BE(word >>> 0, 16 + 4 * i);
  }
  return packet;
}

test('damaged packets of a peer neither break a connection nor make it send without end', () => {
  const data = Buffer.alloc(16 + 1316);
  data.writeUInt32BE(105, 0);
  data.writeUInt32BE(0xe0000001, 4);
  const valid = [
    ...[data, control(CONTROL.keepalive, 0), control(CONTROL.ackAck, 1), control(CONTROL.nak, 0, 0x80000064, 110, 115)],
    ...[control(CONTROL.ack, 1, 110, 20_000, 5_000, 8_000, 100, 1_000, 100_000), control(CONTROL.ack, 0, 108)],
    ...[control(CONTROL.dropRequest, 0, 100, 104), control(CONTROL.user, 0, 1, 2, 3), control(CONTROL.congestion, 0)],
  ];
  const next = random(5);
  let sent = 0;
  const connect = (nowUs: number): SrtConnection =>
    new SrtConnection(
      {
        ...{ socketId: 1, peerSocketId: 2, ip: '192.0.2.1', port: 9, firstSequence: 100, peerFirstSequence: 100 },
        ...{ latencyMs: 120, peerLatencyMs: 120, peerFlowWindow: 8192, encryption: undefined },
        ...{ startUs: 0, peerTimestamp: 0, peerArrivedUs: nowUs },
      },
      () => {
        sent += 1;
      },
      () => {},
      nowUs,
    );
  let connection = connect(0);
  const payload = Buffer.alloc(1316);
  for (let i = 0; i < ROUNDS; i += 1) {
    const nowUs = i * 1_000;
    const packet = valid[Math.floor(next() * valid.length)] as Buffer;
    connection.receive(Buffer.from(mutate(packet, next)), nowUs);
    connection.write(payload, 0, payload.length, 1316, nowUs);
    if (i % 10 === 0) {
      connection.tick(nowUs);
    }
    connection = connection.isClosed ? connect(nowUs) : connection;
  }
  const { packetsSendBuf, packetsReceiveBuf } = connection.values;
  expect(packetsSendBuf).toBeLessThanOrEqual(8_160);
  expect(packetsReceiveBuf).toBeLessThanOrEqual(8_160);
  expect(sent).toBeLessThan(40 * ROUNDS);
});
