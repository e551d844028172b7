import { PerchError } from '../../../base/errors.ts';
import type { RecordingSource } from '../storage/contracts.ts';
import { type ArchiveWhy, whyOf } from '../storage/failure.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import { type ArchiveReader, MAX_READS, nameOf } from './reader.ts';

const PAGE = 200;
/** Number of recordings read between two calls of `onRead`. */
const MANY = 1_000;
/** Failures that concern one object: it stays unread, and is tried again later. */
const OF_ONE: ReadonlySet<ArchiveWhy> = new Set(['gone', 'damaged', 'key']);
/** Number of concurrent reads: one fewer than the maximum, to leave one for viewers. */
const LANES = MAX_READS - 1;

interface UnreadDeps {
  readonly ledger: Ledger;
  readonly reader: ArchiveReader;
  readonly source: Pick<RecordingSource, 'archivedFactsOf'>;
  /** `PREFIX/BOX/` */
  readonly own: string;
  /** Called when more recordings are known. */
  readonly onRead: () => void;
}

/** Reads the ends of recordings of which only name and size are known, as after the loss of the ledger. @throws PerchError while the archive is away */
export async function readUnread(deps: UnreadDeps, signal: AbortSignal): Promise<void> {
  const { ledger, onRead } = deps;
  let [known, after] = [0, undefined as LedgerEntry | undefined];
  try {
    for (let length = PAGE; length === PAGE && !signal.aborted; ) {
      const page = ledger.unread(PAGE, after);
      const left = [...page];
      await Promise.all(
        Array.from({ length: LANES }, async () => {
          for (let one = left.shift(); one && !signal.aborted; one = left.shift()) {
            await readOne(deps, one);
          }
        }),
      );
      length = page.length;
      after = page.at(-1);
      known += length;
      if (known >= MANY) {
        known = 0;
        onRead();
      }
    }
  } finally {
    if (known > 0) {
      onRead();
    }
  }
}

async function readOne({ ledger, reader, source, own }: UnreadDeps, entry: LedgerEntry): Promise<void> {
  const name = nameOf(entry.key, own);
  try {
    const file = reader.open(name);
    try {
      // An empty text marks an object that is no recording and cannot be listed.
      ledger.setFacts(entry, (await source.archivedFactsOf(name, file)) ?? '');
    } finally {
      await file.close();
    }
  } catch (error) {
    // The other objects can still be read.
    if (!(error instanceof PerchError && (error.code === 'notFound' || OF_ONE.has(whyOf(error))))) {
      throw error;
    }
  }
}
