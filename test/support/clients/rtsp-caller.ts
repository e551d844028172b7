import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type FramerSink, RtspFramer } from '../../../agent/media/rtsp/interleaved.ts';
import {
  type HeaderField,
  type RtspMessage,
  type RtspResponse,
  writeRequest,
} from '../../../agent/media/rtsp/message.ts';

export interface Frame {
  readonly channel: number;
  readonly payload: Buffer;
  /** Its arrival, by `performance.now()`. */
  readonly atMs: number;
}

/** A player or publisher that sends exactly the requests of a test. */
export class RtspCaller implements FramerSink, Disposable {
  readonly replies: RtspResponse[] = [];
  readonly frames: Frame[] = [];
  readonly socket: Socket;
  hasEnded = false;
  /** Everything received, in order: a status, or a frame's channel. */
  readonly order: (`status ${number}` | `channel ${number}`)[] = [];
  /** Whether its requests name the session of the first response that has one. */
  namesItsSession = true;
  #cseq = 0;
  #session: string | undefined;
  #wakes = new Set<() => void>();

  /** @param localAddress of this machine, for the connection */
  static async connect(port: number, isTls = false, localAddress = '127.0.0.1'): Promise<RtspCaller> {
    const options = { port, host: '127.0.0.1', localAddress, rejectUnauthorized: false };
    const socket = isTls ? connectTls(options) : connect(options);
    const caller = new RtspCaller(socket);
    await once(socket, isTls ? 'secureConnect' : 'connect');
    return caller;
  }

  constructor(socket: Socket) {
    this.socket = socket;
    const framer = new RtspFramer(this);
    socket.on('data', (chunk: Buffer) => {
      framer.push(chunk, chunk.length);
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.hasEnded = true;
      this.#wake();
    });
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    this.frames.push({ channel, payload: Buffer.from(chunk.slice(start, end)), atMs: performance.now() });
    this.order.push(`channel ${channel}`);
  }

  onMessage(message: RtspMessage): void {
    if (message.kind === 'response') {
      this.replies.push(message);
      this.order.push(`status ${message.status}`);
    }
  }

  /** Resolves when `condition` holds, now or after something has arrived. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => this.#wakes.add(resolve));
    }
  }

  /** Writes a request with the open session, without waiting for its response. */
  say(method: string, uri: string, headers: readonly HeaderField[] = [], body = ''): void {
    this.#cseq += 1;
    const named = headers.some(([name]) => name === 'Session');
    const session: HeaderField[] = this.#session && this.namesItsSession && !named ? [['Session', this.#session]] : [];
    const all: HeaderField[] = [['CSeq', `${this.#cseq}`], ...session, ...headers];
    this.socket.write(writeRequest(method, uri, all, new TextEncoder().encode(body)));
  }

  /** The response to one request. */
  async ask(method: string, uri: string, headers: readonly HeaderField[] = [], body = ''): Promise<RtspResponse> {
    const before = this.replies.length;
    this.say(method, uri, headers, body);
    await this.until(() => this.replies.length > before || this.hasEnded);
    const reply = this.replies[before];
    if (!reply) {
      throw new Error(`the connection ended instead of answering ${method}`);
    }
    this.#session ??= reply.headers.get('Session')?.split(';')[0];
    return reply;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #wake(): void {
    const wakes = [...this.#wakes];
    this.#wakes.clear();
    for (const wake of wakes) {
      wake();
    }
  }
}
