import type { Clock } from '../../agent/base/clock.ts';
import type { Logger } from '../../agent/base/log.ts';
import { canonicalIp } from '../../agent/base/network/ip-address.ts';
import { Link, type Source } from './link.ts';
import type { AnnouncedBox, Published } from './records.ts';

/** One network of the box, over IPv4 or IPv6. */
export interface LocalLink {
  /** `eth0 IPv4`. */
  readonly key: string;
  /** Addresses announced there: those of the interface, of both families. */
  readonly addresses: readonly string[];
}

export interface MdnsTransport {
  /** @param to the whole group when absent */
  send(link: string, bytes: Buffer, to?: Pick<Source, 'address' | 'port'>): void;
}

export interface BoxTitle {
  /** `perch`: the label before `.local`. */
  readonly label: string;
  /** `Perch`: shown in lists of services. */
  readonly title: string;
  readonly port: number;
  readonly box?: AnnouncedBox | undefined;
}

export interface ResponderOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly wire: MdnsTransport;
  readonly random?: () => number;
  /** Number of the last name, so that `perch-2.local` is kept. */
  readonly number?: number;
  readonly onNumber?: (number: number) => void;
  /** Called when the name is claimed for the first time since it changed. */
  readonly onName?: (name: string) => void;
}

/** RFC 6762 §8.1: after this many conflicts, probes are sent slowly. */
const MANY_TAKEN = 15;
const MANY_WITHIN_MS = 10_000;
const SLOW_MS = 5_000;
/** A network where every name is taken has a host that claims all it hears. */
const MAX_NUMBER = 999;
/** Interval of checks whether another program of the box still has the name. */
const ASK_AGAIN_MS = 60_000;
/** Number of sent packets that are remembered, to ignore them when multicast loopback returns them. */
const KEPT_SENT = 32;

/** The box's name, the same in all its networks. */
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
  #announced: string | undefined;

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

  /** `perch.local`, once it is claimed in a network. */
  get name(): string | undefined {
    return [...this.#links.values()].some(({ hasName }) => hasName) ? this.#host : undefined;
  }

  /** @param ownAddresses of the box, also in networks where nothing is announced */
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
    // Multicast loopback of a sent packet, by its own interface or by another one in the same network.
    if (from.isOwn && this.#sent.some((sent) => sent.equals(bytes))) {
      return;
    }
    this.#links.get(link)?.heard(bytes, from);
  }

  isOwnAddress(address: string): boolean {
    return this.#own.has(canonicalIp(address) ?? address);
  }

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
    return {
      host: this.#host,
      instance: `${title}._http._tcp.local`,
      port: this.#title.port,
      addresses,
      box: this.#title.box,
    };
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
    if (this.#announced !== this.#host) {
      this.#announced = this.#host;
      this.#options.log.debug({ name: this.#host }, 'mDNS name claimed');
      this.#options.onName?.(this.#host);
    }
  }
}
