// @also without-ffi in long

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { freeUdpPair } from '../../../test/support/base/free-port.ts';
import { describeInRounds } from '../../../test/support/base/native-tests.ts';
import { SourceRun } from '../../../test/support/cameras/source-run.ts';
import { bound, soundFrom, soundPacket } from '../../../test/support/cameras/udp-camera.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { RtpSource, type RtpSourceOptions } from './source.ts';

const PCMU = 'v=0\r\ns=-\r\nm=audio 5004 RTP/AVP 0\r\n';
const TWO = `${PCMU}m=audio 5004 RTP/AVP 8\r\n`;

const start = (
  url: string,
  options: Partial<RtpSourceOptions> = {},
  clock: typeof systemClock | FakeClock = systemClock,
  toleratedDelayMs = 0,
) =>
  new SourceRun(
    new RtpSource(
      { name: 'garden', url, rtpSDP: PCMU, readTimeoutMs: 5_000, readBufferBytes: 0, ...options },
      clock,
      silentLogger,
    ),
    toleratedDelayMs,
  );

/** Sends until samples arrive: the source binds its port in the background. */
async function sendUntil(run: SourceRun, count: number, send: (round: number) => void): Promise<void> {
  let round = 0;
  const timer = setInterval(() => {
    send(round);
    round += 1;
  }, 20);
  try {
    await run.sampled(count);
  } finally {
    clearInterval(timer);
  }
}

async function sender(address = '127.0.0.1') {
  const socket = await bound(0, address);
  onTestFinished(() => void socket.close());
  return socket;
}

const withType = (packet: Uint8Array, payloadType: number): Uint8Array => {
  const other = packet.slice();
  other[1] = payloadType;
  return other;
};

test('packets to a UDP port are a stream', async () => {
  const [port] = await freeUdpPair();
  const socket = await sender();
  await using run = start(`udp+rtp://127.0.0.1:${port}`);
  await sendUntil(run, 5, (round) => void socket.send(soundPacket(round), port, '127.0.0.1'));
  expect(run.tracks).toMatchObject([{ codec: 'g711', law: 'mu' }]);
  expect(run.samples.slice(0, 5).map(({ sample }) => sample.pts)).toEqual([0, 160, 320, 480, 640]);
  expect(run.source.statistics).toMatchObject({ transport: 'UDP', lost: 0 });
});

await describeInRounds('over UDP', () => {
  test('packets for the recorder alone are read in rounds, for a viewer at once', async () => {
    const [port] = await freeUdpPair();
    const socket = await sender();
    const clock = new FakeClock();
    await using run = start(`udp+rtp://127.0.0.1:${port}`, { readTimeoutMs: 60_000 }, clock, 100);
    let sent = 0;
    const send = async (count: number, everyMs: number) => {
      for (let i = 0; i < count; i += 1) {
        socket.send(soundPacket(sent), port, '127.0.0.1');
        sent += 1;
        await clock.advance(everyMs);
      }
    };
    while (run.samples.length === 0) {
      await send(1, 20);
    }
    await send(12_000 / 20, 20);
    const before = run.samples.length;
    await send(3, 0);
    expect(run.samples.length).toBe(before);
    await clock.advance(97);
    expect(run.samples.at(-1)?.sample.data[0]).toBe((sent - 1) & 0xff);
    await send(2, 0);
    run.stream?.addReader({ id: 'viewer', onSample: () => {}, onTrack: () => {}, onEnd: () => {} }, false);
    expect(run.samples.at(-1)?.sample.data[0]).toBe((sent - 1) & 0xff);
    await send(1, 0);
    expect(run.samples.at(-1)?.sample.data[0]).toBe((sent - 1) & 0xff);
    expect(run.source.statistics).toMatchObject({ lost: 0, late: 0, jumps: 0 });
  });
});

test('packets to a multicast group are a stream, and the end of the run leaves the group', async () => {
  const [port] = await freeUdpPair();
  const group = '239.255.77.2';
  const socket = await sender();
  socket.setMulticastInterface('127.0.0.1');
  {
    await using run = start(`udp+rtp://${group}:${port}?interface=lo`);
    await sendUntil(run, 5, (round) => void socket.send(soundPacket(round), port, group));
    expect(run.source.statistics).toMatchObject({ transport: 'UDP-multicast', lost: 0 });
  }
  const alone = createSocket('udp4');
  alone.bind(port, group);
  await once(alone, 'listening');
  alone.close();
});

test('with source= packets of other senders are ignored', async () => {
  const [port] = await freeUdpPair();
  const [wanted, other] = [await sender('127.0.0.2'), await sender('127.0.0.3')];
  await using run = start(`udp+rtp://127.0.0.1:${port}?source=127.0.0.2`);
  await sendUntil(run, 4, (round) => {
    other.send(soundPacket(1000 + round), port, '127.0.0.1');
    wanted.send(soundPacket(round), port, '127.0.0.1');
  });
  expect(run.samples.map(({ sample }) => sample.data[0])).toEqual(
    run.samples.map((_, i) => (run.samples[0]?.sample.data[0] ?? 0) + i),
  );
});

test('packets out of order are put in order, and two tracks share a port by their payload types', async () => {
  const [port] = await freeUdpPair();
  const socket = await sender();
  await using run = start(`udp+rtp://127.0.0.1:${port}`, { rtpSDP: TWO });
  await sendUntil(run, 12, (round) => {
    for (const number of [2 * round + 1, 2 * round]) {
      socket.send(soundPacket(number), port, '127.0.0.1');
    }
    socket.send(withType(soundPacket(round), 8), port, '127.0.0.1');
    socket.send(withType(soundPacket(round), 111), port, '127.0.0.1');
  });
  expect(run.tracks).toMatchObject([{ law: 'mu' }, { law: 'a' }]);
  const { reordered = 0, badPackets = 0 } = run.source.statistics ?? {};
  expect(reordered).toBeGreaterThan(0);
  expect(badPackets).toBeGreaterThan(0);
  const times = run.samples.filter(({ track }) => track === 0).map(({ sample }) => sample.pts);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test('a local socket carries packets that are read together', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-rtp-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'rtp.sock');
  await using run = start(`unix+rtp://${path}`);
  const socket = await new Promise<ReturnType<typeof connect>>((resolve) => {
    const attempt = () => {
      const one = connect(path, () => resolve(one));
      one.on('error', () => setTimeout(attempt, 10));
    };
    attempt();
  });
  socket.write(Buffer.concat(soundFrom(0, 5)));
  await run.sampled(5);
  expect(run.samples.map(({ sample }) => sample.data[0])).toEqual([0, 1, 2, 3, 4]);
  socket.end();
  expect(await run.failure()).toContain('the sender has closed the connection');
});

test('a regular file is not replaced by a local socket', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-rtp-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'notes'), 'mine');
  await using run = start(`unix+rtp://${folder}/notes`);
  expect(await run.failure()).toContain('cannot be opened');
});

test.for([
  ['an SDP without media', { rtpSDP: 'v=0' }, 'SDP without any media'],
  ['an unknown codec', { rtpSDP: 'm=video 1 RTP/AVP 96\r\na=rtpmap:96 X-OWN/90000' }, 'offers X-OWN, none of which'],
  [
    'two tracks of one payload type',
    { rtpSDP: PCMU + PCMU.slice(PCMU.indexOf('m=')) },
    'two tracks with payload type 0',
  ],
  ['audio that the path drops', { audio: false }, 'nothing is left without audio'],
  ['a URL without port', { url: 'udp+rtp://127.0.0.1' }, 'needs an address and a port'],
  ['a wrong sender', { url: 'udp+rtp://127.0.0.1:9?source=cam' }, 'source=cam is not an IP address'],
  ['an unknown interface', { url: 'udp+rtp://239.0.0.1:9000?interface=none0' }, "no network interface 'none0'"],
] as const)('%s is rejected with the reason', async ([, options, reason]) => {
  await using run = start('udp+rtp://127.0.0.1:9001', options);
  expect(await run.failure()).toContain(reason);
});

test('a port without packets ends the run after the read timeout', async () => {
  const [port] = await freeUdpPair();
  const clock = new FakeClock();
  await using run = start(`udp+rtp://127.0.0.1:${port}`, {}, clock);
  const over = run.failure();
  const timer = setInterval(() => clock.advance(1_000), 5);
  expect(await over).toBe("sender of path 'garden' has sent no media for 5 s");
  clearInterval(timer);
});
