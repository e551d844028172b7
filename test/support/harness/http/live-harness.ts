import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import type { AccessRules } from '../../../../agent/auth/permissions/authorize.ts';
import { PerchError } from '../../../../agent/base/errors.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { cors } from '../../../../agent/http/listener/cors.ts';
import { liveAddresses } from '../../../../agent/servers/hls/live/addresses.ts';
import { LiveServer } from '../../../../agent/servers/hls/live/live-server.ts';
import type { MseMessage } from '../../../../agent/servers/hls/live/mse-protocol.ts';
import type { Stream } from '../../../../agent/stream/stream.ts';
import { FakeClock } from '../../base/fake-clock.ts';
import { listenLocally } from '../../base/local-listener.ts';
import { keepLogLines } from '../../base/log-lines.ts';
import { openHttpHarness } from './http-harness.ts';

const ANYBODY: AccessRules = {
  isOwn: false,
  internalUsers: [{ user: 'any', pass: '', ips: [], permissions: [{ action: 'read', path: '' }] }],
};

/** Live fMP4 on a real port, of the test's streams. */
export async function openLiveHarness({
  rules = ANYBODY,
  allowOrigins = ['https://nas.example'] as readonly string[],
} = {}) {
  const clock = new FakeClock();
  const streams = new Map<string, Stream | Promise<Stream>>();
  const asked: string[] = [];
  const paths = {
    open: async (name: string, query: string): Promise<Stream> => {
      asked.push(`${name}?${query}`);
      const stream = await streams.get(name);
      if (!stream) {
        throw new PerchError('notFound', `no stream is available on path '${name}'`);
      }
      return stream;
    },
  };
  const { log, logged } = keepLogLines();
  const server = new LiveServer(paths, clock, log);
  const box = await openHttpHarness({ rules });
  const { app, access } = box;
  const live = liveAddresses({ server: () => server, access, clock, log: silentLogger });
  app.addHook(
    'onRequest',
    cors(() => allowOrigins, 'OPTIONS, GET', 'Authorization'),
  );
  app.get('/*', (request, reply) => live.answer((request.params as { '*': string })['*'], request, reply));
  const { server: http, port } = await listenLocally(app);
  onTestFinished(async () => {
    server.close();
    await box[Symbol.asyncDispose]();
  });
  return {
    server,
    logged,
    clock,
    asked,
    port,
    app,
    url: `http://127.0.0.1:${port}`,
    add: <T extends Stream | Promise<Stream>>(name: string, stream: T): T => {
      streams.set(name, stream);
      return stream;
    },
    connections: () => promisify(http.getConnections.bind(http))(),
    watch: (path: string) => MseClient.open(`ws://127.0.0.1:${port}/${path}`),
    raw: (path: string, fields: Readonly<Record<string, string>> = {}) => RawSocket.open(port, path, fields),
  };
}

/** Runs the event loop until arrived data is read and handled. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise(setImmediate);
  }
}

/** Node's own WebSocket as a viewer. */
export class MseClient {
  readonly messages: (MseMessage | Buffer)[] = [];
  closeCode: number | undefined;
  readonly #socket: WebSocket;
  #wake: () => void = () => {};

  static async open(url: string): Promise<MseClient> {
    const client = new MseClient(new WebSocket(url));
    await client.until(() => client.#socket.readyState !== WebSocket.CONNECTING);
    return client;
  }

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
      this.messages.push(typeof data === 'string' ? (JSON.parse(data) as MseMessage) : Buffer.from(data));
      this.#wake();
    });
    socket.addEventListener('open', () => this.#wake());
    socket.addEventListener('error', () => this.#wake());
    socket.addEventListener('close', ({ code }) => {
      this.closeCode = code;
      this.#wake();
    });
  }

  get texts(): MseMessage[] {
    return this.messages.filter((message) => !Buffer.isBuffer(message)) as MseMessage[];
  }

  get binaries(): Buffer[] {
    return this.messages.filter((message) => Buffer.isBuffer(message));
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  closed(): Promise<void> {
    return this.until(() => this.closeCode !== undefined);
  }

  send(data: string): void {
    this.#socket.send(data);
  }

  close(): void {
    this.#socket.close();
  }
}

export const WEBSOCKET_FIELDS = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** A client that sends the test's bytes. */
export class RawSocket {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  isClosed = false;

  static async open(port: number, path: string, fields: Readonly<Record<string, string>>): Promise<RawSocket> {
    const raw = new RawSocket(connect(port, '127.0.0.1'));
    await once(raw.socket, 'connect');
    const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...fields }).map(([name, value]) => `${name}: ${value}`);
    raw.socket.write(`GET /${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    return raw;
  }

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  /** The head of the response, once it has arrived. */
  async head(): Promise<string> {
    while (!this.received.includes('\r\n\r\n') && !this.isClosed) {
      await Promise.race([once(this.socket, 'data'), once(this.socket, 'close')]);
    }
    return this.received.toString('latin1').split('\r\n\r\n')[0] ?? '';
  }

  async closed(): Promise<void> {
    if (!this.isClosed) {
      await once(this.socket, 'close');
    }
  }
}
