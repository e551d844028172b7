import { WasmCode, writeWasmModule } from './wasm-code.ts';

/*
 * HMAC-SHA1 (RFC 2104, FIPS 180-4 §6.1) of four messages at once, one in each lane of 128-bit vectors. Written here as
 * WebAssembly, because nothing in Node does HMAC without making an object per message, which costs more than the hash.
 *
 * The memory of the function, addresses in bytes:
 *
 *   0    state after the key's inner block, 5 words       20   after its outer block
 *   48   blocks of each lane's message, 4 words           64   first 12 bytes of each tag: 3 rows of 4 lanes, words
 *   112  inner state at the end: 5 rows of 4 lanes        256  messages, padded, one every 1,280 bytes
 */
export const INNER_AT = 0;
export const OUTER_AT = 20;
export const BLOCKS_AT = 48;
export const TAGS_AT = 64;
export const STATES_AT = 112;
export const MESSAGES_AT = 256;
export const MESSAGE_STRIDE = 1_280;
export const LANES = 4;
export const BLOCK_BYTES = 64;
const STATE_WORDS = 5;
const BLOCK_WORDS = 16;

// Locals.
const MAX_BLOCKS = 0;
const ADDRESS = 1;
const BLOCK = 2;
const WORD = 3;
const WORKING = WORD + BLOCK_WORDS;
const STATE = WORKING + STATE_WORDS;
const SCRATCH = STATE + STATE_WORDS;
const VECTORS = SCRATCH + LANES - WORD;

const CONSTANTS = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6];
/** Bits of the outer message: the key's block and the inner digest. */
const OUTER_BITS = 8 * (BLOCK_BYTES + 4 * STATE_WORDS);

/** @returns the module; its function takes the block count of the longest message */
export function writeSha1Lanes(): Uint8Array<ArrayBuffer> {
  const code = new WasmCode();
  hashMessages(code);
  for (let i = 0; i < STATE_WORDS; i += 1) {
    store(code, STATE + i, STATES_AT + 16 * i);
  }
  hashDigests(code);
  return writeWasmModule(code, BLOCK, VECTORS);
}

function hashMessages(code: WasmCode): void {
  loadState(code, INNER_AT);
  code.int(MESSAGES_AT);
  code.set(ADDRESS);
  code.beginLoop();
  for (let quarter = 0; quarter < 4; quarter += 1) {
    loadWords(code, quarter);
  }
  copyState(code);
  writeRounds(code);
  // A lane keeps its state after its message has ended.
  code.int(0);
  code.load(BLOCKS_AT);
  code.get(BLOCK);
  code.splat();
  code.isGreater();
  code.set(SCRATCH);
  for (let i = 0; i < STATE_WORDS; i += 1) {
    code.get(STATE + i);
    code.get(WORKING + i);
    code.get(SCRATCH);
    code.and();
    code.add();
    code.set(STATE + i);
  }
  increase(code, ADDRESS, BLOCK_BYTES);
  increase(code, BLOCK, 1);
  code.endLoopWhileLess(BLOCK, MAX_BLOCKS);
}

/** The outer hash: the digests are already words. */
function hashDigests(code: WasmCode): void {
  for (let i = 0; i < BLOCK_WORDS; i += 1) {
    if (i < STATE_WORDS) {
      code.get(STATE + i);
    } else {
      code.int(i === STATE_WORDS ? 0x8000_0000 : i === BLOCK_WORDS - 1 ? OUTER_BITS : 0);
      code.splat();
    }
    code.set(WORD + i);
  }
  loadState(code, OUTER_AT);
  copyState(code);
  writeRounds(code);
  for (let i = 0; i < 3; i += 1) {
    code.get(STATE + i);
    code.get(WORKING + i);
    code.add();
    code.set(STATE + i);
    store(code, STATE + i, TAGS_AT + 16 * i);
  }
}

/** Transposes four words of each message and swaps their bytes. */
function loadWords(code: WasmCode, quarter: number): void {
  for (let lane = 0; lane < LANES; lane += 1) {
    code.get(ADDRESS);
    code.load(lane * MESSAGE_STRIDE + 16 * quarter);
    code.set(SCRATCH + lane);
  }
  const first = WORD + 4 * quarter;
  const pair = (from: number, order: readonly number[], swap: boolean, to: number): void => {
    code.get(from);
    code.get(from + (swap ? 2 : 1));
    code.shuffle(order.flatMap((word) => (swap ? [3, 2, 1, 0] : [0, 1, 2, 3]).map((byte) => 4 * word + byte)));
    code.set(to);
  };
  pair(SCRATCH, [0, 4, 1, 5], false, first);
  pair(SCRATCH, [2, 6, 3, 7], false, first + 1);
  pair(SCRATCH + 2, [0, 4, 1, 5], false, first + 2);
  pair(SCRATCH + 2, [2, 6, 3, 7], false, first + 3);
  pair(first, [0, 1, 4, 5], true, SCRATCH);
  pair(first, [2, 3, 6, 7], true, SCRATCH + 1);
  pair(first + 1, [0, 1, 4, 5], true, SCRATCH + 2);
  pair(first + 1, [2, 3, 6, 7], true, SCRATCH + 3);
  for (let word = 0; word < 4; word += 1) {
    code.get(SCRATCH + word);
    code.set(first + word);
  }
}

/** FIPS 180-4 §6.1.2, step 3; rotates the names instead of the values. */
function writeRounds(code: WasmCode): void {
  for (let round = 0; round < 80; round += 1) {
    const letter = (number: number): number => WORKING + ((number + 80 - round) % STATE_WORDS);
    const [a, b, c, d, e] = [letter(0), letter(1), letter(2), letter(3), letter(4)];
    const word = WORD + (round % BLOCK_WORDS);
    if (round >= BLOCK_WORDS) {
      schedule(code, round, word);
    }
    code.get(e);
    code.get(word);
    code.add();
    code.int(CONSTANTS[Math.floor(round / 20)] as number);
    code.splat();
    code.add();
    mix(code, round, b, c, d);
    code.add();
    code.rotated(a, 5);
    code.add();
    code.set(e);
    code.rotated(b, 30);
    code.set(b);
  }
}

/** Step 1: each word replaces the one 16 rounds earlier. */
function schedule(code: WasmCode, round: number, word: number): void {
  code.get(word);
  for (const before of [14, 8, 3]) {
    code.get(WORD + ((round - before) % BLOCK_WORDS));
    code.xor();
  }
  code.set(SCRATCH);
  code.rotated(SCRATCH, 1);
  code.set(word);
}

/** §4.1.1: choose, parity, majority, parity. */
function mix(code: WasmCode, round: number, b: number, c: number, d: number): void {
  const isChoice = round < 20;
  const isMajority = round >= 40 && round < 60;
  code.get(isChoice ? c : b);
  code.get(isChoice ? d : c);
  code.xor();
  code.get(isChoice ? b : d);
  if (isChoice) {
    code.and();
    code.get(d);
    code.xor();
  } else if (isMajority) {
    code.and();
    code.get(b);
    code.get(c);
    code.and();
    code.or();
  } else {
    code.xor();
  }
}

function loadState(code: WasmCode, address: number): void {
  for (let i = 0; i < STATE_WORDS; i += 1) {
    code.loadInt(address + 4 * i);
    code.splat();
    code.set(STATE + i);
  }
}

function copyState(code: WasmCode): void {
  for (let i = 0; i < STATE_WORDS; i += 1) {
    code.get(STATE + i);
    code.set(WORKING + i);
  }
}

function store(code: WasmCode, local: number, address: number): void {
  code.int(0);
  code.get(local);
  code.store(address);
}

function increase(code: WasmCode, local: number, by: number): void {
  code.get(local);
  code.int(by);
  code.addInts();
  code.set(local);
}
