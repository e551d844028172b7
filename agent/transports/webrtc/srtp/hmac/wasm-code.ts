/* The subset of WebAssembly's binary format (Core Specification 2.0 §5) for one function over 128-bit vectors. */

const I32 = 0x7f;
const V128 = 0x7b;

/** The instructions of a function. Locals are numbered, parameters first. */
export class WasmCode {
  readonly bytes: number[] = [];

  get(local: number): void {
    this.bytes.push(0x20, ...unsigned(local));
  }

  set(local: number): void {
    this.bytes.push(0x21, ...unsigned(local));
  }

  int(value: number): void {
    this.bytes.push(0x41, ...signed(value | 0));
  }

  addInts(): void {
    this.bytes.push(0x6a);
  }

  /** Loads an integer from a constant address. */
  loadInt(address: number): void {
    this.int(0);
    this.bytes.push(0x28, 2, ...unsigned(address));
  }

  beginLoop(): void {
    this.bytes.push(0x03, 0x40);
  }

  /** Repeats the loop while value < limit, both signed. */
  endLoopWhileLess(value: number, limit: number): void {
    this.get(value);
    this.get(limit);
    this.bytes.push(0x48, 0x0d, 0, 0x0b);
  }

  /** Loads a vector from the address on the stack plus an offset. */
  load(offset: number): void {
    this.#vector(0x00);
    this.bytes.push(0, ...unsigned(offset));
  }

  /** Stores the vector on the stack at the address below it plus an offset. */
  store(offset: number): void {
    this.#vector(0x0b);
    this.bytes.push(0, ...unsigned(offset));
  }

  /** Selects bytes of the two topmost vectors, which are numbered 0 to 31. */
  shuffle(order: readonly number[]): void {
    this.#vector(0x0d);
    this.bytes.push(...order);
  }

  splat = (): void => this.#vector(0x11);
  isGreater = (): void => this.#vector(0x3b);
  and = (): void => this.#vector(0x4e);
  or = (): void => this.#vector(0x50);
  xor = (): void => this.#vector(0x51);
  add = (): void => this.#vector(0xae);

  /** Pushes a local with each lane rotated. */
  rotated(local: number, bits: number): void {
    this.get(local);
    this.int(bits);
    this.#vector(0xab);
    this.get(local);
    this.int(32 - bits);
    this.#vector(0xad);
    this.or();
  }

  #vector(instruction: number): void {
    this.bytes.push(0xfd, ...unsigned(instruction));
  }
}

/** Magic number and version of a binary module. */
const WASM_HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** A module that imports one page of memory as `env.memory` and exports its function as `run(number)`. */
export function writeWasmModule(code: WasmCode, intLocals: number, vectorLocals: number): Uint8Array<ArrayBuffer> {
  const locals = [2, ...unsigned(intLocals), I32, ...unsigned(vectorLocals), V128];
  const body = [...locals, ...code.bytes, 0x0b];
  return Uint8Array.from([
    ...WASM_HEADER,
    ...section(1, [1, 0x60, 1, I32, 0]),
    ...section(2, [1, ...name('env'), ...name('memory'), 2, 1, 1, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('run'), 0, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}

const section = (id: number, content: readonly number[]): number[] => [id, ...unsigned(content.length), ...content];
const name = (text: string): number[] => [text.length, ...Buffer.from(text)];

/** LEB128, §5.2.2. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) {
      bytes.push(byte);
      return bytes;
    }
    bytes.push(byte | 0x80);
  }
}
