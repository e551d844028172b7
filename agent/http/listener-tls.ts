import { resolve } from 'node:path';
import type { SecureContextOptions } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { type KeyFiles, type KeyPair, readKeyPair, watchKeyPair } from '../config/key-pair.ts';

/** Key and certificate of the HLS listener, the only one that has its own. */
const SERVER = 'hls';

/** A listener's key and certificate: read at its start, and again when their files change. */
export class ListenerTls {
  readonly pair: KeyPair;
  readonly #files: KeyFiles;
  readonly #clock: Clock;
  readonly #log: Logger;

  /** @throws PerchError when they cannot be used */
  static async open(
    names: KeyFiles,
    { cwd, clock, log }: { readonly cwd: string; readonly clock: Clock; readonly log: Logger },
  ): Promise<ListenerTls> {
    const files = { key: resolve(cwd, names.key), cert: resolve(cwd, names.cert) };
    return new ListenerTls(await readKeyPair(SERVER, files), files, clock, log);
  }

  private constructor(pair: KeyPair, files: KeyFiles, clock: Clock, log: Logger) {
    this.pair = pair;
    this.#files = files;
    this.#clock = clock;
    this.#log = log;
  }

  /** Connections to come get what the files hold then, as long as `app` lasts. */
  renew(app: FastifyInstance): void {
    const server = app.server as unknown as { setSecureContext(options: SecureContextOptions): void };
    const stop = watchKeyPair(SERVER, this.#files, (pair) => server.setSecureContext(pair), this.#clock, this.#log);
    app.addHook('onClose', async () => stop());
  }
}
