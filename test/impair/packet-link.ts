import type { Clock } from '../../agent/base/clock.ts';
import { random } from '../support/base/random.ts';

/** What a network does to the packets of one direction. Shares are of all packets, from 0 to 1. */
export interface PacketImpairment {
  /** The same seed, the same fate for each packet. */
  readonly seed: number;
  /** So many at the beginning go through as they are: a receiver cannot know what was before the first that it gets. */
  readonly sparedPackets?: number;
  readonly loss?: number;
  /** The share of packets at which a burst of losses begins, and its length. */
  readonly bursts?: { readonly share: number; readonly packets: number };
  /** These come twice. */
  readonly duplicates?: number;
  /** A share that is held back, so that others overtake it. */
  readonly reorder?: { readonly share: number; readonly heldMs: number };
  /** Each is delayed by this. */
  readonly delayMs?: number;
  /** Each is delayed by something from 0 to this. */
  readonly jitterMs?: number;
  /** What does not fit is queued, and lost when the queue is full. */
  readonly bandwidth?: { readonly bitsPerSecond: number; readonly queueBytes: number };
}

/** What becomes of one packet: the delay in milliseconds of each copy that arrives. Empty: it is lost. */
export type Fate = readonly number[];

/** Draws the fate of packet after packet. */
export class Fates {
  readonly #impairment: PacketImpairment;
  readonly #random: () => number;
  #burstLeft = 0;
  #sparedLeft: number;

  constructor(impairment: PacketImpairment) {
    this.#impairment = impairment;
    this.#sparedLeft = impairment.sparedPackets ?? 0;
    this.#random = random(impairment.seed);
  }

  next(): Fate {
    const { loss = 0, bursts, duplicates = 0, reorder, jitterMs = 0 } = this.#impairment;
    // Drawn for every packet, so that one kind of luck does not change another.
    const isLost = this.#random() < loss;
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
}

/** Sees each packet that is sent, and how many copies of it will arrive. `isRtp`: it is no RTCP. */
export type Watch = (packet: Uint8Array, copies: number, isRtp: boolean) => void;

/** How a way is right now: `stalled` keeps what comes until it opens again, `blackHole` swallows it. */
export type WayState = 'open' | 'stalled' | 'blackHole';

/** So much a way keeps while it is stalled; what comes beyond that is lost. */
const STALL_LIMIT_BYTES = 1 << 20;

/** One direction of a way for datagrams. */
export class PacketLink {
  readonly #impairment: PacketImpairment;
  readonly #fates: Fates;
  readonly #clock: Clock;
  readonly #deliver: (packet: Uint8Array) => void;
  readonly #closed = new AbortController();
  #state: WayState = 'open';
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

  get state(): WayState {
    return this.#state;
  }

  set state(state: WayState) {
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
    const fate = this.#fates.next();
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
    } else if (this.#keptBytes + packet.length <= STALL_LIMIT_BYTES) {
      this.#kept.push(packet);
      this.#keptBytes += packet.length;
    }
  }
}
