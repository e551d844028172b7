import { Buffer } from 'node:buffer';
import { PerchError } from '../../../base/errors.ts';

const BLOCK = 512;
/** `ustar`, and the same of GNU. */
const MAGIC = /^ustar/;
const OCTAL = /^ *([0-7]+)[ \0]*$/;

/**
 * Takes a few files out of a tar archive that comes in pieces; the others are skipped. A file is named exactly, so nothing of the archive
 * decides where it is stored.
 */
export class TarFiles {
  /** What is wanted, with the sizes. */
  readonly #wanted: ReadonlyMap<string, number>;
  readonly #found = new Map<string, Buffer>();
  #header: Buffer = Buffer.alloc(0);
  /** Of the current file: content and padding up to the next header. */
  #leftBytes = 0;
  #taken: { readonly name: string; readonly bytes: Buffer; at: number } | undefined;
  #isOver = false;

  /** @param wanted sizes by name in the archive */
  constructor(wanted: ReadonlyMap<string, number>) {
    this.#wanted = wanted;
  }

  /** The end mark has come: what follows is padding. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** @throws PerchError badInput unless it is a tar archive, and if a wanted file is not a file of that size, or is there twice */
  write(piece: Uint8Array): void {
    for (let at = 0; at < piece.length && !this.#isOver; ) {
      at += this.#leftBytes > 0 ? this.#content(piece, at) : this.#headerPart(piece, at);
    }
  }

  /** @throws PerchError badInput if the archive ends early, or a file is missing */
  end(): ReadonlyMap<string, Buffer> {
    if (this.#leftBytes > 0 || (this.#header.length > 0 && !this.#isOver)) {
      throw new PerchError('badInput', 'the archive ends within a file');
    }
    for (const name of this.#wanted.keys()) {
      if (!this.#found.has(name)) {
        throw new PerchError('badInput', `the archive has no ${name}`);
      }
    }
    return this.#found;
  }

  #content(piece: Uint8Array, at: number): number {
    const count = Math.min(this.#leftBytes, piece.length - at);
    if (this.#taken) {
      const { bytes, name } = this.#taken;
      const part = piece.subarray(at, at + Math.min(count, bytes.length - this.#taken.at));
      bytes.set(part, this.#taken.at);
      this.#taken.at += part.length;
      if (this.#taken.at === bytes.length) {
        this.#found.set(name, bytes);
        this.#taken = undefined;
      }
    }
    this.#leftBytes -= count;
    return count;
  }

  #headerPart(piece: Uint8Array, at: number): number {
    const part = piece.subarray(at, at + BLOCK - this.#header.length);
    this.#header = Buffer.concat([this.#header, part]);
    if (this.#header.length === BLOCK) {
      const header = this.#header;
      this.#header = Buffer.alloc(0);
      this.#begin(header);
    }
    return part.length;
  }

  #begin(header: Buffer): void {
    if (header.every((byte) => byte === 0)) {
      this.#isOver = true;
      return;
    }
    checkSum(header);
    const size = numberIn(header, 124, 12);
    const type = String.fromCharCode(header[156] ?? 0);
    const name = nameIn(header);
    const wanted = this.#wanted.get(name);
    this.#leftBytes = Math.ceil(size / BLOCK) * BLOCK;
    if (wanted === undefined) {
      return;
    }
    if ((type !== '0' && type !== '\0') || size !== wanted || size === 0 || this.#found.has(name)) {
      throw new PerchError(
        'badInput',
        `${name} of the archive has ${size} bytes and type ${type}, expected one file of ${wanted}`,
      );
    }
    this.#taken = { name, bytes: Buffer.alloc(size), at: 0 };
  }
}

/** The sum of the header's bytes, with blanks in place of the sum. */
function checkSum(header: Buffer): void {
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  if (!MAGIC.test(header.toString('latin1', 257, 262)) || numberIn(header, 148, 8) !== sum) {
    throw new PerchError('badInput', 'the archive has a damaged header, or is not a tar archive');
  }
}

function numberIn(header: Buffer, at: number, length: number): number {
  const digits = OCTAL.exec(header.toString('latin1', at, at + length))?.[1];
  if (digits === undefined) {
    throw new PerchError('badInput', 'the archive has a number that is not octal');
  }
  return Number.parseInt(digits, 8);
}

function nameIn(header: Buffer): string {
  const [name, prefix] = [textIn(header, 0, 100), textIn(header, 345, 155)];
  return prefix === '' ? name : `${prefix}/${name}`;
}

const textIn = (header: Buffer, at: number, length: number): string =>
  header.toString('utf8', at, at + length).replace(/\0.*$/s, '');
