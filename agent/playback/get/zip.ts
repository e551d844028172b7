import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';

const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
/** Without ZIP64, which some programs of the desktop do not open. */
export const MAX_ZIP_BYTES = 2 ** 32 - 1;
const VERSION = 20;
/** Names are UTF-8. */
const UTF8 = 0x800;

export interface ZipEntry {
  readonly name: string;
  readonly sizeBytes: number;
  /** Reads the same bytes each time. */
  read(): Readable;
}

/** The size of a ZIP file with these entries. */
export const zipBytes = (entries: readonly ZipEntry[]): number =>
  entries.reduce(
    (sum, { name, sizeBytes }) => sum + LOCAL_BYTES + CENTRAL_BYTES + 2 * Buffer.byteLength(name) + sizeBytes,
    END_BYTES,
  );

/**
 * A ZIP file with stored entries (APPNOTE 6.3.3), piece by piece. Each entry is read twice: once for its checksum, which precedes it, since
 * some programs reject stored entries whose checksum follows them.
 * @param time of all entries: local time, as the format has no zone
 */
export async function* zipOf(
  entries: readonly ZipEntry[],
  time: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const when = dosTime(time);
  const central: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    let checksum = 0;
    for await (const bytes of entry.read()) {
      signal.throwIfAborted();
      checksum = crc32(bytes, checksum);
    }
    const name = Buffer.from(entry.name);
    const common = commonFields(when, checksum, entry.sizeBytes, name.length);
    const local = Buffer.concat([fields([0x04034b50, 4]), common, fields([0, 2]), name]);
    central.push(
      Buffer.concat([
        fields([0x02014b50, 4], [VERSION, 2]),
        common,
        fields([0, 2], [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]),
        name,
      ]),
    );
    yield local;
    yield* entry.read();
    offset += local.length + entry.sizeBytes;
  }
  const directory = Buffer.concat(central);
  const { length } = entries;
  yield directory;
  yield fields([0x06054b50, 4], [0, 2], [0, 2], [length, 2], [length, 2], [directory.length, 4], [offset, 4], [0, 2]);
}

const commonFields = (when: { date: number; time: number }, checksum: number, sizeBytes: number, nameBytes: number) =>
  fields(
    [VERSION, 2],
    [UTF8, 2],
    [0, 2],
    [when.time, 2],
    [when.date, 2],
    [checksum, 4],
    [sizeBytes, 4],
    [sizeBytes, 4],
    [nameBytes, 2],
  );

/** Little-endian integers. @param parts value and size in bytes of each */
function fields(...parts: readonly (readonly [value: number, bytes: number])[]): Buffer {
  const bytes = Buffer.alloc(parts.reduce((sum, [, size]) => sum + size, 0));
  let at = 0;
  for (const [value, size] of parts) {
    at = bytes.writeUIntLE(value, at, size);
  }
  return bytes;
}

/** @param text `2026-11-17T16:03:51…` */
function dosTime(text: string): { readonly date: number; readonly time: number } {
  const [year = 1980, month = 1, day = 1, hour = 0, minute = 0, second = 0] = text.slice(0, 19).split(/\D/).map(Number);
  return {
    date: (Math.max(0, year - 1980) << 9) | (month << 5) | day,
    time: (hour << 11) | (minute << 5) | (second >> 1),
  };
}
