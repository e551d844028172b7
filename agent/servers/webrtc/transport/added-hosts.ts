import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';

/** A name that does not resolve within this time is left out, so that no viewer waits for a dead name server. */
const LOOKUP_LIMIT_MS = 1_000;
/** So long nobody waits for a name again that did not resolve. */
const FAILURE_HOLDS_MS = 10_000;

/** The addresses of a name. Rejects when it has none. */
export type FindAddresses = (host: string) => Promise<readonly string[]>;

interface Failure {
  readonly why: string;
  readonly untilMs: number;
}

const askSystem: FindAddresses = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/** Names and addresses that the configuration adds to those of this machine. */
export class AddedHosts {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #find: FindAddresses;
  /** The last word on names that did not resolve. */
  readonly #failures = new Map<string, Failure>();
  /** What came of lookups that the system has not finished, which may be long after their time is over. */
  readonly #running = new Map<string, Promise<readonly string[]>>();

  constructor(clock: Clock, log: Logger, find: FindAddresses = askSystem) {
    this.#clock = clock;
    this.#log = log;
    this.#find = find;
  }

  /** The addresses of a name; none when it does not resolve. Never rejects. */
  async resolve(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) {
      return [host];
    }
    const failure = this.#failures.get(host);
    if (failure && this.#clock.monoMs() < failure.untilMs) {
      return [];
    }
    return this.#running.get(host) ?? this.#look(host);
  }

  #look(host: string): Promise<readonly string[]> {
    const stop = new AbortController();
    const found = this.#find(host).then(
      (addresses) => () => this.#succeed(host, addresses),
      (cause: unknown) => () => this.#fail(host, explain(cause)),
    );
    const late = this.#clock
      .sleep(LOOKUP_LIMIT_MS, stop.signal)
      .then(() => () => this.#fail(host, `no answer within ${LOOKUP_LIMIT_MS} ms`));
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
    this.#failures.set(host, { why, untilMs: this.#clock.monoMs() + FAILURE_HOLDS_MS });
    return [];
  }
}
