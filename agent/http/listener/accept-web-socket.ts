import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { SocketChannel } from '../../base/network/socket-channel.ts';
import { acceptOf } from '../../media/websocket/frames.ts';
import { takeUpgrade } from './web-socket.ts';

/** RFC 6455 §4.1: 16 bytes in base64. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;
const VERSION = '13';
const sha1 = (text: string): string => createHash('sha1').update(text).digest('base64');

/** The connection of a WebSocket, after the handshake. */
class UpgradedChannel extends SocketChannel {
  readonly #socket: Socket;
  readonly #head: Uint8Array;

  constructor(socket: Socket, head: Uint8Array) {
    super(socket);
    this.#socket = socket;
    this.#head = head;
  }

  /** Delivers what was received with the request. Called once the sink is set. @returns false: the client has left */
  start(): boolean {
    if (!this.#socket.destroyed && this.#head.length > 0) {
      this.receive(this.#head, this.#head.length);
    }
    return !this.#socket.destroyed;
  }
}

/** Answers the handshake, RFC 6455 §4.2.2. @returns undefined if it was answered with 426 @throws PerchError badInput */
export function acceptWebSocket(request: FastifyRequest, reply: FastifyReply): UpgradedChannel | undefined {
  const key = request.headers['sec-websocket-key'] ?? '';
  const version = request.headers['sec-websocket-version'];
  if (version !== VERSION) {
    if (version !== undefined) {
      reply.header('Sec-WebSocket-Version', VERSION);
    }
    const error = `this address needs a WebSocket of version ${VERSION}`;
    reply.code(426).header('Upgrade', 'websocket').send({ status: 'error', error });
    return undefined;
  }
  if (!KEY.test(key)) {
    throw new PerchError('badInput', 'Sec-WebSocket-Key is not 16 bytes in base64');
  }
  const upgrade = takeUpgrade(request, reply);
  if (!upgrade) {
    throw new PerchError('badInput', 'the connection cannot become a WebSocket');
  }
  const lines = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${acceptOf(key, sha1)}`];
  upgrade.socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
  return new UpgradedChannel(upgrade.socket, upgrade.head);
}
