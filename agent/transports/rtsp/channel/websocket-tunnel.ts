import { createHash, randomBytes } from 'node:crypto';
import { PerchError } from '../../../base/errors.ts';
import type { ByteChannel, ByteSink, SocketChannel } from '../../../base/network/socket-channel.ts';
import { type HttpResponse, WEBSOCKET_SUBPROTOCOL } from '../../../media/rtsp/http-head.ts';
import { WebSocketChannel } from '../../../media/websocket/channel.ts';
import { acceptOf } from '../../../media/websocket/frames.ts';
import { type Peer, phraseOf } from '../../tls/peer.ts';
import { HeldWrites } from './dial.ts';
import { type HandshakeOptions, type HandshakeSink, TunnelHandshake } from './tunnel-handshake.ts';

/** RTSP within a WebSocket (ONVIF Streaming, RTSP over WebSocket). */
export class WebSocketTunnel implements ByteChannel, HandshakeSink, ByteSink {
  sink: ByteSink | undefined;
  readonly remote: string;
  readonly #peer: Peer;
  readonly #authenticator: HandshakeOptions['authenticator'];
  readonly #key = randomBytes(16).toString('base64');
  readonly #handshake: TunnelHandshake;
  readonly #held = new HeldWrites();
  #within: WebSocketChannel | undefined;
  #isPaused = false;
  #hasEnded = false;

  constructor(remote: string, options: Pick<HandshakeOptions, 'peer' | 'target' | 'authenticator' | 'dial'>) {
    this.remote = remote;
    this.#peer = options.peer;
    this.#authenticator = options.authenticator;
    const fields = [
      ['Host', remote],
      ['User-Agent', 'Perch'],
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade'],
      ['Sec-WebSocket-Key', this.#key],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Protocol', WEBSOCKET_SUBPROTOCOL],
    ] as const;
    this.#handshake = new TunnelHandshake({ ...options, fields, status: 101, version: '1.1' }, this);
    this.#handshake.start();
  }

  get heldMs(): number {
    return this.#authenticator.heldMs;
  }

  get queuedBytes(): number {
    return this.#held.byteCount + (this.#within?.queuedBytes ?? 0);
  }

  write(bytes: Uint8Array): void {
    if (this.#within) {
      this.#within.write(bytes);
    } else if (!this.#hasEnded) {
      this.#held.add(bytes);
    }
  }

  end(): void {
    if (this.#within) {
      this.#within.end();
    } else {
      this.destroy();
    }
  }

  destroy(): void {
    this.#handshake.destroy();
    this.#within?.destroy();
  }

  pause(): void {
    this.#isPaused = true;
    this.#within?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#within?.resume();
  }

  onOpen(channel: SocketChannel, response: HttpResponse, rest: Uint8Array): void {
    if (response.headers.get('Sec-WebSocket-Accept')?.trim() !== acceptOf(this.#key, sha1)) {
      channel.destroy();
      const message = `${phraseOf(this.#peer)} sends a wrong Sec-WebSocket-Accept`;
      this.onEnd(new PerchError('badInput', message, { path: this.#peer.path }));
      return;
    }
    this.#within = new WebSocketChannel(channel, () => randomBytes(4));
    this.#within.sink = this;
    if (this.#isPaused) {
      this.#within.pause();
    }
    this.#held.release(this.#within);
    if (rest.length > 0) {
      this.#within.onBytes(rest, rest.length);
    }
  }

  onBytes(chunk: Uint8Array, length: number): void {
    this.sink?.onBytes(chunk, length);
  }

  onEnd(cause: unknown): void {
    if (!this.#hasEnded) {
      this.#hasEnded = true;
      this.sink?.onEnd(cause);
    }
  }
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('base64');
}
