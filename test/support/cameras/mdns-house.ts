import { decode } from 'dns-packet';
import { createLogger } from '../../../agent/base/log.ts';
import { MDNS_PORT, type Source } from '../../../system/mdns/link.ts';
import { type BoxTitle, type LocalLink, Responder, type ResponderOptions } from '../../../system/mdns/responder.ts';
import { FakeClock } from '../base/fake-clock.ts';
import { random } from '../base/random.ts';

/** A packet in a network. */
export interface Said {
  readonly atMs: number;
  readonly from: string;
  /** The destination of a unicast packet. */
  readonly to: Pick<Source, 'address' | 'port'> | undefined;
  readonly bytes: Buffer;
  readonly message: ReturnType<typeof decode>;
}

interface Machine {
  readonly address: string;
  readonly responders: { readonly responder: Responder; readonly links: readonly string[] }[];
}

/** Machines with mDNS responders in simulated networks, by a fake clock. */
export class MdnsHouse {
  readonly clock = new FakeClock();
  readonly said: Said[] = [];
  /** Share of packets that are lost between machines, 0 to 1. */
  lossRate = 0;
  readonly #random: () => number;
  readonly #machines: Machine[] = [];

  constructor(seed = 1) {
    this.#random = random(seed);
  }

  /** A responder on the machine of this address, in one network called `lan` unless its links are given. */
  box(address: string, title: Partial<BoxTitle> = {}, more: Partial<ResponderOptions> & { links?: LocalLink[] } = {}) {
    let machine = this.#machines.find((one) => one.address === address);
    if (!machine) {
      machine = { address, responders: [] };
      this.#machines.push(machine);
    }
    const { links = [{ key: 'lan', addresses: [address] }], ...options } = more;
    const responder = new Responder(
      { label: 'perch', title: 'Perch', port: 80, ...title },
      {
        clock: this.clock,
        log: createLogger('error', () => {}),
        random: this.#random,
        wire: { send: (link, bytes, to) => this.send(address, link, bytes, to) },
        ...options,
      },
    );
    machine.responders.push({ responder, links: links.map(({ key }) => key) });
    responder.setLinks(links, [...new Set(links.flatMap(({ addresses }) => addresses))]);
    return responder;
  }

  /** Sends a packet from `from`, which need not run Perch. It arrives in a later turn of the event loop. */
  send(from: string, link: string, bytes: Buffer, to?: Pick<Source, 'address' | 'port'>, port = MDNS_PORT): void {
    this.said.push({ atMs: this.clock.monoMs(), from, to, bytes, message: decode(bytes) });
    for (const machine of this.#machines.filter(({ address }) => to === undefined || to.address === address)) {
      const isOwn = machine.address === from;
      // Packets of a machine to itself are never lost.
      if (isOwn || this.#random() >= this.lossRate) {
        queueMicrotask(() => {
          for (const { responder } of machine.responders.filter((one) => one.links.includes(link))) {
            responder.heard(link, bytes, { address: from, port, isOwn });
          }
        });
      }
    }
  }

  /** The packets of that time. @param act runs first */
  async saidWithin(ms: number, act = () => {}): Promise<readonly Said[]> {
    const before = this.said.length;
    act();
    await this.clock.advance(ms);
    return this.said.slice(before);
  }
}
