import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { DAY_US } from '../../../base/time/units.ts';
import type { ArchiveStorage, RecordingSource } from '../storage/contracts.ts';
import { type ArchiveWhy, archiveFailure, whyOf } from '../storage/failure.ts';
import { removeCopy, signedKeyOf } from './companion-objects.ts';
import type { ArchivedObject, Ledger } from './ledger.ts';
import { recordingOf } from './object-key.ts';

const PAGE = 200;
/** Pause between two pages of starts, so that the index can answer other requests. */
const PAGE_PAUSE_MS = 10;
/** Maximum number of refused deletions in one run, because each costs a request. */
const MAX_REFUSED = 1_000;
/** Failures that concern one object, such as a lock on it; other objects may still be deleted. */
const OF_ONE: ReadonlySet<ArchiveWhy> = new Set(['denied', 'other']);

interface ExpiryDeps {
  readonly storage: ArchiveStorage;
  readonly source: RecordingSource;
  readonly ledger: Ledger;
  /** `PREFIX/BOX/` */
  readonly own: string;
  readonly clock: Pick<Clock, 'wallMs' | 'sleep'>;
  readonly onRemoved: (path: string, nameUs: number) => void;
}

interface Expired {
  readonly removed: number;
  /** Number of objects that the archive refused to delete. */
  readonly refused: number;
  /** Why the first refused object was not deleted, or undefined if none was refused. */
  readonly refusal: PerchError | undefined;
}

/** Deletes objects of this box that are too old, unless they are protected. @throws PerchError while the archive is away */
export async function removeExpired(deps: ExpiryDeps, signal: AbortSignal): Promise<Expired> {
  const { source, ledger, clock } = deps;
  let expired: Expired = { removed: 0, refused: 0, refusal: undefined };
  for (const path of ledger.paths()) {
    const keptMs = source.keptMs(path);
    const endUs = (clock.wallMs() - keptMs) * 1000;
    if (keptMs > 0) {
      await noteStarts(deps, path, endUs, signal);
    }
    for (let afterUs = -1, page = PAGE; keptMs > 0 && page === PAGE; ) {
      const objects = ledger.before(path, endUs, PAGE, afterUs);
      for (const object of objects) {
        if (signal.aborted || !mayExpire(source) || expired.refused >= MAX_REFUSED) {
          return expired;
        }
        expired = await removeOne(deps, object, expired, signal);
        afterUs = object.nameUs;
      }
      page = objects.length;
    }
  }
  return expired;
}

/** Updates the starts in the ledger: they are corrected after an upload, and the archive's list does not have them. */
async function noteStarts(
  { source, ledger, clock }: ExpiryDeps,
  path: string,
  endUs: number,
  signal: AbortSignal,
): Promise<void> {
  let count = 0;
  for (const known of source.startsOf(path)) {
    if (known.nameUs < endUs) {
      ledger.dated(path, known);
    }
    count += 1;
    if (count % PAGE === 0) {
      await clock.sleep(PAGE_PAUSE_MS, signal);
    }
    if (signal.aborted) {
      return;
    }
  }
}

async function removeOne(
  { storage, source, ledger, own, onRemoved }: ExpiryDeps,
  object: ArchivedObject,
  expired: Expired,
  signal: AbortSignal,
): Promise<Expired> {
  const { path, nameUs, key } = object;
  // The name is checked once more, so that nothing but recordings of this box is ever deleted.
  if (isProtected(source, object) || recordingOf(own, key)?.nameUs !== nameUs) {
    return expired;
  }
  try {
    await removeCopy(storage, key, ledger.find(object)?.isSigned ?? false, signal);
  } catch (error) {
    const why = whyOf(error);
    if (signal.aborted || !(error instanceof PerchError) || !OF_ONE.has(why)) {
      throw error;
    }
    const refusal = expired.refusal ?? archiveFailure(why, `cannot delete ${key} of ${path} from the archive`, error);
    return { ...expired, refused: expired.refused + 1, refusal };
  }
  ledger.remove(object);
  onRemoved(path, nameUs);
  return { ...expired, removed: expired.removed + 1 };
}

/** While it is not known how old recordings are, or which are protected, none is deleted. */
const mayExpire = ({ isWhole, isClockTrusted, isProtectionKnown }: RecordingSource): boolean =>
  isWhole && isClockTrusted && isProtectionKnown;

/**
 * Checks both the start by the file name and the shown start, because a corrected one protects the same recording. An unknown duration is
 * taken to be the maximum of `recordSegmentDuration`.
 */
function isProtected(
  source: RecordingSource,
  { path, nameUs, startUs = nameUs, durationUs = DAY_US }: ArchivedObject,
): boolean {
  return source
    .protectedOf(path)
    .some((range) => [nameUs, startUs].some((us) => range.startUs < us + durationUs && range.endUs > us));
}

/** Lists what the archive has of this box, for a new ledger. @throws PerchError while the archive is away */
export async function listArchive(
  deps: Pick<ExpiryDeps, 'storage' | 'ledger' | 'own'>,
  signal: AbortSignal,
): Promise<void> {
  const { storage, ledger, own } = deps;
  for await (const { key, sizeBytes } of storage.list(own, signal)) {
    const name = recordingOf(own, key);
    const signedKey = signedKeyOf(key);
    const signed = signedKey === undefined ? undefined : recordingOf(own, signedKey);
    if (name && !ledger.has(name)) {
      ledger.add({ ...name, key, sizeBytes, durationUs: undefined, startUs: undefined }, undefined);
    } else if (signed) {
      ledger.setSigned(signed);
    }
  }
  signal.throwIfAborted();
}
