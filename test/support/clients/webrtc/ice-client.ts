import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { classes, Message, methods, parseMessage } from 'werift';

export interface Credentials {
  readonly ufrag: string;
  readonly password: string;
}

/** ICE credentials of an SDP answer or of a fragment. */
export const credentialsIn = (sdp: string): Credentials => ({
  ufrag: /a=ice-ufrag:(\S+)/.exec(sdp)?.[1] ?? '',
  password: /a=ice-pwd:(\S+)/.exec(sdp)?.[1] ?? '',
});

export interface Check {
  readonly id: string;
  readonly bytes: Buffer;
}

/** A connectivity check as another implementation writes it. */
export function writeCheck({ ufrag, password }: Credentials, theirs = 'wocP', nominates = true): Check {
  const message = new Message(methods.BINDING, classes.REQUEST);
  message.setAttribute('USERNAME', `${ufrag}:${theirs}`).setAttribute('PRIORITY', 1);
  if (nominates) {
    message.setAttribute('USE-CANDIDATE', null);
  }
  message.addMessageIntegrity(Buffer.from(password)).addFingerprint();
  return { id: message.transactionIdHex, bytes: message.bytes };
}

/** RFC 4571 §2. */
export function frame(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Sends connectivity checks by hand, from one UDP port or over one TCP connection. */
export class IceClient implements AsyncDisposable {
  /** As the server sees it. */
  readonly address: string;
  isClosed = false;
  readonly received: Buffer[] = [];
  /** Checks of the server. */
  readonly checks: Buffer[] = [];
  readonly #send: (bytes: Uint8Array) => void;
  readonly #close: () => Promise<unknown>;
  #wake: (() => void) | undefined;

  private constructor(address: string, send: (bytes: Uint8Array) => void, close: () => Promise<unknown>) {
    this.address = address;
    this.#send = send;
    this.#close = close;
  }

  static async udp(port: number, host = '127.0.0.1'): Promise<IceClient> {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.bind(0, host);
    await once(socket, 'listening');
    const client = new IceClient(
      addressText(host, socket.address().port),
      (bytes) => socket.send(bytes, port, host),
      () => new Promise<void>((resolve) => socket.close(() => resolve())),
    );
    socket.on('message', (datagram) => client.#onPacket(datagram));
    return client;
  }

  static async tcp(port: number, host = '127.0.0.1'): Promise<IceClient> {
    const socket = connect({ port, host });
    await once(socket, 'connect');
    const client = new IceClient(
      addressText(host, socket.localPort ?? 0),
      (bytes) => socket.write(frame(bytes)),
      async () => {
        socket.destroy();
      },
    );
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const end = 2 + rest.readUInt16BE(0);
        client.#onPacket(rest.subarray(2, end));
        rest = rest.subarray(end);
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      client.isClosed = true;
    });
    return client;
  }

  send(bytes: Uint8Array): void {
    this.#send(bytes);
  }

  /** @returns the transaction of the check that is answered next */
  async nextAnswer(): Promise<string | undefined> {
    for (;;) {
      const packet = this.received.shift();
      if (packet) {
        return parseMessage(packet)?.transactionIdHex;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Makes a check and waits for its answer. */
  async check(credentials: Credentials, nominates = true): Promise<Check> {
    const check = writeCheck(credentials, 'wocP', nominates);
    this.send(check.bytes);
    const answered = await this.nextAnswer();
    if (answered !== check.id) {
      throw new Error(`answer to ${answered}, expected ${check.id}`);
    }
    return check;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  #onPacket(packet: Buffer): void {
    // The first two bytes are the type: a binding request is 0x0001, RFC 8489 §5.
    (packet.readUInt16BE(0) === 1 ? this.checks : this.received).push(packet);
    this.#wake?.();
  }
}

const addressText = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
