import { explain } from '../base/errors.ts';
import type { OpusTrack } from '../media/sample/track.ts';
import { BatchWriter, readBatch, stampOf } from './batch.ts';
import type { Chain, Emit } from './chain.ts';
import type { FromWorker, Order, ToWorker } from './messages.ts';
import { ToFlac } from './to-flac.ts';
import { ToOpus } from './to-opus.ts';
import type { OpusOrigin } from './turnable.ts';

interface Lane {
  readonly order: Extract<Order, { type: 'open' }>;
  /** undefined: it is about to be there, or cannot be. */
  chain: Chain | undefined;
  /** It broke: a new one is made with the next sample. */
  isBroken: boolean;
}

/** Turns the sound of all lanes: what runs in the worker. */
export class Engine {
  readonly #post: (message: FromWorker) => void;
  readonly #lanes = new Map<number, Lane>();
  readonly #turned = new BatchWriter();

  /** @param post an answer is handed over with its memory */
  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  receive(message: ToWorker): void {
    if (message instanceof ArrayBuffer) {
      readBatch(message, (lane, pts, wall, data) => this.#push(lane, pts, wall, data));
      // Also without a single sample: it says how far we are.
      this.#post(this.#turned.take(stampOf(message), message.byteLength));
    } else if (message.type === 'open') {
      const lane: Lane = { order: message, chain: undefined, isBroken: false };
      this.#lanes.set(message.lane, lane);
      this.#make(lane);
    } else {
      this.#lanes.get(message.lane)?.chain?.free();
      this.#lanes.delete(message.lane);
    }
  }

  #push(number: number, pts: number, wall: number, data: Uint8Array): void {
    const lane = this.#lanes.get(number);
    if (lane?.isBroken) {
      this.#make(lane);
    }
    try {
      lane?.chain?.push(data, pts, wall);
    } catch (error) {
      this.#break(lane as Lane, error);
    }
  }

  /** As libopus is loaded, it is there before the next message. */
  #make(lane: Lane): void {
    const { lane: number, form, track } = lane.order;
    lane.isBroken = false;
    const emit: Emit = (pts, wall, data) => this.#turned.add(number, pts, wall, data);
    const making = form === 'opus' ? ToOpus.create(track as OpusOrigin, emit) : ToFlac.create(track as OpusTrack, emit);
    making.then(
      (chain) => {
        if (this.#lanes.get(number) === lane) {
          lane.chain = chain;
        } else {
          chain.free();
        }
      },
      (error: unknown) => this.#break(lane, error),
    );
  }

  /** One lane's fault is not the others'. */
  #break(lane: Lane, error: unknown): void {
    lane.chain?.free();
    lane.chain = undefined;
    lane.isBroken = true;
    this.#post({ type: 'fault', lane: lane.order.lane, message: explain(error) });
  }
}
