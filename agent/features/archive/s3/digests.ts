import { createHash } from 'node:crypto';
import { setImmediate as others } from 'node:timers/promises';

/** S3's maximum number of parts in an upload. */
const MAX_PARTS = 10_000;
const MIB = 1 << 20;
/** Bytes hashed without yielding to the event loop: some milliseconds on a small computer. */
const SLICE_BYTES = 256 << 10;

/** Part size of a recording, in whole MiB. It follows from the recording's size only, so that the parts are the same after a restart. */
export const partBytesOf = (sizeBytes: number): number =>
  Math.max(8 << 20, Math.ceil(sizeBytes / MAX_PARTS / MIB) * MIB);

export interface PartDigest {
  /** MD5 in hex, as in an entity tag. */
  readonly md5: string;
  readonly md5Base64: string;
  /** SHA-256 in hex. */
  readonly sha256: string;
}

/** The digests of a recording that is read part by part. */
export class WholeDigest {
  readonly #sha256 = createHash('sha256');
  readonly #parts: Buffer[] = [];
  readonly #isWhole: boolean;
  #made: string | undefined;

  /** @param sizeBytes of the recording */
  constructor(sizeBytes: number) {
    this.#isWhole = sizeBytes <= partBytesOf(sizeBytes);
  }

  async add(part: Uint8Array): Promise<PartDigest> {
    const [md5, sha256] = [createHash('md5'), createHash('sha256')];
    for (let at = 0; at < part.length; at += SLICE_BYTES) {
      const slice = part.subarray(at, at + SLICE_BYTES);
      for (const hash of [md5, sha256, this.#sha256]) {
        hash.update(slice);
      }
      await others();
    }
    const tag = md5.digest();
    this.#parts.push(tag);
    return { md5: tag.toString('hex'), md5Base64: tag.toString('base64'), sha256: sha256.digest('hex') };
  }

  /** SHA-256 in hex. No part may be added after the first call. */
  get sha256(): string {
    this.#made ??= this.#sha256.digest('hex');
    return this.#made;
  }

  /** Whether an entity tag is that of these bytes: their MD5, or the MD5 of the parts' MD5 with their number. */
  isTag(tag: string): boolean {
    const [first] = this.#parts;
    const ofParts = createHash('md5').update(Buffer.concat(this.#parts)).digest('hex');
    return tag === `${ofParts}-${this.#parts.length}` || (this.#isWhole && tag === first?.toString('hex'));
  }
}

/** An entity tag without its quotes. */
export const plainTag = (tag: string | undefined): string => (tag ?? '').replace(/^W\//, '').replaceAll('"', '');
