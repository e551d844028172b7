import type { AddressInfo, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { PacketDump } from './packet-dump.ts';
import { TcpFlow } from './tcp-flow.ts';

/** Stands for a socket to its owner, and writes the bytes of both directions to a file. TLS and HTTP take any stream. */
export class DumpedSocket extends Duplex {
  readonly #raw: Socket;
  /** Undefined: not connected yet, or the limit of the files is reached. */
  #flow: TcpFlow | undefined;

  /** @param isServer the peer has opened the connection */
  constructor(raw: Socket, prefix: string, isServer: boolean, dump: PacketDump) {
    super({ allowHalfOpen: raw.allowHalfOpen });
    this.#raw = raw;
    const begin = (): void => {
      const file = dump.open(prefix);
      const local = { ip: raw.localAddress ?? '127.0.0.1', port: raw.localPort ?? 0 };
      const remote = { ip: raw.remoteAddress ?? '127.0.0.1', port: raw.remotePort ?? 0 };
      this.#flow = file && new TcpFlow(file, local, remote, isServer);
    };
    if (raw.connecting) {
      raw.once('connect', () => {
        begin();
        this.emit('connect');
        this.emit('ready');
      });
    } else {
      begin();
    }
    raw.on('data', (bytes: Buffer) => {
      this.#flow?.received(bytes);
      if (!this.push(bytes)) {
        raw.pause();
      }
    });
    raw.on('end', () => {
      this.#flow?.receivedEnd();
      this.push(null);
    });
    raw.on('timeout', () => this.emit('timeout'));
    raw.on('error', (cause) => this.destroy(cause));
    raw.on('close', () => {
      // After a regular end the owner may not have read everything yet.
      if (!raw.readableEnded) {
        this.destroy();
      }
    });
    raw.pause();
  }

  /** The flow, for TLS. */
  get flow(): TcpFlow | undefined {
    return this.#flow;
  }

  get connecting(): boolean {
    return this.#raw.connecting;
  }

  get remoteAddress(): string | undefined {
    return this.#raw.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#raw.remotePort;
  }

  get remoteFamily(): string | undefined {
    return this.#raw.remoteFamily;
  }

  get localAddress(): string | undefined {
    return this.#raw.localAddress;
  }

  get localPort(): number | undefined {
    return this.#raw.localPort;
  }

  get bytesRead(): number {
    return this.#raw.bytesRead;
  }

  get bytesWritten(): number {
    return this.#raw.bytesWritten;
  }

  address(): AddressInfo | object {
    return this.#raw.address();
  }

  setNoDelay(isOn?: boolean): this {
    this.#raw.setNoDelay(isOn);
    return this;
  }

  setKeepAlive(...options: Parameters<Socket['setKeepAlive']>): this {
    this.#raw.setKeepAlive(...options);
    return this;
  }

  setTimeout(ms: number, onTimeout?: () => void): this {
    this.#raw.setTimeout(ms);
    if (onTimeout) {
      this.once('timeout', onTimeout);
    }
    return this;
  }

  ref(): this {
    this.#raw.ref();
    return this;
  }

  unref(): this {
    this.#raw.unref();
    return this;
  }

  /** As `Socket.destroySoon`. */
  destroySoon(): void {
    this.end();
    if (this.writableFinished) {
      this.destroy();
    } else {
      this.once('finish', () => this.destroy());
    }
  }

  resetAndDestroy(): this {
    this.#raw.resetAndDestroy();
    return this.destroy();
  }

  override _read(): void {
    this.#raw.resume();
  }

  override _write(bytes: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#raw.connecting) {
      this.#raw.once('connect', () => this._write(bytes, encoding, done));
      return;
    }
    this.#flow?.sent(bytes);
    this.#raw.write(bytes, done);
  }

  override _final(done: () => void): void {
    this.#flow?.sentEnd();
    if (this.#raw.destroyed) {
      done();
    } else {
      this.#raw.end(done);
    }
  }

  override _destroy(cause: Error | null, done: (error: Error | null) => void): void {
    this.#flow?.close();
    this.#raw.destroy();
    done(cause);
  }
}

const ADDRESSES = ['remoteAddress', 'remotePort', 'remoteFamily', 'localAddress', 'localPort'] as const;

/** Gives a TLS socket the addresses of the one below it: Node reads them from a system's socket alone. */
export function lendAddresses(secure: Socket, below: DumpedSocket): void {
  for (const name of ADDRESSES) {
    Object.defineProperty(secure, name, { configurable: true, get: () => below[name] });
  }
}
