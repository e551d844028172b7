import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type ByteImpairment, ByteLink } from '../../impair/byte-link.ts';
import { Fates, type PacketImpairment, PacketLink } from '../../impair/packet-link.ts';
import { Relay } from '../../impair/relay.ts';
import { field, portsIn, RtspCutter, withPorts } from '../../impair/rtsp-text.ts';
import { until } from '../../peers/agent/agent.ts';
import { FakeClock } from '../../support/base/fake-clock.ts';
import { UdpPair } from '../../support/clients/webrtc/udp-pair.ts';

const fatesOf = (impairment: PacketImpairment, count: number) => {
  const fates = new Fates(impairment);
  return Array.from({ length: count }, () => fates.next());
};
const packet = (number: number) => Uint8Array.of(number >> 8, number & 0xff);
const numberOf = (bytes: Uint8Array) => ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);

describe('fates of packets', () => {
  const everything: PacketImpairment = {
    seed: 7,
    loss: 0.02,
    bursts: { share: 0.005, packets: 8 },
    duplicates: 0.1,
    reorder: { share: 0.1, heldMs: 30 },
    jitterMs: 40,
  };

  test('the same seed results in the same losses, another one in others', () => {
    expect(fatesOf(everything, 1_000)).toEqual(fatesOf(everything, 1_000));
    expect(fatesOf({ ...everything, seed: 8 }, 1_000)).not.toEqual(fatesOf(everything, 1_000));
  });

  test('by default nothing is impaired', () => {
    expect(fatesOf({ seed: 1 }, 1_000)).toEqual(Array(1_000).fill([0]));
  });

  test('about the requested share is lost, whatever happens to the others', () => {
    const lost = (impairment: PacketImpairment) =>
      fatesOf(impairment, 10_000).flatMap((fate, i) => (fate.length === 0 ? [i] : []));
    const alone = lost({ seed: 3, loss: 0.02 });
    expect(alone.length).toBeGreaterThan(150);
    expect(alone.length).toBeLessThan(250);
    expect(lost({ seed: 3, loss: 0.02, duplicates: 0.5, jitterMs: 40 })).toEqual(alone);
  });

  test('the n-th transmission of a content has the same fate, whatever is sent between', () => {
    const lossesOf = (contents: readonly (number | undefined)[]) => {
      const fates = new Fates({ seed: 3, loss: 0.3, contentOf: () => undefined });
      const lost = new Map<number, boolean[]>();
      for (const content of contents) {
        const isLost = fates.next(content).length === 0;
        if (content !== undefined) {
          lost.set(content, [...(lost.get(content) ?? []), isLost]);
        }
      }
      return [...lost].sort(([a], [b]) => a - b);
    };
    const contents = Array.from({ length: 1_000 }, (_, content) => content);
    const inOrder = lossesOf([...contents, ...contents]);
    expect(lossesOf([...contents.toReversed(), undefined, ...contents])).toEqual(inOrder);
    const shareOf = (transmission: number) => inOrder.filter(([, lost]) => lost[transmission]).length / contents.length;
    expect(shareOf(0)).toBeCloseTo(0.3, 1);
    expect(shareOf(1)).toBeCloseTo(0.3, 1);
  });

  test('a burst loses the given number of consecutive packets', () => {
    const fates = fatesOf({ seed: 5, bursts: { share: 0.01, packets: 8 } }, 10_000);
    const runs =
      fates
        .map((fate) => (fate.length === 0 ? 'x' : '.'))
        .join('')
        .match(/x+/g) ?? [];
    expect(runs.length).toBeGreaterThan(50);
    expect(runs.filter((run) => run.length % 8 !== 0)).toEqual([]);
  });

  test('the first packets are spared, without effect on the others', () => {
    const spared = fatesOf({ ...everything, sparedPackets: 100 }, 1_000);
    expect(spared.slice(0, 100)).toEqual(Array(100).fill([0]));
    expect(fatesOf({ ...everything, bursts: { share: 0, packets: 0 }, sparedPackets: 100 }, 1_000).slice(100)).toEqual(
      fatesOf({ ...everything, bursts: { share: 0, packets: 0 } }, 1_000).slice(100),
    );
  });

  test('duplicates arrive twice, each with its own delay', () => {
    const fates = fatesOf({ seed: 5, duplicates: 0.2, jitterMs: 40 }, 10_000);
    const twice = fates.filter((fate) => fate.length === 2);
    expect(twice.length).toBeGreaterThan(1_800);
    expect(twice.length).toBeLessThan(2_200);
    expect(twice.every(([first, second]) => first !== second)).toBe(true);
    expect(Math.max(...fates.flat())).toBeLessThan(40);
  });
});

/** Pushes packets 0, 1, 2 … one each `everyMs`, then waits for the rest. @returns the order of arrival */
async function through(impairment: PacketImpairment, count: number, everyMs: number): Promise<number[]> {
  const clock = new FakeClock();
  const came: number[] = [];
  const link = new PacketLink(impairment, clock, (bytes) => came.push(numberOf(bytes)));
  for (let i = 0; i < count; i += 1) {
    link.push(packet(i));
    await clock.advance(everyMs);
  }
  await clock.advance(1_000);
  link.close();
  return came;
}

describe('a link for datagrams', () => {
  test('those that are held back are overtaken by as many as come meanwhile', async () => {
    const came = await through({ seed: 2, reorder: { share: 0.1, heldMs: 25 } }, 200, 10);
    expect([...came].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    const late = came.filter((number, i) => came.slice(0, i).some((before) => before > number));
    expect(late.length).toBeGreaterThan(10);
    expect(came).toEqual(await through({ seed: 2, reorder: { share: 0.1, heldMs: 25 } }, 200, 10));
  });

  test('jitter loses nothing, and keeps none longer than it says', async () => {
    const clock = new FakeClock();
    const delays: number[] = [];
    const link = new PacketLink({ seed: 4, jitterMs: 40 }, clock, (bytes) =>
      delays.push(clock.monoMs() - numberOf(bytes) * 5),
    );
    for (let i = 0; i < 200; i += 1) {
      link.push(packet(i));
      await clock.advance(5);
    }
    await clock.advance(40);
    expect(delays).toHaveLength(200);
    expect(Math.max(...delays)).toBeLessThan(40);
    expect(Math.max(...delays)).toBeGreaterThan(30);
  });

  test('over a bottleneck packets arrive at its rate, and those beyond its queue are lost', async () => {
    const clock = new FakeClock();
    const came: [number, number][] = [];
    const bandwidth = { bitsPerSecond: 8_000, queueBytes: 10 };
    const link = new PacketLink({ seed: 1, bandwidth }, clock, (bytes) => came.push([numberOf(bytes), clock.monoMs()]));
    // A byte each millisecond; ten packets of two at once.
    const copies = Array.from({ length: 10 }, (_, i) => link.push(packet(i)));
    await clock.advance(100);
    expect(copies).toEqual([1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
    expect(came).toEqual([
      [0, 2],
      [1, 4],
      [2, 6],
      [3, 8],
      [4, 10],
    ]);
  });

  test('a stall delays packets to its end; a black hole drops them', () => {
    const came: number[] = [];
    const link = new PacketLink({ seed: 1 }, new FakeClock(), (bytes) => came.push(numberOf(bytes)));
    link.push(packet(0));
    link.state = 'stalled';
    link.push(packet(1));
    link.push(packet(2));
    expect(came).toEqual([0]);
    link.state = 'open';
    expect(came).toEqual([0, 1, 2]);
    link.state = 'blackHole';
    expect(link.push(packet(3))).toBe(0);
    link.state = 'open';
    link.push(packet(4));
    expect(came).toEqual([0, 1, 2, 4]);
  });
});

describe('a link for bytes', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  const open = (impairment: ByteImpairment) => {
    const clock = new FakeClock();
    const came: [number, number][] = [];
    const all: number[] = [];
    const link = new ByteLink(impairment, clock, (part) => {
      came.push([part.length, clock.monoMs()]);
      all.push(...part);
    });
    return { clock, came, all, link };
  };

  test('over a bottleneck they come at its pace', async () => {
    const { clock, came, all, link } = open({ seed: 1, bitsPerSecond: 8_000 });
    const over = link.carry(bytes);
    await clock.advance(100);
    expect(await over).toBe(true);
    expect(came).toEqual([20, 40, 60, 80, 100].map((ms) => [20, ms]));
    expect(all).toEqual([...bytes]);
  });

  test('jitter delays them by the same in each run', async () => {
    const delays = async () => {
      const { clock, came, link } = open({ seed: 9, jitterMs: 40 });
      for (let i = 0; i < 10; i += 1) {
        const over = link.carry(bytes);
        await clock.advance(40);
        await over;
      }
      return came.map(([, ms], i) => ms - i * 40);
    };
    const first = await delays();
    expect(first).toEqual(await delays());
    expect(first.every((ms) => ms >= 0 && ms < 40)).toBe(true);
    expect(new Set(first).size).toBeGreaterThan(1);
  });

  test('a stall keeps them, a black hole swallows them', async () => {
    const { all, link } = open({ seed: 1 });
    link.state = 'stalled';
    const over = link.carry(bytes.subarray(0, 10));
    await Promise.resolve();
    expect(all).toEqual([]);
    link.state = 'open';
    await over;
    expect(all).toHaveLength(10);
    link.state = 'blackHole';
    expect(await link.carry(bytes.subarray(10, 20))).toBe(true);
    link.state = 'open';
    await link.carry(bytes.subarray(20, 30));
    expect(all).toEqual([...bytes.subarray(0, 10), ...bytes.subarray(20, 30)]);
  });

  test('the connection is cut after the requested byte', async () => {
    const { all, link } = open({ seed: 1, cutAfterBytes: 25 });
    expect(await link.carry(bytes.subarray(0, 20))).toBe(true);
    expect(await link.carry(bytes.subarray(20, 40))).toBe(false);
    expect(all).toEqual([...bytes.subarray(0, 25)]);
  });
});

const SETUP = [
  'SETUP rtsp://127.0.0.1/cam/stream=0 RTSP/1.0',
  'CSeq: 4',
  'Transport: RTP/AVP;unicast;client_port=5000-5001',
  '',
  '',
].join('\r\n');
const SETUP_REPLY = [
  'RTSP/1.0 200 OK',
  'CSeq: 4',
  'transport: RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;ssrc=12345678',
  'Session: 1',
  '',
  '',
].join('\r\n');
const DESCRIBE_REPLY = 'RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Length: 9\r\n\r\nv=0\r\n\r\n\r\n';
const FRAME = Buffer.from('2400000461626364', 'hex');

describe('RTSP between a client and a server', () => {
  test('messages and frames are found wherever the chunks end', () => {
    const pieces = [Buffer.from(SETUP), FRAME, Buffer.from(DESCRIBE_REPLY), Buffer.from(SETUP_REPLY)];
    const stream = Buffer.concat(pieces);
    for (const sizeBytes of [1, 7, 100, stream.length]) {
      const cutter = new RtspCutter();
      const found: Buffer[] = [];
      for (let at = 0; at < stream.length; at += sizeBytes) {
        found.push(...cutter.push(stream.subarray(at, at + sizeBytes)));
      }
      expect(found.map(String)).toEqual(pieces.map(String));
    }
  });

  test('UDP ports are read and replaced in the Transport header alone', () => {
    const reply = Buffer.from(SETUP_REPLY);
    expect(portsIn(reply, 'client_port')).toEqual([5000, 5001]);
    expect(portsIn(reply, 'server_port')).toEqual([6000, 6001]);
    expect(portsIn(Buffer.from(SETUP), 'server_port')).toBeUndefined();
    const changed = withPorts(reply, { client_port: [7000, 7001], server_port: [8000, 8001] });
    expect(changed.toString()).toBe(SETUP_REPLY.replace('5000-5001', '7000-7001').replace('6000-6001', '8000-8001'));
    expect(withPorts(Buffer.from(DESCRIBE_REPLY), { client_port: [1, 2] }).toString()).toBe(DESCRIBE_REPLY);
  });
});

/** A server that answers every SETUP with its own UDP ports. */
async function setupServer(udp: UdpPair) {
  const requests: Buffer[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (request: Buffer) => {
      requests.push(request);
      const clientPort = portsIn(request, 'client_port') ?? [0, 0];
      socket.write(
        withPorts(Buffer.from(SETUP_REPLY), { client_port: clientPort, server_port: udp.ports as [number, number] }),
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    requests,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) {
        socket.destroy();
      }
      server.close();
      await once(server, 'close');
    },
  };
}

describe('the relay', () => {
  test("client and server know each other's UDP ports as the relay's, and hear each other through them", async () => {
    await using clientUdp = await UdpPair.open();
    await using serverUdp = await UdpPair.open();
    await using server = await setupServer(serverUdp);
    const seen: [number, boolean][] = [];
    const watch = () => ({ toClient: (_: Uint8Array, copies: number, isRtp: boolean) => seen.push([copies, isRtp]) });
    await using relay = await Relay.start({ to: server.port, datagrams: { seed: 1 }, watch });
    const client = connect(relay.port, '127.0.0.1');
    client.write(withPorts(Buffer.from(SETUP), { client_port: clientUdp.ports as [number, number] }));
    const [reply] = (await once(client, 'data')) as [Buffer];
    expect(portsIn(reply, 'client_port')).toEqual(clientUdp.ports);
    const relayPorts = portsIn(reply, 'server_port') ?? [0, 0];
    expect(relayPorts).toEqual(portsIn(server.requests[0] ?? Buffer.alloc(0), 'client_port'));
    expect(relayPorts[0] % 2).toBe(0);

    await serverUdp.send('rtp', Buffer.from('picture'), relayPorts[0]);
    await serverUdp.send('rtcp', Buffer.from('report'), relayPorts[1]);
    await clientUdp.send('rtcp', Buffer.from('answer'), relayPorts[1]);
    await clientUdp.until(() => clientUdp.rtp.length === 1 && clientUdp.rtcp.length === 1);
    await serverUdp.until(() => serverUdp.rtcp.length === 1);
    expect([clientUdp.rtp, clientUdp.rtcp, serverUdp.rtcp].flat().map(String)).toEqual(['picture', 'report', 'answer']);
    expect(seen.sort()).toEqual([
      [1, false],
      [1, true],
    ]);
    client.destroy();
  });

  test('a cut connection ends for both sides, at the requested byte', async () => {
    await using udp = await UdpPair.open();
    await using server = await setupServer(udp);
    await using relay = await Relay.start({
      to: server.port,
      bytes: (connection) => ({ seed: 1, ...(connection === 0 ? { cutAfterBytes: 10 } : {}) }),
    });
    const first = connect(relay.port, '127.0.0.1');
    const heard: Buffer[] = [];
    first.on('data', (chunk: Buffer) => heard.push(chunk));
    first.write(SETUP);
    await once(first, 'close');
    expect(Buffer.concat(heard).toString()).toBe(SETUP_REPLY.slice(0, 10));

    const second = connect(relay.port, '127.0.0.1');
    second.write(SETUP);
    await once(second, 'data');
    const closed = [once(second, 'close'), once(server.sockets[1] as Socket, 'close')];
    relay.cut();
    await Promise.all(closed);
    expect(relay.connections).toBe(2);
  });

  test('in a black hole connections are accepted and nothing else happens; after a stall all data arrives', async () => {
    await using udp = await UdpPair.open();
    await using server = await setupServer(udp);
    await using relay = await Relay.start({ to: server.port });
    relay.state = 'blackHole';
    const client = connect(relay.port, '127.0.0.1');
    client.write(SETUP);
    await until(() => (relay.swallowedBytes === SETUP.length ? true : undefined));
    relay.state = 'stalled';
    client.write(SETUP.replace('CSeq: 4', 'CSeq: 5'));
    expect(server.requests).toEqual([]);
    relay.state = 'open';
    await once(client, 'data');
    expect(server.requests.map((request) => field(request.toString(), 'CSeq'))).toEqual(['5']);
    client.destroy();
  });
});
