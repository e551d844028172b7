import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Passes TCP connections on over a link with a round trip time, and without a limit of its rate. */
export class FarServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** @param toPort of a server on this machine */
  static async start(toPort: number, roundTripMs: number): Promise<FarServer> {
    const far = new FarServer(toPort, roundTripMs);
    far.#server.listen(0, '127.0.0.1');
    await once(far.#server, 'listening');
    return far;
  }

  private constructor(toPort: number, roundTripMs: number) {
    const wayMs = roundTripMs / 2;
    this.#server = createServer((near) => {
      // SYN and its answer: a connection that is already accepted carries nothing before.
      near.pause();
      setTimeout(() => {
        const far = connect({ port: toPort, host: '127.0.0.1' });
        for (const [from, to] of [
          [near, far],
          [far, near],
        ] as const) {
          this.#sockets.add(from);
          from.setNoDelay();
          from.on('data', (bytes) => setTimeout(() => to.write(bytes), wayMs));
          from.on('end', () => setTimeout(() => to.end(), wayMs));
          from.on('error', () => {});
          from.on('close', () => {
            this.#sockets.delete(from);
            setTimeout(() => to.destroy(), wayMs);
          });
        }
        near.resume();
      }, roundTripMs);
    });
  }

  get port(): number {
    return (this.#server.address() as { readonly port: number }).port;
  }

  /** Ends all connections: the next request makes a new one. */
  disconnect(): void {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnect();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
