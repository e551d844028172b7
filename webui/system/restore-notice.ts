import { toast } from '../ui/feedback/toast.tsx';
import { moment } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { systemWords } from '../words/settings/system.ts';

const KEPT = 'perch.restored';

/** Kept across the reload. @param made of the backup, RFC 3339 */
export function noteRestored(made: string): void {
  try {
    sessionStorage.setItem(KEPT, made);
  } catch {
    // Optional.
  }
}

/** The message after a restore, once. */
export function restoredText(): string | undefined {
  try {
    const made = sessionStorage.getItem(KEPT);
    sessionStorage.removeItem(KEPT);
    return made === null ? undefined : systemWords.peek().restored(moment(Date.parse(made), Date.now(), i18n()));
  } catch {
    return undefined;
  }
}

/** On pages that do not show it. */
export function toastRestored(): void {
  const text = restoredText();
  if (text !== undefined) {
    toast(text);
  }
}
