import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { systemClock } from '../../../agent/base/clock.ts';
import type { ByteChannel } from '../../../agent/base/network/socket-channel.ts';
import type { FakeClock } from '../base/fake-clock.ts';
import { type ChannelFront, channelFront } from '../cameras/channel-front.ts';
import { hex } from '../media/units.ts';

/** A client of the front: what it was sent, as text. */
export class Client implements AsyncDisposable {
  readonly socket: Socket;
  text = '';
  hasEnded = false;
  #wake: () => void = () => {};

  constructor(front: ChannelFront, localAddress = '127.0.0.1') {
    this.socket = connect({ port: front.port, host: '127.0.0.1', localAddress, noDelay: true });
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
      this.#wake();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.hasEnded = true;
      this.#wake();
    });
  }

  send(text: string): void {
    this.socket.write(Buffer.from(text, 'latin1'));
  }

  /** Resolves when `condition` holds; checked after each arrival. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        if (condition()) {
          resolve();
        }
      };
      this.#wake();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.socket.closed) {
      this.socket.destroy();
      await once(this.socket, 'close');
    }
  }
}

/** Echoes everything in capitals. */
export function shout(channel: ByteChannel): void {
  channel.sink = {
    onBytes: (chunk, length) =>
      channel.write(Buffer.from(Buffer.from(chunk.subarray(0, length)).toString('latin1').toUpperCase(), 'latin1')),
    onEnd: () => {},
  };
}

export const front = (clock: typeof systemClock | FakeClock = systemClock) => channelFront(shout, undefined, clock);

export const get = (cookie: string) =>
  `GET /live HTTP/1.0\r\nx-sessioncookie: ${cookie}\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n`;
export const post = (cookie: string) =>
  `POST /live HTTP/1.0\r\nX-SessionCookie: ${cookie}\r\nContent-Type: application/x-rtsp-tunnelled\r\nContent-Length: 32767\r\n\r\n`;
export const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');
export const answered = (client: Client) => client.until(() => client.text.endsWith('\r\n\r\n'));

export const upgrade = (fields: Record<string, string> = {}) =>
  `GET /any HTTP/1.1\r\n${Object.entries({
    Host: 'perch',
    Upgrade: 'websocket',
    Connection: 'keep-alive, Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Protocol': 'rtsp.onvif.org',
    ...fields,
  })
    .map(([name, value]) => `${name}: ${value}`)
    .join('\r\n')}\r\n\r\n`;
/** RFC 6455 §5.7: "Hello", masked. */
export const HELLO = String.fromCharCode(...hex('82 85 37fa213d 7f9f4d5158'));
