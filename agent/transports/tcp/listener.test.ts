import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { createLogger } from '../../base/log.ts';
import type { SocketChannel } from '../../base/network/socket-channel.ts';
import { Listener } from './listener.ts';

const TLS = join(import.meta.dirname, '../../../test/fixtures/tls');
const V1 = 'PROXY TCP4 192.0.2.7 198.51.100.1 40000 554\r\n';

/** A listener on loopback that keeps what its clients send. */
class Box implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly log: string[] = [];
  readonly channels: { readonly remote: string; text: string; readonly channel: SocketChannel }[] = [];
  readonly #listener: Listener;
  readonly #sockets: Socket[] = [];

  constructor(trustedProxies: readonly string[], isTls = false) {
    const tls = { key: join(TLS, 'server.key'), cert: join(TLS, 'server.crt') };
    const options = { protocol: 'RTSP', key: 'rtspAddress', address: '127.0.0.1:0', trustedProxies } as const;
    const onChannel = (channel: SocketChannel): void => {
      const entry = { remote: channel.remote, text: '', channel };
      this.channels.push(entry);
      const onBytes = (chunk: Uint8Array, length: number): void => {
        entry.text += Buffer.from(chunk.subarray(0, length)).toString('latin1');
      };
      channel.sink = { onBytes, onEnd: () => {} };
    };
    const log = createLogger('debug', (line) => this.log.push(line));
    this.#listener = new Listener({ ...options, ...(isTls ? { tls } : {}) }, onChannel, this.clock, log);
  }

  static async open(trustedProxies: readonly string[], isTls = false): Promise<Box> {
    const box = new Box(trustedProxies, isTls);
    await box.#listener.listen();
    return box;
  }

  async socket(): Promise<Socket> {
    const socket = connect({ port: this.#listener.port, host: '127.0.0.1', noDelay: true });
    socket.on('error', () => {});
    this.#sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await this.#listener.close();
  }
}

test('a trusted proxy names its client; what follows its header is the protocol', async () => {
  await using box = await Box.open(['127.0.0.0/8']);
  (await box.socket()).write(`${V1}OPTIONS`);
  await vi.waitUntil(() => box.channels[0]?.text === 'OPTIONS');
  expect(box.channels[0]?.remote).toBe('192.0.2.7:40000');
});

test('a header may arrive byte by byte, and the protocol later', async () => {
  await using box = await Box.open(['127.0.0.1']);
  const socket = await box.socket();
  for (const character of V1) {
    socket.write(character);
  }
  await vi.waitUntil(() => box.channels.length === 1);
  expect(box.channels[0]).toMatchObject({ remote: '192.0.2.7:40000', text: '' });
  socket.write('OPTIONS');
  await vi.waitUntil(() => box.channels[0]?.text === 'OPTIONS');
});

test('a trusted proxy may leave the header away', async () => {
  await using box = await Box.open(['127.0.0.1']);
  const socket = await box.socket();
  socket.write('PLAY');
  await vi.waitUntil(() => box.channels[0]?.text === 'PLAY');
  expect(box.channels[0]?.remote).toBe(`127.0.0.1:${socket.localPort}`);
});

test('the header of an address that is not trusted is skipped, and has no effect', async () => {
  await using box = await Box.open(['192.0.2.1']);
  const socket = await box.socket();
  socket.write(`${V1}OPTIONS`);
  await vi.waitUntil(() => box.channels[0]?.text === 'OPTIONS');
  expect(box.channels[0]?.remote).toBe(`127.0.0.1:${socket.localPort}`);
});

test("without trusted proxies a header is the client's own first bytes", async () => {
  await using box = await Box.open([]);
  (await box.socket()).write(`${V1}OPTIONS`);
  await vi.waitUntil(() => box.channels[0]?.text === `${V1}OPTIONS`);
});

test('a header precedes TLS', async () => {
  await using box = await Box.open(['127.0.0.1'], true);
  for (const header of ['', V1]) {
    const socket = await box.socket();
    socket.write(header);
    const secure = connectTls({
      socket,
      ca: readFileSync(join(TLS, 'server.crt')),
      checkServerIdentity: () => undefined,
    });
    secure.on('error', () => {});
    secure.write('OPTIONS');
    const remote = header === '' ? `127.0.0.1:${socket.localPort}` : '192.0.2.7:40000';
    await vi.waitUntil(() => box.channels.some((it) => it.remote === remote && it.text === 'OPTIONS'));
  }
});

test('TLS in the same segment as its header is read', async () => {
  await using box = await Box.open(['127.0.0.1'], true);
  const socket = await box.socket();
  const write = socket.write.bind(socket);
  let isFirst = true;
  socket.write = ((bytes: Uint8Array, ...rest: never[]) => {
    const all = isFirst ? Buffer.concat([Buffer.from(V1), bytes]) : bytes;
    isFirst = false;
    return write(all, ...rest);
  }) as typeof socket.write;
  // A socket that is not Node's own, so that TLS writes through it.
  const front = Duplex.from({ readable: socket, writable: socket } as never);
  const secure = connectTls({ socket: front as unknown as Socket, rejectUnauthorized: false });
  secure.on('error', () => {});
  secure.write('OPTIONS');
  await vi.waitUntil(() => box.channels[0]?.text === 'OPTIONS');
  expect(box.channels[0]?.remote).toBe('192.0.2.7:40000');
});

test('a malformed header ends its connection alone', async () => {
  await using box = await Box.open(['127.0.0.1']);
  const [bad, good] = [await box.socket(), await box.socket()];
  bad.resume().write('PROXY TCP4 camera 198.51.100.1 40000 554\r\n');
  await once(bad, 'close');
  good.write(`${V1}OPTIONS`);
  await vi.waitUntil(() => box.channels[0]?.text === 'OPTIONS');
  expect(box.log.join('')).toContain('malformed PROXY header');
});

test('a proxy that sends nothing is closed after ten seconds', async () => {
  await using box = await Box.open(['127.0.0.1']);
  const socket = await box.socket();
  socket.resume();
  const closed = once(socket, 'close');
  const second = await box.socket();
  second.write(`${V1}OPTIONS`);
  await vi.waitUntil(() => box.channels[0]?.text === 'OPTIONS');
  await box.clock.advance(12_000);
  await closed;
  expect(second.destroyed).toBe(false);
});

test('the limit of connections from one address counts the clients that a proxy names', async () => {
  await using box = await Box.open(['127.0.0.1']);
  const open = async (client: number): Promise<Socket> => {
    const socket = await box.socket();
    socket.resume().write(`PROXY TCP4 192.0.2.${client} 198.51.100.1 40000 554\r\nOPTIONS`);
    return socket;
  };
  await Promise.all(Array.from({ length: 256 }, () => open(7)));
  await vi.waitUntil(() => box.channels.length === 256);
  const last = await open(7);
  await once(last, 'close');
  await open(8);
  await vi.waitUntil(() => box.channels.length === 257);
  expect(box.log.join('')).toContain('"remote":"192.0.2.7","fromThere":256');
});
