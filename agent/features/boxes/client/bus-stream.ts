import { Duplex } from 'node:stream';

/** What Node's HTTP/1.1 client uses of a socket, for one request over the bus of a fleet, which carries whole messages. */
export class BusStream extends Duplex {
  readonly #ask: (request: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;
  readonly #over = new AbortController();
  readonly #request: Buffer[] = [];

  constructor(ask: (request: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>) {
    super();
    this.#ask = ask;
  }

  /** Sends what was written. Called once, when the request is whole. */
  send(): void {
    this.#ask(Buffer.concat(this.#request), this.#over.signal).then(
      (answer) => {
        this.push(answer);
        this.push(null);
      },
      (error: Error) => this.destroy(error),
    );
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#request.push(Buffer.from(chunk));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#over.abort();
    done(error);
  }

  setTimeout = (): this => this;
  setNoDelay = (): this => this;
  setKeepAlive = (): this => this;
}
