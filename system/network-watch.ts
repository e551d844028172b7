import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { Clock } from '../agent/base/clock.ts';

export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** Where the machine is in networks, and word of it when that changes. */
export interface Network {
  readonly interfaces: Interfaces;
  /** @returns ends it */
  onChange(listener: () => void): () => void;
}

/** One call of the system, some 50 µs; nothing tells of changes without a native add-on. */
const LOOK_MS = 5_000;

/** The addresses of the machine, looked at every few seconds, once for all who want to know. */
export class NetworkWatch implements Network {
  readonly #read: () => Interfaces;
  readonly #listeners = new Set<() => void>();
  readonly #stop: () => void;
  #interfaces: Interfaces;
  #seen: string;

  constructor(clock: Pick<Clock, 'every'>, read: () => Interfaces = systemInterfaces) {
    this.#read = read;
    this.#interfaces = read();
    this.#seen = textOf(this.#interfaces);
    this.#stop = clock.every(LOOK_MS, () => this.#look());
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

  #look(): void {
    const interfaces = this.#read();
    const seen = textOf(interfaces);
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

/** A system that does not tell (a sandbox without netlink) has none: that must not end anything. */
function systemInterfaces(): Interfaces {
  try {
    return networkInterfaces();
  } catch {
    return {};
  }
}

const textOf = (interfaces: Interfaces): string =>
  Object.entries(interfaces)
    .flatMap(([name, all = []]) => all.map(({ address, cidr }) => `${name} ${cidr ?? address}`))
    .sort()
    .join('\n');
