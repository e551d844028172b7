import { readFile, readlink } from 'node:fs/promises';
import { memoryFunctions, openProcessLibrary } from './functions.ts';

/** Clean pages of a file leave the process; they stay in the page cache until the kernel needs their memory. */
const MADV_DONTNEED = 4;
const OK = 0;

interface AddressRange {
  readonly start: bigint;
  readonly length: bigint;
}

/** Returns memory to the kernel. */
export class UnusedMemory {
  readonly #functions: ReturnType<typeof memoryFunctions>;
  readonly #ranges: readonly AddressRange[];

  private constructor(functions: ReturnType<typeof memoryFunctions>, ranges: readonly AddressRange[]) {
    this.#functions = functions;
    this.#ranges = ranges;
  }

  /** @throws Error with the reason why it cannot be done here */
  static async open(): Promise<UnusedMemory> {
    const functions = memoryFunctions(openProcessLibrary());
    const [smaps, program] = await Promise.all([readFile('/proc/self/smaps', 'latin1'), readlink('/proc/self/exe')]);
    return new UnusedMemory(functions, unchangedRanges(smaps, program));
  }

  /**
   * Pages of Node's program and of the C and C++ libraries. One that is used again costs a minor fault, 16 pages at a time.
   * @returns false if the kernel rejects a range
   */
  releaseProgram(): boolean {
    const { madvise } = this.#functions;
    let isWhole = true;
    for (const { start, length } of this.#ranges) {
      isWhole = madvise(start, length, MADV_DONTNEED) === OK && isWhole;
    }
    return isWhole;
  }

  /**
   * Free pages within `malloc`'s heap, which returns only its end by itself; with glibc. Takes about a millisecond.
   * @returns whether there were any
   */
  releaseHeap(): boolean {
    return this.#functions.mallocTrim?.(0n) === 1;
  }
}

/** Node is linked to them, so they are never unloaded, as other shared objects may be. */
const LIBRARY = /\/(?:ld-(?:linux|musl)[^/]*|lib(?:c|m|stdc\+\+|gcc_s)(?:-[\d.]+)?)\.so[^/]*$/;
const RANGE = /^([0-9a-f]+)-([0-9a-f]+) r-[-x]p \S+ \S+ \d+ +(.*)$/;

/**
 * Ranges of the program and of its libraries that nothing can have written to. Relocated data is read-only, too, but has pages of its own
 * (`Anonymous`, or in `Swap`), which would be lost.
 * @param smaps /proc/PID/smaps (proc_pid_smaps(5))
 * @param program path of the program
 */
export function unchangedRanges(smaps: string, program: string): AddressRange[] {
  const ranges: AddressRange[] = [];
  let range: AddressRange | undefined;
  for (const line of smaps.split('\n')) {
    const [, from, to, path] = RANGE.exec(line) ?? [];
    if (path !== undefined && (path === program || LIBRARY.test(path))) {
      const start = BigInt(`0x${from}`);
      range = { start, length: BigInt(`0x${to}`) - start };
    } else if (/^[0-9a-f]+-/.test(line)) {
      range = undefined;
    } else if (/^Anonymous: +[1-9]/.test(line)) {
      range = undefined;
    } else if (range && /^Swap: +0 kB$/.test(line)) {
      ranges.push(range);
    }
  }
  return ranges;
}
