import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { RtspAccess, RtspPaths } from './gateway.ts';
import type { Listed, RtspConnItem, RtspSessionItem } from './items.ts';
import type { RtspServerOptions } from './options.ts';

/** One kind of listener: plain, or with TLS. */
export interface RtspSide {
  /** TCP port in use; 0 when it does not listen. */
  readonly port: number;
  readonly conns: Listed<RtspConnItem>;
  readonly sessions: Listed<RtspSessionItem>;
}

const NOTHING = { list: () => [], find: () => undefined, kick: () => false };

/** RTSP for readers and publishers, RFC 2326. */
export class RtspServer {
  readonly rtsp: RtspSide = { port: 0, conns: NOTHING, sessions: NOTHING };
  readonly rtsps: RtspSide = { port: 0, conns: NOTHING, sessions: NOTHING };
  readonly #options: RtspServerOptions;
  readonly #paths: RtspPaths;
  readonly #access: RtspAccess;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(options: RtspServerOptions, paths: RtspPaths, access: RtspAccess, clock: Clock, log: Logger) {
    this.#options = options;
    this.#paths = paths;
    this.#access = access;
    this.#clock = clock;
    this.#log = log;
  }

  /** @throws when an address cannot be listened on, or key and certificate cannot be read */
  async listen(): Promise<void> {}

  /** Ends every session and connection, then the listeners. */
  async close(): Promise<void> {}
}
