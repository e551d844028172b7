import { createHash, type KeyObject } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { MAX_UPDATE_BYTES, SYSTEM_PACKAGE, type SystemManifest } from '../../system/update/manifest.ts';
import { writeHeader } from '../../system/update/update-file.ts';
import { LAYOUT } from './disk.ts';

const MIB = 2 ** 20;

interface SystemUpdateOptions {
  readonly version: string;
  /** Unix seconds. */
  readonly time: number;
  readonly isQuick: boolean;
}

/** The system of an image, as an update for boxes with the image. @param file of the update */
export async function makeSystemUpdate(
  image: string,
  file: string,
  key: KeyObject,
  { version, time, isQuick }: SystemUpdateOptions,
): Promise<void> {
  const { startMib, sizeMib } = LAYOUT.root;
  const packed = `${file}.packed`;
  const hash = createHash('sha512');
  let sizeBytes = 0;
  try {
    const level = { params: { [constants.ZSTD_c_compressionLevel]: isQuick ? 1 : 19 } };
    await pipeline(
      createReadStream(image, { start: startMib * MIB, end: (startMib + sizeMib) * MIB - 1 }),
      createZstdCompress(level),
      async function* (pieces: AsyncIterable<Uint8Array>) {
        for await (const piece of pieces) {
          hash.update(piece);
          sizeBytes += piece.length;
          yield piece;
        }
      },
      createWriteStream(packed),
    );
    if (sizeBytes > MAX_UPDATE_BYTES) {
      throw new Error(`the system has ${sizeBytes} bytes, the limit of an update is ${MAX_UPDATE_BYTES}`);
    }
    const one = {
      name: SYSTEM_PACKAGE,
      version,
      architecture: 'arm64',
      sizeBytes,
      sha512: hash.digest('hex'),
    } as const;
    const manifest: SystemManifest = { version, made: new Date(time * 1_000).toISOString(), packages: [one] };
    await pipeline(
      async function* () {
        yield writeHeader(manifest, key);
        yield* createReadStream(packed);
      },
      createWriteStream(`${file}.new`),
    );
    await rename(`${file}.new`, file);
  } finally {
    for (const path of [packed, `${file}.new`]) {
      await rm(path, { force: true });
    }
  }
}
