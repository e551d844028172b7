import { open } from 'node:fs/promises';

const SECTOR_BYTES = 512;
/** Flags of dm-log-writes, whose format QEMU's blklogwrites writes. */
const [FLUSH, FUA, DISCARD] = [1n, 2n, 4n];

/** An entry of the log. Entries are in the order in which the disk completed them. */
interface Entry {
  readonly flags: bigint;
  /** Offset on the disk, in bytes; `dataAt` is the offset of the data in the log. */
  readonly at: number;
  readonly sizeBytes: number;
  readonly dataAt: number;
}

/** Parameters of QEMU: all that is written to the disk is logged. @param isContinued the log has earlier starts */
export function loggedDisk(card: string, log: string, isContinued: boolean): readonly string[] {
  const files = `file.driver=file,file.filename=${card},log.driver=file,log.filename=${log}`;
  return ['-blockdev', `driver=blklogwrites,node-name=card,${files},log-append=${isContinued ? 'on' : 'off'}`];
}

/** @returns the whole entries that the log has by now; the machine may still run */
export async function readLog(log: string): Promise<readonly Entry[]> {
  await using handle = await open(log);
  const { size } = await handle.stat();
  const entries: Entry[] = [];
  const head = Buffer.alloc(32);
  for (let at = SECTOR_BYTES; at + SECTOR_BYTES <= size; ) {
    await handle.read(head, 0, head.length, at);
    const [sector, sectors, flags] = [0, 8, 16].map((field) => head.readBigUInt64LE(field)) as [bigint, bigint, bigint];
    const sizeBytes = Number(sectors) * SECTOR_BYTES;
    const dataAt = at + SECTOR_BYTES;
    // A discarded part may keep what it had.
    const hasData = (flags & DISCARD) === 0n;
    at = dataAt + (hasData ? sizeBytes : 0);
    if (at > size || (sectors === 0n && flags === 0n)) {
      break;
    }
    entries.push({ flags, at: Number(sector) * SECTOR_BYTES, sizeBytes: hasData ? sizeBytes : 0, dataAt });
  }
  return entries;
}

/**
 * The power is cut after that many entries: what was written before the last flush is on the card; of each later write
 * all, its beginning or nothing.
 * @param card as it was when the log began; is changed
 */
export async function cutAt(
  card: string,
  log: string,
  entries: readonly Entry[],
  random: () => number = Math.random,
): Promise<void> {
  await using from = await open(log);
  await using to = await open(card, 'r+');
  const flushed = entries.findLastIndex(({ flags }) => (flags & FLUSH) !== 0n);
  for (const [index, { flags, at, sizeBytes, dataAt }] of entries.entries()) {
    const isKept = index <= flushed || (flags & FUA) !== 0n;
    const kept = isKept ? sizeBytes : keptOf(sizeBytes / SECTOR_BYTES, random) * SECTOR_BYTES;
    if (kept > 0) {
      const { buffer } = await from.read(Buffer.alloc(kept), 0, kept, dataAt);
      await to.write(buffer, 0, kept, at);
    }
  }
}

function keptOf(sectors: number, random: () => number): number {
  const kind = random();
  return kind < 0.4 ? 0 : kind < 0.8 ? sectors : Math.floor(random() * sectors);
}
