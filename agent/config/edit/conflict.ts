import { PerchError } from '../../base/errors.ts';
import { concerns, type LoggedChange } from '../store/change-log.ts';
import type { FileNow } from '../store/store.ts';

/** A key that another author has changed meanwhile. */
interface ConflictItem {
  /** Null at the top level. */
  readonly path: string | null;
  readonly key: string;
  /** Its present value, as the API shows it; absent for a whole path or file. */
  readonly value?: unknown;
  /** Origin of the change; null: no longer known. */
  readonly by: string | null;
  readonly user: string | null;
  /** RFC 3339. */
  readonly time: string | null;
}

/**
 * Rejects a change of keys that have changed since the file had the text of the tag `seen`.
 *
 * @param path undefined at the top level
 * @param shown the present values
 * @param prefix of the keys in the change log
 * @throws PerchError conflict, whose context has the conflicting keys
 */
export function refuseConflict(
  now: Pick<FileNow, 'tag' | 'since'>,
  seen: string | undefined,
  path: string | undefined,
  keys: readonly string[],
  shown: Readonly<Record<string, unknown>>,
  prefix = '',
): void {
  if (seen === undefined || seen === now.tag) {
    return;
  }
  const changes = now.since(seen);
  const conflicts = keys.flatMap((key): ConflictItem[] => {
    const last = changes?.findLast((change) => concerns(change, path, prefix + key));
    const value = Object.hasOwn(shown, key) ? { value: shown[key] } : {};
    return last || !changes ? [{ path: path ?? null, key: prefix + key, ...value, ...authorOf(last) }] : [];
  });
  if (conflicts.length > 0) {
    throw conflict(now.tag, conflicts);
  }
}

/** @throws PerchError conflict with all changes when the file's text is not the one of the tag `seen` */
export function refuseOtherText(now: Pick<FileNow, 'tag' | 'since'>, seen: string): void {
  if (seen === now.tag) {
    return;
  }
  const conflicts = (now.since(seen) ?? []).flatMap((change) => {
    const keys = change.keys.length === 0 ? [''] : change.keys;
    return keys.map((key): ConflictItem => ({ path: change.path ?? null, key, ...authorOf(change) }));
  });
  throw conflict(now.tag, conflicts);
}

function conflict(tag: string, conflicts: readonly ConflictItem[]): PerchError {
  const [first] = conflicts;
  const who = first?.user ?? (first?.by === 'file' ? 'an editor of the file' : 'another user');
  const what = first && first.key !== '' ? first.key : 'the configuration';
  const more = conflicts.length > 1 ? ` and ${conflicts.length - 1} more` : '';
  return new PerchError('conflict', `${who} has changed ${what}${more} meanwhile`, { tag, conflicts });
}

const authorOf = (change: LoggedChange | undefined): Pick<ConflictItem, 'by' | 'user' | 'time'> => ({
  by: change?.by ?? null,
  user: change?.user ?? null,
  time: change ? new Date(change.wallMs).toISOString() : null,
});
