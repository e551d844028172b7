import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import type { WantedPort } from './contract.ts';
import { NatPmpClient, PcpClient } from './port-control-client.ts';

const HTTPS: WantedPort = { name: 'https', transport: 'tcp', port: 8_443 };
const NONCE = Buffer.from('0102030405060708090a0b0c', 'hex');
const signal = new AbortController().signal;

/** A router on loopback. @param reply datagrams that it sends for a request */
async function router(reply: (request: Buffer) => readonly Uint8Array[]) {
  const socket = createSocket('udp4');
  const asked: Buffer[] = [];
  socket.on('message', (request, { port, address }: RemoteInfo) => {
    asked.push(request);
    for (const one of reply(request)) {
      socket.send(one, port, address);
    }
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => new Promise<void>((done) => socket.close(() => done())));
  const options = {
    ...{ clock: systemClock, own: '127.0.0.1', gateway: '127.0.0.1', port: socket.address().port },
    nonceOf: () => NONCE,
  };
  return { asked, socket, pcp: new PcpClient(options), natPmp: new NatPmpClient(options) };
}

/** The answer to a PCP request. */
function pcpAnswer(request: Buffer, { result = 0, outsidePort = 8_443, nonce = request.subarray(24, 36) } = {}) {
  const answer = Buffer.from(request);
  answer[1] = (answer[1] ?? 0) | 0x80;
  answer[3] = result;
  answer.writeUInt32BE(100, 8);
  answer.fill(0, 12, 24);
  if (answer.length >= 60) {
    nonce.copy(answer, 24);
    answer.writeUInt16BE(outsidePort, 42);
    answer.set([93, 184, 216, 7], 56);
  }
  return answer;
}

test('a PCP router grants another port, and is told to remove it', async () => {
  const { asked, pcp } = await router((request) => [pcpAnswer(request, { outsidePort: 20_000 })]);
  expect(await pcp.map(HTTPS, 8_443, 3_600, signal)).toEqual({
    outsidePort: 20_000,
    outsideIp: '93.184.216.7',
    lifetimeS: 3_600,
  });
  expect((await pcp.check(signal)).outsideIp).toBe('93.184.216.7');
  await pcp.unmap(HTTPS, 20_000, signal);
  expect([asked.at(-1)?.readUInt32BE(4), asked.at(-1)?.readUInt16BE(42)]).toEqual([0, 0]);
  expect(asked.at(-1)?.subarray(24, 36)).toEqual(NONCE);
});

test('a PCP router that refuses to remove a mapping is asked for the shortest lifetime, as miniupnpd needs it', async () => {
  const { asked, pcp } = await router((request) => [
    pcpAnswer(request, { result: request.readUInt32BE(4) === 0 ? 2 : 0 }),
  ]);
  await pcp.unmap(HTTPS, 8_443, signal);
  expect(asked.map((request) => request.readUInt32BE(4))).toEqual([0, 1]);
  const other = await router((request) => [pcpAnswer(request, { result: 2 })]);
  await expect(other.pcp.unmap(HTTPS, 8_443, signal)).rejects.toMatchObject({ context: { why: 'refused' } });
});

test('the outside address is asked for without a mapping: one that does not exist is removed', async () => {
  const { asked, pcp } = await router((request) => [pcpAnswer(request, { result: request[1] === 1 ? 8 : 0 })]);
  expect(await pcp.check(signal)).toEqual({ outsideIp: '93.184.216.7', hasRestarted: false });
  // Opcode and lifetime.
  expect(asked.map((request) => [request[1], request.readUInt32BE(4)])).toEqual([
    [0, 0],
    [1, 0],
  ]);
  await pcp.check(signal);
  expect(asked).toHaveLength(3);
});

test('answers to others are ignored, and nonsense', async () => {
  const other = Buffer.alloc(12, 7);
  const { pcp } = await router((request) => [
    Buffer.from('nonsense'),
    pcpAnswer(request, { outsidePort: 1, nonce: other }),
    pcpAnswer(request, { outsidePort: 2 }),
  ]);
  expect((await pcp.map(HTTPS, 8_443, 3_600, signal)).outsidePort).toBe(2);
});

test.for([
  [2, 'refused'],
  [7, 'offline'],
  [8, 'full'],
  [11, 'taken'],
  [99, 'other'],
] as const)('code %i of PCP is %s', async ([result, why]) => {
  const { pcp } = await router((request) => [pcpAnswer(request, { result })]);
  await expect(pcp.map(HTTPS, 8_443, 3_600, signal)).rejects.toMatchObject({ context: { why } });
});

test('a NAT-PMP router answers PCP with its own version, and NAT-PMP with its address', async () => {
  const { pcp, natPmp } = await router((request) => [
    request[0] === 2 ? Buffer.from('0080000100000005', 'hex') : Buffer.from('0080000000000005644001fe', 'hex'),
  ]);
  await expect(pcp.check(signal)).rejects.toMatchObject({ context: { why: 'noProtocol' } });
  expect(await natPmp.check(signal)).toEqual({ outsideIp: '100.64.1.254', hasRestarted: false });
});

test('a request that gets lost is sent again', async () => {
  let heard = 0;
  const { natPmp } = await router((request) => {
    heard += 1;
    return heard < 3 || request[1] !== 2 ? [] : [Buffer.from('008200000000000920fb20fb00000e10', 'hex')];
  });
  expect(await natPmp.map(HTTPS, 8_443, 3_600, signal)).toEqual({ outsidePort: 8_443, lifetimeS: 3_600 });
});

test('without a router the question ends, also when it is taken back', async () => {
  const { natPmp, socket } = await router(() => []);
  await expect(natPmp.check(signal)).rejects.toMatchObject({ code: 'timeout', context: { why: 'unanswered' } });
  const stop = new AbortController();
  const asking = natPmp.check(stop.signal);
  stop.abort();
  await expect(asking).rejects.toMatchObject({ code: 'timeout' });
  await expect(natPmp.check(stop.signal)).rejects.toThrow();
  expect((socket as Socket).address().port).toBeGreaterThan(0);
});
