import type { ChangedBy } from '../api-client/config.ts';
import { session } from '../api-client/session.ts';
import { timeAgo } from '../words/dates.ts';
import { i18n } from '../words/i18n.ts';
import { reasonsWords } from '../words/reasons.ts';
import { MINUTE_MS } from '../words/units.ts';
import type { Form } from './form.ts';

interface ConflictProps<V extends object, K extends keyof V> {
  readonly form: Form<V>;
  readonly name: K;
  /** Formatted as in the form: `14 days`. */
  readonly format: (value: V[K]) => string;
}

/** Shown next to a field that was saved elsewhere while it was edited here. */
export function ConflictLine<V extends object, K extends keyof V>({ form, name, format }: ConflictProps<V, K>) {
  const conflict = form.conflicts.value[name];
  const { takeTheirs, keepMine } = reasonsWords.value;
  const me = session.value?.user ?? null;
  return conflict ? (
    <div class="conflict" role="alert">
      <p>
        {conflictText(
          conflict.by,
          me,
          Date.now(),
          i18n().language,
          `${format(conflict.before)} → ${format(conflict.theirs)}`,
        )}
      </p>
      <button class="text" type="button" onClick={() => form.takeTheirs(name)}>
        {takeTheirs}
      </button>
      <button class="text" type="button" onClick={() => form.keepMine(name)}>
        {keepMine}
      </button>
    </div>
  ) : null;
}

/** `Ann changed this 2 minutes ago: 1 day → 2 days`. @param me the user */
export function conflictText(
  by: ChangedBy | undefined,
  me: string | null,
  nowMs: number,
  language: string,
  change: string,
): string {
  const { changedBy, changedByMe, justNow, someoneElse } = reasonsWords.value;
  if (!by) {
    return changedBy(someoneElse, '', change);
  }
  const sinceMs = nowMs - by.atMs;
  const when = sinceMs < MINUTE_MS ? justNow : timeAgo(sinceMs, language);
  return by.user === me ? changedByMe(when, change) : changedBy(by.user, when, change);
}
