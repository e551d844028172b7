import type { RemoteInfo } from 'node:dgram';
import type { Network } from '../network-watch.ts';
import { allAddresses, type BoundLink, localLinks } from './local-links.ts';
import { type BoxTitle, Responder, type ResponderOptions } from './responder.ts';
import { MdnsSockets } from './sockets.ts';

export interface BoxNameOptions extends Omit<ResponderOptions, 'wire' | 'random'> {
  readonly network: Network;
}

/** A port that another program holds may become free, and an interface may join its group late. */
const RETRY_MS = 30_000;

/** Announces the name of the page in the box's networks while it is open. */
export class BoxName {
  readonly #options: BoxNameOptions;
  readonly #sockets: MdnsSockets;
  readonly #responder: Responder;
  readonly #ends: readonly (() => void)[];
  #links: readonly BoundLink[] = [];
  #turn: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(title: BoxTitle, options: BoxNameOptions) {
    const { clock, log, network } = options;
    this.#options = options;
    this.#sockets = new MdnsSockets({
      log,
      onMessage: (link, bytes, from) => this.#heard(link, bytes, from),
    });
    this.#responder = new Responder(title, { ...options, wire: this.#sockets });
    const follow = () => this.#follow();
    this.#ends = [network.onChange(follow), clock.every(RETRY_MS, follow)];
    follow();
  }

  get name(): string | undefined {
    return this.#responder.name;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const end of this.#ends) {
      end();
    }
    await this.#turn;
    this.#responder.close();
    await this.#sockets.close();
  }

  #follow(): void {
    this.#turn = this.#turn.then(async () => {
      if (this.#isClosed) {
        return;
      }
      const { interfaces } = this.#options.network;
      this.#links = localLinks(interfaces);
      const open = await this.#sockets.setLinks(this.#links);
      this.#responder.setLinks(open, allAddresses(interfaces));
    });
  }

  #heard({ key }: BoundLink, bytes: Buffer, { address, port }: RemoteInfo): void {
    // An address may have changed since its socket was opened.
    const link = this.#links.find((one) => one.key === key);
    if (link?.isNear(address)) {
      this.#responder.heard(key, bytes, { address, port, isOwn: this.#responder.isOwnAddress(address) });
    }
  }
}
