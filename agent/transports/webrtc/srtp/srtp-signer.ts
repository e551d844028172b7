import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { AUTH_TAG_BYTES } from '../../../media/rtp/header.ts';
import type { PacketMemory } from '../../../native/packet-memory.ts';
import { HmacLanes, type HmacState } from './hmac/hmac-lanes.ts';
import { LANES } from './hmac/sha1-lanes.ts';

const ROC_BYTES = 4;
/** Above this many blocks, Node's HMAC is cheaper than mostly empty lanes. */
const MAX_BLOCKS_ALONE = 8;

/**
 * Appends HMAC-SHA1-80 tags to SRTP packets in their slots. A tag covers the packet and the roll-over counter, which is
 * not sent (RFC 3711 §4.2).
 */
export interface SrtpSigner {
  /** @param length of header and encrypted payload, at most 1,200 bytes; the tag may be written later */
  add(memory: PacketMemory, slot: number, length: number, rollOverCounter: number): void;
  /** Writes all pending tags. */
  finish(memory: PacketMemory): void;
}

let lanes: HmacLanes | undefined;
let hasTried = false;

/** Uses vectors if supported: four packets then cost little more than one. */
export function createSrtpSigner(authKey: Uint8Array): SrtpSigner {
  if (!hasTried) {
    hasTried = true;
    lanes = HmacLanes.create();
  }
  return lanes ? new LaneSigner(lanes, authKey) : new NodeSigner(authKey);
}

export class NodeSigner implements SrtpSigner {
  readonly #authKey: KeyObject;

  constructor(authKey: Uint8Array) {
    this.#authKey = createSecretKey(authKey);
  }

  add({ bytes, view }: PacketMemory, slot: number, length: number, rollOverCounter: number): void {
    view.setUint32(slot + length, rollOverCounter);
    const covered = new Uint8Array(bytes.buffer, slot, length + ROC_BYTES);
    const digest = createHmac('sha1', this.#authKey).update(covered).digest();
    for (let i = 0; i < AUTH_TAG_BYTES; i += 1) {
      bytes[slot + length + i] = digest[i] as number;
    }
  }

  finish(): void {}
}

/** Offsets of the pending tags; shared by all signers, because no tag is pending after a batch. */
const tagOffsets = new Uint32Array(LANES);

export class LaneSigner implements SrtpSigner {
  readonly #lanes: HmacLanes;
  readonly #state: HmacState;
  readonly #alone: NodeSigner;
  #waiting = 0;
  #maxBlocks = 0;
  /** Slot and roll-over counter of the latest packet. */
  #slot = 0;
  #rollOverCounter = 0;

  constructor(lanes: HmacLanes, authKey: Uint8Array) {
    this.#lanes = lanes;
    this.#state = lanes.deriveState(authKey);
    this.#alone = new NodeSigner(authKey);
  }

  add(memory: PacketMemory, slot: number, length: number, rollOverCounter: number): void {
    const lane = this.#waiting;
    const lanes = this.#lanes;
    const to = lanes.firstWord(lane);
    const from = slot >>> 2;
    const count = (length + 3) >>> 2;
    for (let w = 0; w < count; w += 1) {
      lanes.words[to + w] = memory.words[from + w] as number;
    }
    lanes.view.setUint32(4 * to + length, rollOverCounter);
    const blocks = lanes.end(lane, length + ROC_BYTES);
    this.#maxBlocks = Math.max(blocks, this.#maxBlocks);
    tagOffsets[lane] = slot + length;
    this.#slot = slot;
    this.#rollOverCounter = rollOverCounter;
    this.#waiting = lane + 1;
    if (this.#waiting === LANES) {
      this.finish(memory);
    }
  }

  finish(memory: PacketMemory): void {
    const waiting = this.#waiting;
    if (waiting === 1 && this.#maxBlocks > MAX_BLOCKS_ALONE) {
      this.#alone.add(memory, this.#slot, (tagOffsets[0] as number) - this.#slot, this.#rollOverCounter);
    } else if (waiting > 0) {
      this.#lanes.sign(this.#state, waiting, this.#maxBlocks);
      for (let lane = 0; lane < waiting; lane += 1) {
        const at = tagOffsets[lane] as number;
        memory.view.setUint32(at, this.#lanes.tagWord(lane, 0));
        memory.view.setUint32(at + 4, this.#lanes.tagWord(lane, 1));
        memory.view.setUint16(at + 8, this.#lanes.tagWord(lane, 2) >>> 16);
      }
    }
    this.#waiting = 0;
    this.#maxBlocks = 0;
  }
}
