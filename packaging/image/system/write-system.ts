import { createHash, type KeyObject } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { PerchError } from '../../../agent/base/errors.ts';
import { damaged, isSystem, type SystemManifest } from '../../../system/update/manifest.ts';
import { refusal } from '../../../system/update/reasons.ts';
import type { System } from '../../../system/update/second-system.ts';
import { readUpdate } from '../../../system/update/update-file.ts';
import { type Choice, otherThan, parseChoice, SECTOR_BYTES, writeChoice } from './choice.ts';

/** A card writes such a piece at once. */
const PIECE_BYTES = 1 << 20;

/** A partition, or a sector of the disk. */
export interface Place {
  readonly sizeBytes: number;
  /** Fills `bytes` completely. @param at position in the place */
  read(bytes: Uint8Array, at: number): Promise<void>;
  write(bytes: Uint8Array, at: number): Promise<void>;
  /** Flushes all writes to the disk. Later reads come from the disk, not from the page cache. */
  sync(): Promise<void>;
}

export interface SystemDisk {
  readonly choice: Place;
  readonly systems: Readonly<Record<System, Place>>;
}

export async function readChoice({ choice }: Pick<SystemDisk, 'choice'>): Promise<Choice> {
  const sector = new Uint8Array(SECTOR_BYTES);
  await choice.read(sector, 0);
  return parseChoice(sector);
}

/** Stores the choice in one sector: after a power cut it is either the former one or this one. */
export async function keepChoice({ choice }: Pick<SystemDisk, 'choice'>, chosen: Choice): Promise<void> {
  await choice.write(writeChoice(chosen), 0);
  await choice.sync();
}

interface WriteOptions {
  readonly disk: SystemDisk;
  readonly running: System;
  readonly keys: readonly KeyObject[];
  /** Called once the signature is valid. May throw to reject the update before anything is written. */
  check(manifest: SystemManifest): void | Promise<void>;
  /** @param share of the work that is done, 0 to 1 */
  onProgress?(share: number): void;
}

/** Share of the work that is writing; the rest is reading the system again. */
const WRITING_SHARE = 0.8;

/**
 * Writes the system that does not run from a signed update, and has it tried at the next start. Until then, and
 * whatever fails, the running one stays the choice.
 * @throws PerchError badInput, conflict (the running system is itself being tried), exhausted
 */
export async function writeSystem(
  update: AsyncIterable<Uint8Array>,
  { disk, running, keys, check, onProgress = () => {} }: WriteOptions,
): Promise<SystemManifest> {
  const before = await readChoice(disk);
  if (before.system !== running) {
    throw refusal('conflict', 'this system is being tried: the other one is still needed', 'onTrial');
  }
  const trial = otherThan(running);
  const writer = new SystemWriter(disk.systems[trial]);
  const compressed = new PassThrough();
  const written = pipeline(compressed, createZstdDecompress(), (pieces: AsyncIterable<Uint8Array>) =>
    writer.take(pieces),
  );
  // Prevents an unhandled rejection when the update fails for another reason first.
  written.catch(() => {});
  const broken = new Promise<never>((_, reject) => written.catch(reject));
  broken.catch(() => {});
  let manifest: SystemManifest;
  let takenBytes = 0;
  try {
    manifest = await readUpdate(update, keys, {
      begin: async (found) => {
        if (!isSystem(found)) {
          throw damaged('this is an update of Perch alone');
        }
        await check(found);
        // Cancels a pending trial of the system that is overwritten now.
        await keepChoice(disk, { system: running });
        return found;
      },
      take: async (bytes, { sizeBytes }) => {
        takenBytes += bytes.length;
        onProgress((WRITING_SHARE * takenBytes) / sizeBytes);
        if (!compressed.write(bytes)) {
          await Promise.race([new Promise((resolve) => compressed.once('drain', resolve)), broken]);
        }
      },
    });
  } catch (error) {
    compressed.destroy();
    await written.catch(() => {});
    throw error;
  }
  compressed.end();
  await written;
  await writer.finish((share) => onProgress(WRITING_SHARE + (1 - WRITING_SHARE) * share));
  await keepChoice(disk, { system: running, trial });
  return manifest;
}

/**
 * Writes what differs: a card wears less. The first piece, which has the file system's superblock, is written last: U-Boot
 * starts no system that is not whole, nor one whose signature is not verified yet, even where the other cannot be read.
 */
class SystemWriter {
  readonly #place: Place;
  readonly #hash = createHash('sha256');
  readonly #piece = Buffer.alloc(PIECE_BYTES);
  #filled = 0;
  #bytes = 0;
  #first = Buffer.alloc(0);

  constructor(place: Place) {
    this.#place = place;
  }

  async take(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of pieces) {
      for (let rest = piece; rest.length > 0; ) {
        const part = rest.subarray(0, PIECE_BYTES - this.#filled);
        this.#piece.set(part, this.#filled);
        this.#filled += part.length;
        rest = rest.subarray(part.length);
        if (this.#filled === PIECE_BYTES) {
          await this.#flush();
        }
      }
    }
    if (this.#filled > 0) {
      await this.#flush();
    }
    await this.#place.sync();
  }

  async #flush(): Promise<void> {
    const bytes = this.#piece.subarray(0, this.#filled);
    const end = this.#bytes + bytes.length;
    if (end > this.#place.sizeBytes) {
      throw new PerchError('exhausted', `the system has more than the ${this.#place.sizeBytes} bytes of its partition`);
    }
    if (this.#bytes === 0) {
      this.#first = Buffer.from(bytes);
      await this.#writeFirst(Buffer.alloc(bytes.length));
    } else {
      const there = Buffer.alloc(bytes.length);
      await this.#place.read(there, this.#bytes);
      if (!there.equals(bytes)) {
        await this.#place.write(bytes, this.#bytes);
      }
    }
    this.#hash.update(bytes);
    this.#bytes = end;
    this.#filled = 0;
  }

  /** Call when the signature is verified. Reads all again, because cards lose data. */
  async finish(onProgress: (share: number) => void): Promise<void> {
    await this.#writeFirst(this.#first);
    const hash = createHash('sha256');
    for (let at = 0; at < this.#bytes; at += PIECE_BYTES) {
      const piece = this.#piece.subarray(0, Math.min(PIECE_BYTES, this.#bytes - at));
      await this.#place.read(piece, at);
      hash.update(piece);
      onProgress((at + piece.length) / this.#bytes);
    }
    if (hash.digest('hex') !== this.#hash.digest('hex')) {
      await this.#writeFirst(Buffer.alloc(this.#first.length));
      throw new PerchError('unavailable', 'the disk has not kept what was written: it may be worn out');
    }
  }

  async #writeFirst(bytes: Uint8Array): Promise<void> {
    await this.#place.write(bytes, 0);
    await this.#place.sync();
  }
}
