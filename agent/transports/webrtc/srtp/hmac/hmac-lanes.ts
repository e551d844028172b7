import { createHmac } from 'node:crypto';
import {
  BLOCK_BYTES,
  BLOCKS_AT,
  INNER_AT,
  LANES,
  MESSAGE_STRIDE,
  MESSAGES_AT,
  OUTER_AT,
  STATES_AT,
  TAGS_AT,
  writeSha1Lanes,
} from './sha1-lanes.ts';

const STATE_WORDS = 5;
/** Initial hash value of SHA-1, FIPS 180-4 §5.3.1. */
const INITIAL_STATE = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
/** No message has this length. */
const NO_LENGTH = 0xffff;
const STRIDE_WORDS = MESSAGE_STRIDE >>> 2;

/** A key after its two blocks, RFC 2104 §4: ten words. */
export type HmacState = Uint32Array;

/**
 * Signs up to four messages per call. To save a copy, callers write them into `words` (or `view`) from
 * `firstWord(lane)` on, at most 1,271 bytes each. One instance serves all keys: it keeps nothing of them between calls.
 */
export class HmacLanes {
  readonly words: Uint32Array;
  readonly view: DataView;
  readonly #bytes: Uint8Array;
  readonly #run: (maxBlocks: number) => void;
  /** Length of each lane's previous message, whose padding is still in the memory. */
  readonly #lengths = new Uint16Array(LANES).fill(NO_LENGTH);

  private constructor() {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(writeSha1Lanes()), { env: { memory } });
    this.#run = instance.exports['run'] as (maxBlocks: number) => void;
    this.words = new Uint32Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
  }

  /** @returns undefined if this box or Node does not support it, or if the self-test fails */
  static create(): HmacLanes | undefined {
    try {
      const lanes = new HmacLanes();
      return lanes.#isRight() ? lanes : undefined;
    } catch {
      // No WebAssembly (--jitless), no vectors, or no room for its memory.
      return undefined;
    }
  }

  firstWord(lane: number): number {
    return (MESSAGES_AT >>> 2) + lane * STRIDE_WORDS;
  }

  /** @param key at most 64 bytes */
  deriveState(key: Uint8Array): HmacState {
    for (let lane = 0; lane < 2; lane += 1) {
      const at = MESSAGES_AT + lane * MESSAGE_STRIDE;
      this.#bytes.fill(0, at, at + BLOCK_BYTES).set(key, at);
      for (let i = 0; i < BLOCK_BYTES; i += 1) {
        this.#bytes[at + i] = (this.#bytes[at + i] as number) ^ (lane === 0 ? 0x36 : 0x5c);
      }
    }
    this.words.set(INITIAL_STATE, INNER_AT >>> 2);
    this.words.set([1, 1, 0, 0], BLOCKS_AT >>> 2);
    this.#run(1);
    const state = new Uint32Array(2 * STATE_WORDS);
    for (let i = 0; i < STATE_WORDS; i += 1) {
      const row = (STATES_AT >>> 2) + i * LANES;
      state[i] = this.words[row] as number;
      state[STATE_WORDS + i] = this.words[row + 1] as number;
    }
    this.#forget();
    return state;
  }

  /** Completes a lane's message. @returns its number of 64-byte blocks */
  end(lane: number, messageBytes: number): number {
    const blocks = (messageBytes + 9 + BLOCK_BYTES - 1) >>> 6;
    if (this.#lengths[lane] !== messageBytes) {
      this.#lengths[lane] = messageBytes;
      const at = MESSAGES_AT + lane * MESSAGE_STRIDE;
      const end = at + blocks * BLOCK_BYTES;
      this.#bytes[at + messageBytes] = 0x80;
      this.#bytes.fill(0, at + messageBytes + 1, end - 4);
      // The length in bits includes the key's block before the message.
      this.view.setUint32(end - 4, 8 * (BLOCK_BYTES + messageBytes));
    }
    this.words[(BLOCKS_AT >>> 2) + lane] = blocks;
    return blocks;
  }

  /**
   * Signs the completed messages of the first lanes.
   * @param maxBlocks number of blocks of the longest message
   */
  sign(state: HmacState, lanes: number, maxBlocks: number): void {
    for (let lane = lanes; lane < LANES; lane += 1) {
      this.words[(BLOCKS_AT >>> 2) + lane] = 0;
    }
    for (let i = 0; i < 2 * STATE_WORDS; i += 1) {
      this.words[i] = state[i] as number;
    }
    this.#run(maxBlocks);
  }

  /** @param word 0 to 2, big-endian */
  tagWord(lane: number, word: number): number {
    return this.words[(TAGS_AT >>> 2) + word * LANES + lane] as number;
  }

  /** Clears key material. */
  #forget(): void {
    this.#lengths.fill(NO_LENGTH);
    this.#bytes.fill(0, INNER_AT, OUTER_AT + 4 * STATE_WORDS);
    this.#bytes.fill(0, STATES_AT, MESSAGES_AT + 2 * MESSAGE_STRIDE);
  }

  /** Compares lengths around block boundaries with Node's HMAC. */
  #isRight(): boolean {
    const key = Uint8Array.from({ length: 20 }, (_, i) => 7 * i);
    const state = this.deriveState(key);
    const messages = [54, 55, 56, 1_204].map((length) => new Uint8Array(length).fill(length));
    let maxBlocks = 0;
    for (const [lane, message] of messages.entries()) {
      this.#bytes.set(message, 4 * this.firstWord(lane));
      maxBlocks = Math.max(maxBlocks, this.end(lane, message.length));
    }
    this.sign(state, LANES, maxBlocks);
    return messages.every((message, lane) => {
      const tag = createHmac('sha1', key).update(message).digest();
      return [0, 1, 2].every((word) => this.tagWord(lane, word) === tag.readUInt32BE(4 * word));
    });
  }
}
