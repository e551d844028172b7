import type { Clock } from '../../agent/base/clock.ts';
import { random } from '../support/base/random.ts';

/** Impairments of the packets of one direction. Shares are of all packets, from 0 to 1. */
export interface PacketImpairment {
  /** The same seed, the same fate for each packet. */
  readonly seed: number;
  /** This many packets at the beginning are not impaired: a receiver cannot know what preceded its first one. */
  readonly sparedPackets?: number;
  readonly loss?: number;
  /**
   * What a packet carries; a retransmission carries the same. Whether it is lost then depends on the seed, this number and how often it was
   * sent before, not on the packets between. Undefined: by its turn.
   */
  readonly contentOf?: (packet: Uint8Array) => number | undefined;
  /** Maximum number of lost transmissions of one content; default: no limit. */
  readonly maxLosses?: number;
  /** The share of packets at which a burst of losses begins, and its length. */
  readonly bursts?: { readonly share: number; readonly packets: number };
  /** Share of packets that arrive twice. */
  readonly duplicates?: number;
  /** Share of packets that are held back, so that others overtake them. */
  readonly reorder?: { readonly share: number; readonly heldMs: number };
  /** Delay of each packet. */
  readonly delayMs?: number;
  /** Maximum of a random additional delay of each packet. */
  readonly jitterMs?: number;
  /** Packets above the rate are queued, and lost when the queue is full. */
  readonly bandwidth?: { readonly bitsPerSecond: number; readonly queueBytes: number };
}

/** The fate of one packet: the delay in milliseconds of each copy that arrives. Empty: it is lost. */
export type Fate = readonly number[];

/** Draws the fate of packet after packet. */
export class Fates {
  readonly #impairment: PacketImpairment;
  readonly #random: () => number;
  /** Transmissions of each content so far, and how many of them were lost. */
  readonly #transmissions = new Map<number, { readonly sent: number; readonly lost: number }>();
  #burstLeft = 0;
  #sparedLeft: number;

  constructor(impairment: PacketImpairment) {
    this.#impairment = impairment;
    this.#sparedLeft = impairment.sparedPackets ?? 0;
    this.#random = random(impairment.seed);
  }

  /** @param content see `contentOf` */
  next(content?: number): Fate {
    const { loss = 0, bursts, duplicates = 0, reorder, jitterMs = 0 } = this.#impairment;
    // Drawn for every packet, so that one kind of luck does not change another.
    const draw = this.#random();
    const isLost = content === undefined ? draw < loss : this.#isContentLost(content, loss);
    const isBurst = this.#random() < (bursts?.share ?? 0);
    const isTwice = this.#random() < duplicates;
    const heldMs = this.#random() < (reorder?.share ?? 0) ? (reorder?.heldMs ?? 0) : 0;
    const delayMs = heldMs + this.#random() * jitterMs;
    const secondDelayMs = heldMs + this.#random() * jitterMs;
    if (this.#sparedLeft > 0) {
      this.#sparedLeft -= 1;
      return [0];
    }
    if (isBurst && this.#burstLeft === 0) {
      this.#burstLeft = bursts?.packets ?? 0;
    }
    if (this.#burstLeft > 0) {
      this.#burstLeft -= 1;
      return [];
    }
    if (isLost) {
      return [];
    }
    return isTwice ? [delayMs, secondDelayMs] : [delayMs];
  }

  #isContentLost(content: number, loss: number): boolean {
    const { seed, maxLosses = Number.POSITIVE_INFINITY } = this.#impairment;
    const { sent, lost } = this.#transmissions.get(content) ?? { sent: 0, lost: 0 };
    const draw = random(seed + Math.imul(content, 0x9e37_79b1) + Math.imul(sent, 0x85eb_ca6b))();
    const isLost = draw < loss && lost < maxLosses;
    this.#transmissions.set(content, { sent: sent + 1, lost: lost + (isLost ? 1 : 0) });
    return isLost;
  }
}

/** Called for each packet sent, with the number of copies that will arrive. `isRtp`: not RTCP. */
export type Watch = (packet: Uint8Array, copies: number, isRtp: boolean) => void;

/** State of a link: `stalled` keeps packets until it is open again, `blackHole` drops them. */
export type LinkState = 'open' | 'stalled' | 'blackHole';

/** A stalled link keeps this much; further packets are lost. */
const MAX_STALLED_BYTES = 1 << 20;

/** One direction of a link for datagrams. */
export class PacketLink {
  readonly #impairment: PacketImpairment;
  readonly #fates: Fates;
  readonly #clock: Clock;
  readonly #deliver: (packet: Uint8Array) => void;
  readonly #closed = new AbortController();
  #state: LinkState = 'open';
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  /** When all that is queued before the bottleneck has left it. */
  #freeAtMs = 0;

  /** @param deliver gets each packet that arrives */
  constructor(impairment: PacketImpairment, clock: Clock, deliver: (packet: Uint8Array) => void) {
    this.#impairment = impairment;
    this.#fates = new Fates(impairment);
    this.#clock = clock;
    this.#deliver = deliver;
  }

  get state(): LinkState {
    return this.#state;
  }

  set state(state: LinkState) {
    this.#state = state;
    const kept = this.#kept;
    this.#kept = [];
    this.#keptBytes = 0;
    if (state === 'open') {
      for (const packet of kept) {
        this.#deliver(packet);
      }
    }
  }

  /** @returns how many copies of it will arrive */
  push(packet: Uint8Array): number {
    const fate = this.#fates.next(this.#impairment.contentOf?.(packet));
    if (this.#state === 'blackHole' || fate.length === 0) {
      return 0;
    }
    const queuedMs = this.#queue(packet.length);
    if (queuedMs === undefined) {
      return 0;
    }
    const { delayMs: wayMs = 0 } = this.#impairment;
    for (const delayMs of fate) {
      this.#deliverAfter(queuedMs + wayMs + delayMs, packet);
    }
    return fate.length;
  }

  close(): void {
    this.#closed.abort();
  }

  /** @returns how long a packet takes through the bottleneck; undefined: the queue is full */
  #queue(sizeBytes: number): number | undefined {
    const { bandwidth } = this.#impairment;
    if (!bandwidth) {
      return 0;
    }
    const bytesPerMs = bandwidth.bitsPerSecond / 8000;
    const nowMs = this.#clock.monoMs();
    const waitMs = Math.max(0, this.#freeAtMs - nowMs);
    if (waitMs * bytesPerMs + sizeBytes > bandwidth.queueBytes) {
      return undefined;
    }
    this.#freeAtMs = nowMs + waitMs + sizeBytes / bytesPerMs;
    return this.#freeAtMs - nowMs;
  }

  async #deliverAfter(delayMs: number, packet: Uint8Array): Promise<void> {
    if (delayMs > 0) {
      await this.#clock.sleep(delayMs, this.#closed.signal);
    }
    if (this.#closed.signal.aborted) {
      return;
    }
    if (this.#state !== 'stalled') {
      this.#deliver(packet);
    } else if (this.#keptBytes + packet.length <= MAX_STALLED_BYTES) {
      this.#kept.push(packet);
      this.#keptBytes += packet.length;
    }
  }
}
