import { session } from '../api-client/session.ts';
import { voice } from '../words/i18n.ts';
import { words } from '../words/words.ts';
import { conflictWords } from './conflict-words.ts';
import type { Conflict } from './form.ts';

interface ConflictProps<V> {
  readonly conflict: Conflict<V> | undefined;
  /** The value as it stands in the form: `14 days`. */
  readonly say: (value: V) => string;
  readonly onTake: () => void;
  readonly onKeep: () => void;
}

/** Beside the field: somebody else, or the same in another window, has saved another value while this one was edited. */
export function ConflictLine<V>({ conflict, say, onTake, onKeep }: ConflictProps<V>) {
  const { takeTheirs, keepMine } = words.value;
  const me = session.value?.user ?? null;
  return conflict ? (
    <div class="conflict" role="alert">
      <p>
        {conflictWords(
          conflict.by,
          me,
          Date.now(),
          voice().language,
          `${say(conflict.before)} → ${say(conflict.theirs)}`,
        )}
      </p>
      <button class="text" type="button" onClick={onTake}>
        {takeTheirs}
      </button>
      <button class="text" type="button" onClick={onKeep}>
        {keepMine}
      </button>
    </div>
  ) : null;
}
