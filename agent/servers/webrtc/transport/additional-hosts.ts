import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';

/** Slower names are left out, so that no viewer waits for a dead name server. */
const LOOKUP_TIMEOUT_MS = 1_000;
/** How long a failed name is not looked up again. */
const FAILURE_CACHE_MS = 10_000;

type Lookup = (host: string) => Promise<readonly string[]>;

interface Failure {
  readonly why: string;
  readonly untilMs: number;
}

const systemLookup: Lookup = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

export class AdditionalHosts {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #lookup: Lookup;
  readonly #failures = new Map<string, Failure>();
  /** Unfinished lookups, which may outlive their timeout. */
  readonly #running = new Map<string, Promise<readonly string[]>>();

  constructor(clock: Clock, log: Logger, lookUp: Lookup = systemLookup) {
    this.#clock = clock;
    this.#log = log;
    this.#lookup = lookUp;
  }

  /** Empty if the name does not resolve. Never rejects. */
  async resolve(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) {
      return [host];
    }
    const failure = this.#failures.get(host);
    if (failure && this.#clock.monoMs() < failure.untilMs) {
      return [];
    }
    return this.#running.get(host) ?? this.#startLookup(host);
  }

  #startLookup(host: string): Promise<readonly string[]> {
    const stop = new AbortController();
    const found = this.#lookup(host).then(
      (addresses) => () => this.#succeed(host, addresses),
      (cause: unknown) => () => this.#fail(host, explain(cause)),
    );
    const late = this.#clock
      .sleep(LOOKUP_TIMEOUT_MS, stop.signal)
      .then(() => () => this.#fail(host, `no answer within ${LOOKUP_TIMEOUT_MS} ms`));
    const outcome = Promise.race([found, late]).then((conclude) => conclude());
    this.#running.set(host, outcome);
    found.then(() => {
      stop.abort();
      this.#running.delete(host);
    });
    return outcome;
  }

  #succeed(host: string, addresses: readonly string[]): readonly string[] {
    if (this.#failures.delete(host)) {
      this.#log.info({ host }, 'an additional WebRTC host resolves again');
    }
    return addresses;
  }

  #fail(host: string, why: string): readonly string[] {
    if (this.#failures.get(host)?.why !== why) {
      this.#log.warn(
        { host, reason: why },
        'an additional WebRTC host (webrtcAdditionalHosts) does not resolve and is left out',
      );
    }
    this.#failures.set(host, { why, untilMs: this.#clock.monoMs() + FAILURE_CACHE_MS });
    return [];
  }
}
