// @also without-ffi

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { constants } from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import { describeNative } from '../../../../test/support/base/native-tests.ts';
import { writeCheck } from '../../../../test/support/clients/webrtc/ice-client.ts';
import { BurstSender } from '../../../native/burst-sender.ts';
import { SLOT_BYTES } from '../../../native/packet-memory.ts';
import type { Peer, Transport } from '../../../transports/webrtc/link/transport.ts';
import { MAX_BATCH, packets } from '../../../transports/webrtc/srtp/srtp.ts';
import { UdpPort } from './udp-port.ts';
import { prepareBursts } from './udp-socket.ts';
import { UfragTable } from './ufrag-table.ts';

const PACKET_BYTES = 1_000;

afterEach(() => vi.restoreAllMocks());

/** A viewer's route, and the numbers of the packets that it receives. */
async function openRoute(host: '127.0.0.1' | '::1' = '127.0.0.1') {
  await prepareBursts();
  const ufrags = new UfragTable();
  const udp = new UdpPort(ufrags);
  await udp.listen(host === '::1' ? '[::1]:0' : `${host}:0`);
  const client = createSocket({ type: host === '::1' ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
  client.bind(0, host);
  await once(client, 'listening');
  const received: number[] = [];
  client.on('message', (packet) => received.push(packet.readUInt32BE(0)));
  const transport = await new Promise<Transport>((resolve) => {
    const peer: Peer = {
      onCheck: (_datagram, _request, from) => {
        from.admit(peer);
        resolve(from);
      },
      onDatagram: () => {},
      onTransportClosed: () => {},
    };
    ufrags.register('ours', peer);
    client.send(writeCheck({ ufrag: 'ours', password: 'secret' }).bytes, udp.port, host);
  });
  let sent = 0;
  return {
    received,
    /** Packets of one size, the last one shorter, numbered in sequence. */
    sendBatch(count: number): void {
      for (let i = 0; i < count; i += 1) {
        packets.lengths[i] = i === count - 1 ? PACKET_BYTES / 2 : PACKET_BYTES;
        packets.view.setUint32(SLOT_BYTES * i, sent);
        sent += 1;
      }
      transport.sendPackets(packets, count);
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await udp.close();
    },
  };
}

/** Fails like sendmsg(2) at these calls, counted from 0. @returns how often bursts are tried */
function failAt(calls: readonly number[], errno: number): () => number {
  const send = BurstSender.prototype.send;
  const spy = vi.spyOn(BurstSender.prototype, 'send').mockImplementation(function (this: BurstSender, ...args) {
    return calls.includes(spy.mock.calls.length - 1) ? errno : send.apply(this, args);
  });
  return () => spy.mock.calls.length;
}

const numbersTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const HOSTS = ['127.0.0.1', '::1'] as const;
const ERRORS = ['EIO', 'EINVAL', 'EMSGSIZE', 'ENOBUFS', 'EAGAIN', 'ENETUNREACH'] as const;

test.for(HOSTS.flatMap((host) => ERRORS.map((name) => [host, name] as const)))(
  'to %s after %s within a batch each packet arrives once and in order',
  async ([host, name]) => {
    await using route = await openRoute(host);
    failAt([1, 5], constants.errno[name]);
    for (let batch = 0; batch < 4; batch += 1) {
      route.sendBatch(40);
    }
    await expect.poll(() => route.received.length).toBe(160);
    expect(route.received).toEqual(numbersTo(160));
  },
);

describeNative('with node:ffi', () => {
  test.for(['EIO', 'EINVAL', 'EMSGSIZE'] as const)(
    'a route that rejects bursts (%s) gets the next 1,500 batches packet by packet, then bursts again',
    async (name) => {
      await using route = await openRoute();
      const tries = failAt([0], constants.errno[name]);
      for (let batch = 0; batch <= 1_500; batch += 1) {
        route.sendBatch(2);
        await expect.poll(() => route.received.length, { interval: 1 }).toBe(2 * (batch + 1));
      }
      expect(tries()).toBe(1);
      route.sendBatch(MAX_BATCH);
      await expect.poll(() => route.received.length).toBe(2 * 1_501 + MAX_BATCH);
      expect(tries()).toBe(1 + MAX_BATCH / 16);
      expect(route.received).toEqual(numbersTo(2 * 1_501 + MAX_BATCH));
    },
  );

  test.for(['ENOBUFS', 'EAGAIN', 'ENETUNREACH'] as const)(
    'after %s, which is no fault of the route, the next batch is a burst again',
    async (name) => {
      await using route = await openRoute();
      const tries = failAt([0], constants.errno[name]);
      route.sendBatch(16);
      await expect.poll(() => route.received.length).toBe(16);
      route.sendBatch(16);
      await expect.poll(() => route.received.length).toBe(32);
      expect(tries()).toBe(2);
    },
  );
});
