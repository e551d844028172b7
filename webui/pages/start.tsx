import { useState } from 'preact/hooks';
import { BoxError } from '../box/request.ts';
import { claim, loadSession, session } from '../box/session.ts';
import { PasswordField, TextField } from '../parts/field.tsx';
import { Mark } from '../parts/icon.tsx';
import { LanguageChoice } from '../parts/language-choice.tsx';
import type { CommonWords } from '../words/en/common.ts';
import type { StartWords } from '../words/en/start.ts';
import { startWords } from '../words/start.ts';
import { words } from '../words/words.ts';

const SHORTEST = 8;
const lengthOf = (password: string): number => [...password].length;

/** What was wrong, by the field that it is about. */
interface Wrong {
  readonly password?: string;
  readonly code?: string;
}

/** First start: the box gets an owner. */
export function StartPage() {
  const say = { ...words.value, ...startWords.value };
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [wrong, setWrong] = useState<Wrong>({});
  const [isBusy, setBusy] = useState(false);
  const needsCode = session.value?.needsSetupCode === true;
  const isLong = lengthOf(password) >= SHORTEST;
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) {
      return;
    }
    if (!isLong) {
      setWrong({ password: say.passwordHint });
      return;
    }
    setBusy(true);
    setWrong(await tryClaim(password, needsCode ? code : undefined, say));
    setBusy(false);
  };
  return (
    <form class="door" onSubmit={submit}>
      <LanguageChoice />
      <div class="hero">
        <Mark />
      </div>
      <h1>{say.makeYours}</h1>
      <p class="dim">{say.startText}</p>
      <PasswordField
        label={say.yourPassword}
        name="password"
        autocomplete="new-password"
        value={password}
        onInput={(value) => {
          setPassword(value);
          setWrong({});
        }}
        isLocked={isBusy}
        onLeave={() => setWrong({ ...wrong, ...(isLong || password === '' ? {} : { password: say.passwordHint }) })}
        hint={isLong ? say.passwordLong : say.passwordHint}
        good={isLong}
        wrong={wrong.password}
      />
      {needsCode && (
        <TextField
          label={say.setupCode}
          name="code"
          autocomplete="one-time-code"
          value={code}
          onInput={(value) => {
            setCode(value);
            setWrong({});
          }}
          isLocked={isBusy}
          hint={say.setupCodeHint}
          wrong={wrong.code}
        />
      )}
      <button class="button main" type="submit" disabled={isBusy} data-busy={isBusy}>
        {isBusy ? say.saving : say.startButton}
      </button>
    </form>
  );
}

async function tryClaim(password: string, code: string | undefined, say: CommonWords & StartWords): Promise<Wrong> {
  try {
    await claim(password, code);
    location.hash = '#/live';
    return {};
  } catch (error) {
    const { status, retryAfterS } = error instanceof BoxError ? error : new BoxError(0, '');
    if (status === 429) {
      return { password: say.tooManyTries(retryAfterS ?? 1) };
    }
    if (status === 400) {
      // Somebody else was quicker, or the password is one of those that everybody tries.
      await loadSession().catch(() => {});
      return code === '' ? { code: say.setupCodeHint } : { password: say.passwordCommon };
    }
    return status === 401 ? { code: say.setupCodeWrong } : { password: say.noAnswer };
  }
}
