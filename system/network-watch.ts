import type { Clock } from '../agent/base/clock.ts';
import { type Interfaces, systemInterfaces } from '../agent/base/network/interfaces.ts';

export interface Network {
  readonly interfaces: Interfaces;
  /** @returns removes the listener */
  onChange(listener: () => void): () => void;
}

/** Polling interval. Node reports no changes of addresses; a poll is one system call of some 50 µs. */
const POLL_MS = 5_000;

/** Reads the box's addresses every few seconds, once for all listeners. */
export class NetworkWatch implements Network {
  readonly #read: () => Interfaces;
  readonly #listeners = new Set<() => void>();
  readonly #stop: () => void;
  #interfaces: Interfaces;
  #seen: string;

  constructor(clock: Pick<Clock, 'every'>, read: () => Interfaces = systemInterfaces) {
    this.#read = read;
    this.#interfaces = read();
    this.#seen = interfacesText(this.#interfaces);
    this.#stop = clock.every(POLL_MS, () => this.#check());
  }

  get interfaces(): Interfaces {
    return this.#interfaces;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#stop();
    this.#listeners.clear();
  }

  #check(): void {
    const interfaces = this.#read();
    const seen = interfacesText(interfaces);
    if (seen === this.#seen) {
      return;
    }
    this.#interfaces = interfaces;
    this.#seen = seen;
    for (const listener of this.#listeners) {
      listener();
    }
  }
}

const interfacesText = (interfaces: Interfaces): string =>
  Object.entries(interfaces)
    .flatMap(([name, all = []]) => all.map(({ address, cidr }) => `${name} ${cidr ?? address}`))
    .sort()
    .join('\n');
