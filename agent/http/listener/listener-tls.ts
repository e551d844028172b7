import { X509Certificate } from 'node:crypto';
import type { Server } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { type KeyFiles, type KeyPair, readKeyPair, watchKeyPair } from '../../config/file/key-pair.ts';

/** A listener's key and certificate, loaded at its start and when the files change. */
export class ListenerTls {
  readonly #server: string;
  readonly #files: KeyFiles;
  readonly #clock: Clock;
  readonly #log: Logger;
  #pair: KeyPair;
  #isReal: boolean;

  /** @param server names its settings in messages, such as `hls` @throws PerchError if they are invalid */
  static async open(
    server: string,
    files: KeyFiles,
    { clock, log }: { readonly clock: Clock; readonly log: Logger },
  ): Promise<ListenerTls> {
    return new ListenerTls(server, files, await readKeyPair(server, files), clock, log);
  }

  private constructor(server: string, files: KeyFiles, pair: KeyPair, clock: Clock, log: Logger) {
    this.#server = server;
    this.#files = files;
    this.#pair = pair;
    this.#isReal = isSigned(pair);
    this.#clock = clock;
    this.#log = log;
  }

  get pair(): KeyPair {
    return this.#pair;
  }

  /** Signed by another authority: browsers that insist on https will always accept it. */
  get isReal(): boolean {
    return this.#isReal;
  }

  /** New connections get the current files, until `server` closes. */
  renew(server: Server): void {
    const secure = server as unknown as { setSecureContext(options: SecureContextOptions): void };
    const use = (pair: KeyPair) => {
      secure.setSecureContext({ key: pair.key, cert: pair.cert });
      this.#pair = pair;
      this.#isReal = isSigned(pair);
    };
    const stop = watchKeyPair(this.#server, this.#files, use, this.#clock, this.#log);
    server.once('close', stop);
  }
}

function isSigned({ cert, isOwn }: KeyPair): boolean {
  const { issuer, subject } = new X509Certificate(cert);
  return isOwn !== true && issuer !== subject;
}
