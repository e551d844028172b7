import type { Clock } from '../../agent/base/clock.ts';
import { canonicalIp } from '../../agent/base/ip-address.ts';
import type { Logger } from '../../agent/base/log.ts';
import { Link, type Source } from './link.ts';
import type { Published } from './records.ts';

/** One network that the box is in, over IPv4 or IPv6. */
export interface LocalLink {
  /** `eth0 IPv4`. */
  readonly key: string;
  /** What is told there of the box: of the interface, both families. */
  readonly addresses: readonly string[];
}

/** The networks, as sockets. */
export interface Wire {
  /** @param to all who listen when not given */
  send(link: string, bytes: Buffer, to?: Pick<Source, 'address' | 'port'>): void;
}

/** What the box is called. */
export interface BoxTitle {
  /** `perch`: the label before `.local`. */
  readonly label: string;
  /** `Perch`: what lists of services show. */
  readonly title: string;
  /** The page's. */
  readonly port: number;
}

export interface ResponderOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly wire: Wire;
  readonly random?: () => number;
  /** The number of the name that the box had last: `perch-2.local` stays what it is. */
  readonly number?: number;
  /** It has another one. */
  readonly onNumber?: (number: number) => void;
  /** It is the box's, for the first time since the name is another one. */
  readonly onName?: (name: string) => void;
}

/** RFC 6762 §8.1: after so many names that were taken it goes slowly, until it has one. */
const MANY_TAKEN = 15;
const MANY_WITHIN_MS = 10_000;
const SLOW_MS = 5_000;
/** A network where all are taken has somebody in it who takes whatever he hears. */
const MAX_NUMBER = 999;
/** Whether another program of the machine that has the name is still there. */
const ASK_AGAIN_MS = 60_000;
/** Loopback brings what was sent back at once. */
const KEPT_SENT = 32;

/** The name of the box in its networks: the same in all of them. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #links = new Map<string, Link>();
  readonly #stopAsking: () => void;
  #local: readonly LocalLink[] = [];
  #own: ReadonlySet<string> = new Set();
  readonly #title: BoxTitle;
  #number: number;
  #takenMs: number[] = [];
  #isSlow = false;
  #sent: Buffer[] = [];
  #told: string | undefined;

  constructor(title: BoxTitle, options: ResponderOptions) {
    this.#options = options;
    this.#title = title;
    this.#number = options.number ?? 1;
    this.#stopAsking = options.clock.every(ASK_AGAIN_MS, () => {
      for (const link of this.#links.values()) {
        link.askAgain();
      }
    });
  }

  /** `perch.local`, once it is the box's in a network. */
  get name(): string | undefined {
    return [...this.#links.values()].some(({ hasName }) => hasName) ? this.#host : undefined;
  }

  /** @param ownAddresses of the machine, in networks that nothing is told in too */
  setLinks(local: readonly LocalLink[], ownAddresses: readonly string[]): void {
    const before = new Map(this.#local.map((link) => [link.key, link]));
    this.#local = local;
    this.#own = new Set(ownAddresses.map((address) => canonicalIp(address) ?? address));
    for (const [key, link] of this.#links) {
      if (!local.some((one) => one.key === key)) {
        link.close();
        this.#links.delete(key);
      }
    }
    for (const one of local) {
      const link = this.#links.get(one.key);
      if (!link) {
        this.#open(one);
      } else if (before.get(one.key)?.addresses.join() !== one.addresses.join()) {
        link.publish(this.#publishedOn(one));
      }
    }
  }

  heard(link: string, bytes: Buffer, from: Source): void {
    // By the interface that it came from, or by another one of ours in the same network.
    if (from.isOwn && this.#sent.some((sent) => sent.equals(bytes))) {
      return;
    }
    this.#links.get(link)?.heard(bytes, from);
  }

  isOwnAddress(address: string): boolean {
    return this.#own.has(canonicalIp(address) ?? address);
  }

  /** Says that the box goes. */
  close(): void {
    this.#stopAsking();
    for (const link of this.#links.values()) {
      link.goodbye();
    }
    this.#links.clear();
  }

  get #label(): string {
    return this.#number === 1 ? this.#title.label : `${this.#title.label}-${this.#number}`;
  }

  get #host(): string {
    return `${this.#label}.local`;
  }

  #publishedOn({ addresses }: LocalLink): Published {
    const title = this.#number === 1 ? this.#title.title : `${this.#title.title} (${this.#number})`;
    return { host: this.#host, instance: `${title}._http._tcp.local`, port: this.#title.port, addresses };
  }

  #open(local: LocalLink): void {
    const { clock, wire, random = Math.random } = this.#options;
    const link = new Link(this.#publishedOn(local), {
      clock,
      random,
      send: (bytes, to) => {
        this.#sent = [...this.#sent.slice(1 - KEPT_SENT), bytes];
        wire.send(local.key, bytes, to);
      },
      isOwnAddress: (address) => this.isOwnAddress(address),
      onTaken: () => this.#taken(),
      onClaimed: () => this.#claimed(),
    });
    this.#links.set(local.key, link);
    link.begin();
  }

  #taken(): void {
    const nowMs = this.#options.clock.monoMs();
    this.#takenMs = [...this.#takenMs, nowMs].filter((ms) => nowMs - ms < MANY_WITHIN_MS);
    this.#setNumber(this.#number >= MAX_NUMBER ? 1 : this.#number + 1);
    this.#isSlow ||= this.#takenMs.length >= MANY_TAKEN;
    this.#publishAll(this.#isSlow ? SLOW_MS : 0);
  }

  #setNumber(number: number): void {
    if (number !== this.#number) {
      this.#number = number;
      this.#options.onNumber?.(number);
    }
  }

  #publishAll(afterMs: number): void {
    for (const local of this.#local) {
      this.#links.get(local.key)?.publish(this.#publishedOn(local), afterMs);
    }
  }

  #claimed(): void {
    this.#isSlow = false;
    if (this.#told !== this.#host) {
      this.#told = this.#host;
      this.#options.log.debug({ name: this.#host }, 'the box has its name in the network');
      this.#options.onName?.(this.#host);
    }
  }
}
