import { createHash } from 'node:crypto';
import type { Change } from './changes.ts';

/** The origin of a change. */
export type ChangeOrigin = 'file' | 'API' | 'camera';

export interface Author {
  readonly by: ChangeOrigin;
  /** Absent: not known. */
  readonly user?: string;
}

export const authorOf = (by: ChangeOrigin, user: string | undefined): Author => ({
  by,
  ...(user === undefined ? {} : { user }),
});

export interface LoggedChange extends Author, Pick<Change, 'path' | 'keys'> {
  /** Unix milliseconds. */
  readonly wallMs: number;
}

interface Entry {
  /** Tag of the text after the changes. */
  readonly tag: string;
  readonly changes: readonly LoggedChange[];
}

/** Maximum number of remembered texts of the file. For a client with an older text, any key may have changed. */
const MAX_ENTRIES = 200;

/** Identifies one text of the file. */
export const tagOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** The last changes and their authors: an edit does not overwrite what others have changed since its author read the file. */
export class ChangeLog {
  readonly #entries: Entry[];

  /** @param tag of the first text */
  constructor(tag: string) {
    this.#entries = [{ tag, changes: [] }];
  }

  /** Call this when the file has another text; without changes if that text is rejected. */
  note(tag: string, changes: readonly Change[], author: Author, wallMs: number): void {
    const logged = changes.map(({ path, keys }) => ({
      ...(path === undefined ? {} : { path }),
      keys,
      ...author,
      wallMs,
    }));
    this.#entries.push({ tag, changes: logged });
    if (this.#entries.length > MAX_ENTRIES) {
      this.#entries.shift();
    }
  }

  /** The changes since the text with this tag, oldest first, or undefined if the text is not remembered. */
  since(tag: string): readonly LoggedChange[] | undefined {
    const at = this.#entries.findLastIndex((entry) => entry.tag === tag);
    return at < 0 ? undefined : this.#entries.slice(at + 1).flatMap(({ changes }) => changes);
  }
}

/** Whether the change is about this key of this path; without a path, of the top level. */
export function concerns(change: LoggedChange, path: string | undefined, key: string): boolean {
  // A path that was added or removed names no keys, nor do changes that are only counted.
  const isWhole = change.keys.length === 0 && (change.path === undefined || change.path === path);
  return isWhole || (change.path === path && change.keys.includes(key));
}
