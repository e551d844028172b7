// @also without-ffi in long

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { freeUdpPair } from '../../../test/support/base/free-port.ts';
import { describeInRounds } from '../../../test/support/base/native-tests.ts';
import { SourceRun } from '../../../test/support/cameras/source-run.ts';
import { bound } from '../../../test/support/cameras/udp-camera.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { TsWriter } from '../../../test/support/media/ts-writer.ts';
import { hex } from '../../../test/support/media/units.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { TsMuxer } from '../../media/mpegts/mux/mux.ts';
import type { AacTrack } from '../../media/sample/track.ts';
import { MpegTsSource, type MpegTsSourceOptions } from './source.ts';

const aac: AacTrack = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 48_000,
  channels: 2,
  config: hex('1190'),
  frameSamples: 1024,
};
const DATAGRAM_BYTES = 7 * 188;
/** A picture lasts as long as an AAC frame; every fifth is a key picture. */
const FRAME_TICKS = 1920;

/** An encoder: each call gives the datagrams of the next picture and the audio frame with it. */
function encoder(firstTicks = 0) {
  const muxer = new TsMuxer([tinyH264, aac]);
  const pictures = tinyVideo(5, 50, 5);
  let round = 0;
  return (): Uint8Array[] => {
    const picture = pictures[round % 5] as (typeof pictures)[number];
    const dts = firstTicks + round * FRAME_TICKS;
    const video = { ...picture, pts: dts, dts, key: round % 5 === 0 };
    const audioDts = Math.round((dts * 48_000) / 90_000);
    const audio = { ...video, pts: audioDts, dts: audioDts, key: true, data: new Uint8Array(60).fill(round) };
    round += 1;
    const out = new Uint8Array(muxer.tableBytes + muxer.maxBytesOf(0, video) + muxer.maxBytesOf(1, audio));
    muxer.begin(out);
    muxer.write(0, video, 0);
    muxer.write(1, audio, 0);
    const bytes = out.slice(0, muxer.sizeBytes);
    return Array.from({ length: Math.ceil(bytes.length / DATAGRAM_BYTES) }, (_, i) =>
      bytes.subarray(i * DATAGRAM_BYTES, (i + 1) * DATAGRAM_BYTES),
    );
  };
}

const start = (
  url: string,
  options: Partial<MpegTsSourceOptions> = {},
  clock: typeof systemClock | FakeClock = systemClock,
  toleratedDelayMs = 0,
) =>
  new SourceRun(
    new MpegTsSource(
      { name: 'garden', url, readTimeoutMs: 5_000, readBufferBytes: 0, ...options },
      clock,
      silentLogger,
    ),
    toleratedDelayMs,
  );

/** Sends until samples arrive: the source binds its port in the background. */
async function sendUntil(isOver: () => Promise<unknown>, send: () => void): Promise<void> {
  const timer = setInterval(send, 20);
  try {
    await isOver();
  } finally {
    clearInterval(timer);
  }
}

function sendAll(socket: Socket, datagrams: readonly Uint8Array[], port: number, host = '127.0.0.1'): void {
  for (const datagram of datagrams) {
    socket.send(datagram, port, host);
  }
}

async function sender(address = '127.0.0.1') {
  const socket = await bound(0, address);
  onTestFinished(() => void socket.close());
  return socket;
}

const steps = (run: SourceRun, track: number): number[] => {
  const times = run.samples.filter((one) => one.track === track).map(({ sample }) => sample.dts);
  return times.slice(1).map((time, i) => time - (times[i] ?? 0));
};

test('datagrams to a UDP port are a stream with the times of the encoder', async () => {
  const [port] = await freeUdpPair();
  const socket = await sender();
  const next = encoder();
  await using run = start(`udp+mpegts://127.0.0.1:${port}`);
  const send = () => sendAll(socket, next(), port);
  await sendUntil(() => run.sampled(40), send);
  expect(run.tracks).toMatchObject([
    { codec: 'h264', width: 64 },
    { codec: 'aac', config: aac.config },
  ]);
  expect(new Set(steps(run, 0))).toEqual(new Set([FRAME_TICKS]));
  expect(new Set(steps(run, 1))).toEqual(new Set([1024]));
  expect(run.samples.find(({ track }) => track === 0)?.sample.key).toBe(true);
  expect(run.source.statistics).toMatchObject({ transport: 'UDP', lost: 0, badPackets: 0 });
});

await describeInRounds('over UDP', () => {
  test('datagrams for the recorder alone are read in rounds, for a viewer at once', async () => {
    const [port] = await freeUdpPair();
    const socket = await sender();
    const clock = new FakeClock();
    await using run = start(`udp+mpegts://127.0.0.1:${port}`, { readTimeoutMs: 60_000 }, clock, 100);
    const next = encoder();
    const send = async (pictures: number, everyMs: number) => {
      for (let i = 0; i < pictures; i += 1) {
        sendAll(socket, next(), port);
        await clock.advance(everyMs);
      }
    };
    const everyMs = FRAME_TICKS / 90;
    while (run.samples.length === 0) {
      await send(1, everyMs);
    }
    await send(12_000 / everyMs, everyMs);
    const before = run.samples.length;
    await send(3, 0);
    expect(run.samples.length).toBe(before);
    await clock.advance(97);
    const after = run.samples.length;
    expect(after).toBeGreaterThanOrEqual(before + 2 * 3);
    await send(2, 0);
    run.stream?.addReader({ id: 'viewer', onSample: () => {}, onTrack: () => {}, onEnd: () => {} }, false);
    expect(run.samples.length).toBe(after + 2 * 2);
    await send(1, 0);
    expect(run.samples.length).toBe(after + 2 * 3);
    expect(new Set(steps(run, 0))).toEqual(new Set([FRAME_TICKS]));
    expect(run.source.statistics).toMatchObject({ lost: 0, badPackets: 0, jumps: 0 });
  });
});

test("MediaMTX's former scheme udp:// is the same, here for a multicast group", async () => {
  const [port] = await freeUdpPair();
  const group = '239.255.77.3';
  const socket = await sender();
  socket.setMulticastInterface('127.0.0.1');
  const next = encoder();
  {
    await using run = start(`udp://${group}:${port}?interface=lo`);
    await sendUntil(
      () => run.sampled(10),
      () => sendAll(socket, next(), port, group),
    );
    expect(run.source.statistics).toMatchObject({ transport: 'UDP-multicast', lost: 0 });
  }
  const alone = createSocket('udp4');
  alone.bind(port, group);
  await once(alone, 'listening');
  alone.close();
});

test('with source= datagrams of other senders are ignored', async () => {
  const [port] = await freeUdpPair();
  const [wanted, other] = [await sender('127.0.0.2'), await sender('127.0.0.3')];
  const [next, noise] = [encoder(), encoder(900_000)];
  await using run = start(`udp+mpegts://127.0.0.1:${port}?source=127.0.0.2`);
  await sendUntil(
    () => run.sampled(20),
    () => {
      sendAll(other, noise(), port);
      sendAll(wanted, next(), port);
    },
  );
  expect(run.source.statistics).toMatchObject({ lost: 0, jumps: 0 });
});

test('an encoder that restarts on another port, with other times, continues the stream', async () => {
  const [port] = await freeUdpPair();
  const [first, second] = [await sender(), await sender()];
  let socket = first;
  let next = encoder();
  await using run = start(`udp+mpegts://127.0.0.1:${port}`);
  const send = () => sendAll(socket, next(), port);
  await sendUntil(() => run.sampled(20), send);
  [socket, next] = [second, encoder(90_000_000)];
  await sendUntil(() => run.sampled(60), send);
  const longest = Math.max(...steps(run, 0));
  expect(Math.min(...steps(run, 0))).toBeGreaterThan(0);
  expect(longest).toBeLessThan(90_000);
  expect(run.source.statistics?.jumps).toBeGreaterThan(0);
});

test('lost datagrams are counted', async () => {
  const [port] = await freeUdpPair();
  const socket = await sender();
  const next = encoder();
  let round = 0;
  await using run = start(`udp+mpegts://127.0.0.1:${port}`);
  await sendUntil(
    () => run.sampled(60),
    () => {
      round += 1;
      const datagrams = next();
      if (round % 10 !== 0) {
        sendAll(socket, datagrams, port);
      }
    },
  );
  expect(run.source.statistics?.lost).toBeGreaterThan(0);
});

test('a local socket carries bytes in any pieces, and its end is the end of the run', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-ts-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'ts.sock');
  await using run = start(`unix+mpegts://${path}`);
  const socket = await new Promise<ReturnType<typeof connect>>((resolve) => {
    const attempt = () => {
      const one = connect(path, () => resolve(one));
      one.on('error', () => setTimeout(attempt, 10));
    };
    attempt();
  });
  const next = encoder();
  const bytes = Buffer.concat(Array.from({ length: 20 }, next).flat());
  for (let at = 0; at < bytes.length; at += 1000) {
    socket.write(bytes.subarray(at, at + 1000));
  }
  await run.sampled(30);
  expect(run.source.statistics).toMatchObject({ lost: 0, badPackets: 0 });
  socket.end();
  expect(await run.failure()).toContain('the sender has closed the connection');
});

const onlyOf = (type: number) => new TsWriter().pat().pmt([{ pid: 0x100, type }]);
const scrambled = () => {
  const writer = onlyOf(0x1b);
  Array.from({ length: 100 }, () => writer.packet(0x100, new Uint8Array(184), { scrambling: 3 }));
  return writer;
};

test.for([
  ['DTS alone', () => onlyOf(0x82), {}, "sender of path 'garden' offers DTS, none of which is supported"],
  ['audio that the path drops', () => onlyOf(15), { audio: false }, 'of which nothing is left without audio'],
  ['a scrambled programme', scrambled, {}, 'MPEG-TS is scrambled'],
] as const)('%s is rejected with the reason', async ([, stream, options, reason]) => {
  const [port] = await freeUdpPair();
  const socket = await sender();
  await using run = start(`udp+mpegts://127.0.0.1:${port}`, options);
  const { packets } = stream();
  const failure = run.failure();
  await sendUntil(
    () => failure,
    () => sendAll(socket, packets, port),
  );
  expect(await failure).toContain(reason);
});

test('other tracks begin a new connection', async () => {
  const [port] = await freeUdpPair();
  const socket = await sender();
  const next = encoder();
  await using run = start(`udp+mpegts://127.0.0.1:${port}`);
  await sendUntil(
    () => run.sampled(4),
    () => sendAll(socket, next(), port),
  );
  const failure = run.failure();
  const other = new TsWriter().pat().pmt([{ pid: 0x100, type: 0x24 }], 1, 0x1000);
  await sendUntil(
    () => failure,
    () => sendAll(socket, other.packets, port),
  );
  expect(await failure).toContain('has changed its tracks');
});

test('a port without media ends the run after the read timeout', async () => {
  const [port] = await freeUdpPair();
  const clock = new FakeClock();
  await using run = start(`udp+mpegts://127.0.0.1:${port}`, {}, clock);
  const over = run.failure();
  const timer = setInterval(() => clock.advance(1_000), 5);
  expect(await over).toBe("sender of path 'garden' has sent no media for 5 s");
  clearInterval(timer);
});
