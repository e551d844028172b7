import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { answerNtp, TimeServer } from './time-server.ts';

/** 2026-11-21T00:00:00.500Z. */
const unixMs = 1_795_219_200_500;

/** A client's request of a version, with a transmit timestamp. */
function request(version = 4, mode = 3, length = 48): Buffer {
  const bytes = Buffer.alloc(length);
  bytes[0] = (version << 3) | mode;
  bytes.fill(0xa5, 40);
  return bytes;
}

test.for([1, 2, 3, 4])('a client of NTP version %i gets the time and its own timestamp back', (version) => {
  const answer = Buffer.from(answerNtp(request(version), { unixMs, isTrusted: true }) ?? []);
  expect(answer.length).toBe(48);
  // Leap indicator 0, the version of the request, mode 4.
  expect(answer[0]).toBe((version << 3) | 4);
  expect(answer[1]).toBe(10);
  expect(answer.subarray(24, 32)).toEqual(Buffer.alloc(8, 0xa5));
  expect(answer.readUInt32BE(40) - 2_208_988_800).toBe(Math.floor(unixMs / 1_000));
  expect(answer.readUInt32BE(44)).toBe(2 ** 31);
});

test('a box that does not know the time says so', () => {
  const answer = answerNtp(request(), { unixMs: 0, isTrusted: false });
  expect(answer?.[0]).toBe((3 << 6) | (4 << 3) | 4);
  expect(answer?.[1]).toBe(0);
});

test.for([
  ['of another server', request(4, 4)],
  ['of a control program', request(2, 6)],
  ['of version 0', request(0)],
  ['of version 7', request(7)],
  ['that is cut off', request().subarray(0, 47)],
  ['without bytes', Buffer.alloc(0)],
] as const)('a datagram %s gets no answer', ([, bytes]) => {
  expect(answerNtp(bytes, { unixMs, isTrusted: true })).toBeUndefined();
});

test('an answer is never longer than the request, whatever its bytes', () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed;
  };
  for (let i = 0; i < 5_000; i += 1) {
    const bytes = Buffer.from(Array.from({ length: random() % 128 }, () => random() & 255));
    const answer = answerNtp(bytes, { unixMs, isTrusted: random() % 2 === 0 });
    expect(answer?.length ?? 0).toBeLessThanOrEqual(bytes.length);
  }
});

test('a client asks over UDP; a closed server closes twice', async () => {
  const deps = { clock: { wallMs: () => unixMs }, log: silentLogger, isTrusted: () => true };
  const server = new TimeServer('127.0.0.1', deps, 0);
  await expect.poll(() => server.isServing).toBe(true);
  const client = createSocket('udp4');
  try {
    client.send(request(), server.port, '127.0.0.1');
    const [answer] = await once(client, 'message');
    expect(answer).toHaveLength(48);
  } finally {
    client.close();
    server.close();
    server.close();
  }
  expect(server.hasEnded).toBe(true);
});

test('an address that the box has not is a failure in the log, not of the process', async () => {
  const deps = { clock: { wallMs: () => unixMs }, log: silentLogger, isTrusted: () => true };
  const server = new TimeServer('203.0.113.77', deps, 0);
  await expect.poll(() => server.hasEnded).toBe(true);
});
