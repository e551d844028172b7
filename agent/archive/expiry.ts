import type { Clock } from '../base/clock.ts';
import type { ArchivedObject, Ledger } from './ledger.ts';
import { recordingOf } from './object-key.ts';
import type { ArchiveStorage, RecordingSource } from './storage/contracts.ts';

const PAGE = 200;
/** The maximum of `recordSegmentDuration`: for objects of unknown duration. */
const MAX_FILE_US = 86_400_000_000;

interface ExpiryDeps {
  readonly storage: ArchiveStorage;
  readonly source: RecordingSource;
  readonly ledger: Ledger;
  /** `PREFIX/BOX/` */
  readonly own: string;
  readonly clock: Pick<Clock, 'wallMs'>;
}

/** Deletes objects of this box that are too old, unless they are protected. @throws PerchError while the archive is away */
export async function removeExpired(deps: ExpiryDeps, signal: AbortSignal): Promise<number> {
  const { source, ledger, clock } = deps;
  let removed = 0;
  for (const path of ledger.paths()) {
    const keptMs = source.keptMs(path);
    const endUs = (clock.wallMs() - keptMs) * 1000;
    for (let afterUs = -1, page = PAGE; keptMs > 0 && page === PAGE; ) {
      const objects = ledger.before(path, endUs, PAGE, afterUs);
      for (const object of objects) {
        if (signal.aborted || !source.isClockTrusted) {
          return removed;
        }
        removed += (await removeOne(deps, object, signal)) ? 1 : 0;
        afterUs = object.nameUs;
      }
      page = objects.length;
    }
  }
  return removed;
}

async function removeOne(
  { storage, source, ledger, own }: ExpiryDeps,
  object: ArchivedObject,
  signal: AbortSignal,
): Promise<boolean> {
  const { path, nameUs, key, durationUs = MAX_FILE_US } = object;
  const isProtected = source
    .protectedOf(path)
    .some(({ startUs, endUs }) => startUs < nameUs + durationUs && endUs > nameUs);
  // The name is checked once more: nothing else is ever deleted.
  if (isProtected || recordingOf(own, key)?.nameUs !== nameUs) {
    return false;
  }
  await storage.remove(key, signal);
  ledger.remove(object);
  return true;
}

/** Lists what the archive has of this box, for a new ledger. @throws PerchError while the archive is away */
export async function listArchive(
  deps: Pick<ExpiryDeps, 'storage' | 'ledger' | 'own'>,
  signal: AbortSignal,
): Promise<void> {
  const { storage, ledger, own } = deps;
  for await (const { key, sizeBytes } of storage.list(own, signal)) {
    const name = recordingOf(own, key);
    if (name && !ledger.has(name)) {
      ledger.add({ ...name, key, sizeBytes, durationUs: undefined }, undefined);
    }
  }
  signal.throwIfAborted();
}
