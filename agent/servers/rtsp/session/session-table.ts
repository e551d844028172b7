import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { subscriberOf } from '../../../base/ip-address.ts';
import type { Logger } from '../../../base/log.ts';
import type { Listed, RtspSessionItem } from './api-items.ts';
import { RtspSession, type SessionFacts } from './session.ts';
import { describeSession } from './session-item.ts';

/** Recorders pull every camera of a house in two qualities from one address. */
const PER_ADDRESS_LIMIT = 256;
const TOTAL_LIMIT = 1_000;

/** The sessions of one side of the server, oldest first. */
export class SessionTable implements Listed<RtspSessionItem> {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #byKey = new Map<string, RtspSession>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Throws when there are too many. */
  open(facts: SessionFacts): RtspSession {
    const subscriber = subscriberOf(facts.home.ip);
    let fromThere = 0;
    for (const session of this.#byKey.values()) {
      fromThere += subscriberOf(session.facts.home.ip) === subscriber ? 1 : 0;
    }
    if (fromThere >= PER_ADDRESS_LIMIT || this.#byKey.size >= TOTAL_LIMIT) {
      const counted = fromThere >= PER_ADDRESS_LIMIT ? `${fromThere} from this address` : `${this.#byKey.size}`;
      throw new PerchError('unavailable', `too many RTSP sessions: ${counted} are open`, { ip: facts.home.ip });
    }
    const session = new RtspSession(facts, (closed) => this.#byKey.delete(closed.key), this.#clock, this.#log);
    this.#byKey.set(session.key, session);
    return session;
  }

  /** Only for the address that opened it: a key that was overheard is of no use elsewhere. */
  ofKey(key: string, ip: string): RtspSession | undefined {
    const session = this.#byKey.get(key);
    return session?.facts.home.ip === ip ? session : undefined;
  }

  list(): RtspSessionItem[] {
    return [...this.#byKey.values()].map(describeSession);
  }

  find(id: string): RtspSessionItem | undefined {
    const session = this.#ofId(id);
    return session && describeSession(session);
  }

  kick(id: string): boolean {
    const session = this.#ofId(id);
    session?.close('ended through the API');
    return session !== undefined;
  }

  tick(nowMs: number): void {
    for (const session of this.#byKey.values()) {
      session.tick(nowMs);
    }
  }

  close(reason: string): void {
    for (const session of [...this.#byKey.values()]) {
      session.close(reason);
    }
  }

  #ofId(id: string): RtspSession | undefined {
    for (const session of this.#byKey.values()) {
      if (session.id === id) {
        return session;
      }
    }
    return undefined;
  }
}
