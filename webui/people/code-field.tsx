import { useEffect, useRef } from 'preact/hooks';
import { boxCommands } from '../api-client/session.ts';
import { TextField } from '../ui/controls/field.tsx';
import { startWords } from '../words/start.ts';

interface CodeFieldProps {
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly isLocked: boolean;
  /** A text, or the reason `wrongCode` or `wrongPasskey`. */
  readonly wrong: string | undefined;
  readonly hint?: string;
  readonly takesFocus?: boolean;
  /** Whether a note says what to do without phone and recovery codes. */
  readonly showsWayOut?: boolean;
}

/** A code of the authenticator app, or a recovery code. */
export function CodeField({ takesFocus = false, showsWayOut = false, wrong, ...field }: CodeFieldProps) {
  const t = startWords.value;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (takesFocus) {
      box.current?.querySelector('input')?.focus();
    }
  }, []);
  return (
    <div ref={box}>
      <TextField
        label={t.codeLabel}
        name="code"
        autocomplete="one-time-code"
        hint={t.codeHint}
        wrong={wrong === 'wrongCode' ? t.codeWrong : wrong === 'wrongPasskey' ? t.passkeyWrong : wrong}
        {...field}
      />
      {showsWayOut && <p class="dim small">{t.lostPhone(boxCommands.value.resetPassword)}</p>}
    </div>
  );
}
