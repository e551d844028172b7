// @also without-ffi

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { describeInRounds } from '../../../test/support/base/native-tests.ts';
import { random } from '../../../test/support/base/random.ts';
import { bound } from '../../../test/support/cameras/udp-camera.ts';
import { ReadRounds } from '../../base/time/read-rounds.ts';
import { nativeStatus, openDatagramReceiver } from '../../native/native.ts';
import { UdpSocket } from './udp-socket.ts';

const ROUND_MS = 97;
const SETTLED_MS = 10_000;

interface Got {
  readonly text: string;
  readonly atMs: number;
}

/** A socket that is read in rounds, and a sender. */
class Place implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly got: Got[] = [];
  readonly socket: UdpSocket;
  readonly sender: Socket;
  readonly #host: string;

  static async open(readBufferBytes = 0, host = '127.0.0.1'): Promise<Place> {
    const clock = new FakeClock();
    const family = host.includes(':') ? 6 : 4;
    const socket = await UdpSocket.open({ family, address: host, port: 0 }, 'udp', readBufferBytes, clock);
    socket.listenTo({ ips: [host], ports: [] });
    return new Place(clock, socket, await boundTo(host), host);
  }

  private constructor(clock: FakeClock, socket: UdpSocket, sender: Socket, host: string) {
    this.clock = clock;
    this.socket = socket;
    this.sender = sender;
    this.#host = host;
    socket.sink = {
      onDatagram: (bytes, start, end, atMs) =>
        this.got.push({ text: Buffer.from(bytes.subarray(start, end)).toString('latin1'), atMs }),
    };
  }

  get texts(): string[] {
    return this.got.map(({ text }) => text);
  }

  /** As a source does twice a second. */
  readInRounds(delayMs = 100): void {
    this.socket.readInRounds(ReadRounds.within(delayMs, SETTLED_MS, this.clock));
  }

  /** Resolves when Node has passed on what it reads. */
  async send(texts: readonly string[], from = this.sender): Promise<void> {
    for (const text of texts) {
      await new Promise((resolve) => from.send(Buffer.from(text, 'latin1'), this.socket.port, this.#host, resolve));
    }
    await this.clock.advance(0);
  }

  /** Resolves when `count` have been passed on, by rounds if need be. */
  async until(count: number): Promise<void> {
    while (this.got.length < count) {
      await this.clock.advance(ROUND_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    this.sender.close();
    await once(this.sender, 'close');
  }
}

async function boundTo(host: string): Promise<Socket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  return socket;
}

await describeInRounds('in rounds', () => {
  test('datagrams within a round are passed on together at its end, with its time', async () => {
    await using place = await Place.open();
    place.readInRounds();
    await place.send(['first']);
    expect(place.texts).toEqual(['first']);
    await place.send(['a', 'b']);
    await place.send(['', 'c']);
    expect(place.texts).toEqual(['first']);
    await place.clock.advance(ROUND_MS);
    expect(place.texts).toEqual(['first', 'a', 'b', '', 'c']);
    expect(new Set(place.got.slice(1).map(({ atMs }) => atMs))).toEqual(new Set([ROUND_MS]));
  });

  test('a socket that is read between rounds is still read once in the next one', async () => {
    await using place = await Place.open();
    place.readInRounds();
    await place.send(['first']);
    for (let i = 0; i < 100; i += 1) {
      place.socket.read();
    }
    await place.send(['a']);
    const receiver = await openDatagramReceiver();
    const receive = receiver && vi.spyOn(receiver, 'receive');
    onTestFinished(() => receive?.mockRestore());
    await place.clock.advance(ROUND_MS);
    expect(place.texts).toEqual(['first', 'a']);
    expect(receive).toHaveBeenCalledTimes(1);
  });

  test('the end of rounds passes on what waits at once, and then each datagram', async () => {
    await using place = await Place.open();
    place.readInRounds();
    await place.send(['first']);
    await place.send(['a', 'b']);
    place.socket.readInRounds(undefined);
    expect(place.texts).toEqual(['first', 'a', 'b']);
    await place.send(['c']);
    expect(place.texts).toEqual(['first', 'a', 'b', 'c']);
  });

  test('a round that fills half of the buffer is the last one for a minute', async () => {
    await using place = await Place.open();
    place.readInRounds();
    await place.send(['first']);
    const many = Array.from({ length: 500 }, (_, i) => `${i}`.padEnd(1_400));
    await place.send(many);
    await place.clock.advance(ROUND_MS);
    expect(place.got.length).toBe(501);
    await place.send(['a']);
    await place.send(['b']);
    expect(place.texts.slice(501)).toEqual(['a', 'b']);
    await place.clock.advance(60_000);
    await place.send(['c']);
    await place.send(['d']);
    expect(place.texts.slice(501)).toEqual(['a', 'b', 'c']);
  });
});

test.for([
  ['127.0.0.1', 65_507],
  ['::1', 65_487],
] as const)('every datagram to %s arrives once, whole and in order, in and out of rounds', async ([host, maxBytes]) => {
  await using place = await Place.open(0, host);
  const next = random(31);
  const sent: string[] = [];
  for (let round = 0; round < 100; round += 1) {
    const choice = next();
    if (choice < 0.5) {
      place.readInRounds();
    } else if (choice < 0.75) {
      place.socket.readInRounds(undefined);
    }
    const texts = Array.from({ length: Math.floor(next() * 150) }, (_, i) =>
      `${round} ${i} `.padEnd(next() * 1_500, 'x'),
    );
    if (round % 10 === 0) {
      texts.push('y'.repeat(maxBytes));
    }
    sent.push(...texts);
    await place.send(texts);
    await place.until(sent.length);
  }
  expect(place.texts).toEqual(sent);
  expect(nativeStatus().batches.isUsed).toBe((await openDatagramReceiver()) !== undefined);
});

test('datagrams of others are dropped and counted in rounds, too', async () => {
  await using place = await Place.open();
  const [stranger, second] = [await bound(0, '127.0.0.2'), await bound(0)];
  onTestFinished(() => [stranger, second].forEach((socket) => void socket.close()));
  place.readInRounds();
  await place.send(['first']);
  await place.send(['not mine'], stranger);
  await place.send(['a']);
  await place.send(['b'], second);
  await place.send(['not mine'], stranger);
  await place.send(['c']);
  await place.until(4);
  expect(place.texts).toEqual(['first', 'a', 'b', 'c']);
  expect(place.socket.strangers).toBe(2);
});

test('a small receive buffer is never left to a round', async () => {
  await using place = await Place.open(300_000);
  place.readInRounds();
  await place.send(['a', 'b']);
  await place.send(['c']);
  expect(place.texts).toEqual(['a', 'b', 'c']);
});

test('a socket that is closed in a round passes nothing on', async () => {
  await using place = await Place.open();
  place.readInRounds();
  await place.send(['first']);
  await place.send(['a']);
  const before = place.got.length;
  place.socket.close();
  await place.clock.advance(ROUND_MS);
  expect(place.got.length).toBe(before);
});
