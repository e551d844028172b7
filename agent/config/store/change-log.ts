import { createHash } from 'node:crypto';
import type { Change } from './changes.ts';

/** Who brings a change, for the log. */
export type ChangeOrigin = 'file' | 'API' | 'camera';

export interface Author {
  readonly by: ChangeOrigin;
  /** Where it is known. */
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
  /** Of the text that the changes led to. */
  readonly tag: string;
  readonly changes: readonly LoggedChange[];
}

/** So many texts of the file are known again: whoever has an older one is told that others may have changed anything. */
const MAX_ENTRIES = 200;

/** Names one text of the file. */
export const tagOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** Who has changed what since somebody looked: so that nobody overwrites what another has changed meanwhile. */
export class ChangeLog {
  readonly #entries: Entry[];

  /** @param tag of the text that there is at the beginning */
  constructor(tag: string) {
    this.#entries = [{ tag, changes: [] }];
  }

  /** The file has another text; nothing has changed where that is refused. */
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

  /** Oldest first; nothing where that text is not known, or not any more. */
  since(tag: string): readonly LoggedChange[] | undefined {
    const at = this.#entries.findLastIndex((entry) => entry.tag === tag);
    return at < 0 ? undefined : this.#entries.slice(at + 1).flatMap(({ changes }) => changes);
  }
}

/** Whether the change is about this key of this path, or of what is above all paths. */
export function concerns(change: LoggedChange, path: string | undefined, key: string): boolean {
  // A path that came or went, or changes that were only counted, name no keys.
  const isWhole = change.keys.length === 0 && (change.path === undefined || change.path === path);
  return isWhole || (change.path === path && change.keys.includes(key));
}
