import type { Conflict } from '../forms/form.ts';
import { words } from '../words/words.ts';

interface ConflictProps<V> {
  readonly conflict: Conflict<V> | undefined;
  /** The value as it stands in the form: `14 days`. */
  readonly say: (value: V) => string;
  readonly onTake: () => void;
  readonly onKeep: () => void;
}

/** Beside the field: somebody else has saved another value while this one was edited. */
export function ConflictLine<V>({ conflict, say, onTake, onKeep }: ConflictProps<V>) {
  const { changedBy, somebody, takeTheirs, keepMine } = words.value;
  return conflict ? (
    <div class="conflict" role="alert">
      <p>{changedBy(conflict.by ?? somebody, `${say(conflict.before)} > ${say(conflict.theirs)}`)}</p>
      <button class="text" type="button" onClick={onTake}>
        {takeTheirs}
      </button>
      <button class="text" type="button" onClick={onKeep}>
        {keepMine}
      </button>
    </div>
  ) : null;
}
