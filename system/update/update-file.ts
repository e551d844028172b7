import { createHash, type KeyObject, sign, verify } from 'node:crypto';
import { type AnyManifest, damaged, parseManifest, writeManifest } from './manifest.ts';
import { refusal } from './reasons.ts';

/*
 * An update is one file, read sequentially:
 *   8 bytes   PERCHUP1
 *   4 bytes   length of the manifest, big-endian
 *   64 bytes  Ed25519 signature (RFC 8032) of the 12 bytes before it and the manifest
 *   manifest  JSON in UTF-8, with size and SHA-512 of each package
 *   packages  Debian packages, concatenated
 */
const MAGIC = Buffer.from('PERCHUP1');
const SIGNATURE_BYTES = 64;
const SIGNED_BEFORE_BYTES = MAGIC.length + 4;
const HEADER_BYTES = SIGNED_BEFORE_BYTES + SIGNATURE_BYTES;
const MAX_MANIFEST_BYTES = 16 << 10;

/** Everything before the packages. @param key the private one */
export function writeHeader(manifest: AnyManifest, key: KeyObject): Buffer {
  const text = Buffer.from(writeManifest(manifest));
  const before = Buffer.alloc(SIGNED_BEFORE_BYTES);
  before.set(MAGIC);
  before.writeUInt32BE(text.length, MAGIC.length);
  return Buffer.concat([before, sign(null, Buffer.concat([before, text]), key), text]);
}

interface UpdateSink<Accepted extends AnyManifest> {
  /** The signature is valid, and no byte of a package was taken. @returns the manifest @throws to reject the update */
  begin(manifest: AnyManifest): Accepted | Promise<Accepted>;
  /** A piece of a package whose SHA-512 is not confirmed before `readUpdate` returns. */
  take(bytes: Uint8Array, of: Accepted['packages'][number]): void | Promise<void>;
}

/**
 * Reads an untrusted update. @param keys public keys of accepted publishers
 * @throws PerchError badInput that names the fault; errors of the sink
 */
export async function readUpdate<Accepted extends AnyManifest>(
  pieces: AsyncIterable<Uint8Array>,
  keys: readonly KeyObject[],
  sink: UpdateSink<Accepted>,
): Promise<Accepted> {
  const input = new Pieces(pieces);
  const manifest = await sink.begin(await manifestIn(input, keys));
  for (const one of manifest.packages) {
    const hash = createHash('sha512');
    for await (const piece of input.upTo(one.sizeBytes)) {
      hash.update(piece);
      await sink.take(piece, one);
    }
    if (hash.digest('hex') !== one.sha512) {
      throw damaged(`${one.name} of the update is not what was signed`);
    }
  }
  if (!(await input.isAtEnd())) {
    throw damaged('the update has bytes after its last package');
  }
  return manifest;
}

/** Reads only the signed part of an untrusted update. @throws PerchError badInput that names the fault */
export const readManifest = (pieces: AsyncIterable<Uint8Array>, keys: readonly KeyObject[]): Promise<AnyManifest> =>
  manifestIn(new Pieces(pieces), keys);

async function manifestIn(input: Pieces, keys: readonly KeyObject[]): Promise<AnyManifest> {
  const header = await input.exactly(HEADER_BYTES);
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw refusal('badInput', 'this is not a Perch update', 'noUpdate');
  }
  const manifestBytes = header.readUInt32BE(MAGIC.length);
  if (manifestBytes > MAX_MANIFEST_BYTES) {
    throw damaged(`the manifest has ${manifestBytes} bytes, the limit is ${MAX_MANIFEST_BYTES}`);
  }
  const text = await input.exactly(manifestBytes);
  const signed = Buffer.concat([header.subarray(0, SIGNED_BEFORE_BYTES), text]);
  const signature = header.subarray(SIGNED_BEFORE_BYTES);
  if (!keys.some((key) => verify(null, signed, key, signature))) {
    throw refusal('badInput', 'the update is not signed with an update key of this box', 'notSigned');
  }
  return parseManifest(text.toString('utf8'));
}

class Pieces {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = Buffer.alloc(0);

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#iterator = pieces[Symbol.asyncIterator]();
  }

  async exactly(bytes: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const piece of this.upTo(bytes)) {
      parts.push(piece);
    }
    return Buffer.concat(parts);
  }

  /** Views of exactly this many bytes. @throws PerchError badInput if there are fewer */
  async *upTo(bytes: number): AsyncGenerator<Uint8Array> {
    let left = bytes;
    while (left > 0) {
      if (await this.isAtEnd()) {
        throw damaged('the update is truncated');
      }
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#iterator.next();
      if (done) {
        return true;
      }
      this.#rest = value;
    }
    return false;
  }
}
