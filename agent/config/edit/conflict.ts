import { PerchError } from '../../base/errors.ts';
import { concerns, type LoggedChange } from '../store/change-log.ts';
import type { FileNow } from '../store/store.ts';

/** One key that somebody else has changed meanwhile. */
export interface ConflictItem {
  /** Null for what is above all paths. */
  readonly path: string | null;
  readonly key: string;
  /** As it is now, in the form of an answer; absent where a whole path or file is meant. */
  readonly value?: unknown;
  /** Who has changed it: null where it is not known any more. */
  readonly by: string | null;
  readonly user: string | null;
  /** RFC 3339. */
  readonly time: string | null;
}

/**
 * Refuses to change keys that somebody else has changed since the file had the text that `seen` names.
 *
 * @param path undefined: what is above all paths
 * @param shown the values of now
 * @param prefix what the keys are called by in the log of changes
 * @throws PerchError conflict; its context is for whoever has to decide
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

/** @throws PerchError conflict when the file has another text than the one that `seen` names, with all that has changed */
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
  const who = first?.user ?? (first?.by === 'file' ? 'somebody who edited the file' : 'somebody else');
  const what = first && first.key !== '' ? first.key : 'the configuration';
  const more = conflicts.length > 1 ? ` and ${conflicts.length - 1} more` : '';
  return new PerchError('conflict', `${who} has changed ${what}${more} meanwhile`, { tag, conflicts });
}

const authorOf = (change: LoggedChange | undefined): Pick<ConflictItem, 'by' | 'user' | 'time'> => ({
  by: change?.by ?? null,
  user: change?.user ?? null,
  time: change ? new Date(change.wallMs).toISOString() : null,
});
