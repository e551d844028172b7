import { useRef, useState } from 'preact/hooks';
import { BoxError } from '../box/request.ts';
import { isLinkOver, logIn } from '../box/session.ts';
import { PasswordField, TextField } from '../parts/field.tsx';
import { Mark } from '../parts/icon.tsx';
import { LanguageChoice } from '../parts/language-choice.tsx';
import { place } from '../route.ts';
import type { Words } from '../words/en.ts';
import { words } from '../words/words.ts';

/** Log in. It stands in place of the page that was asked for, so that one is there afterwards. */
export function LoginPage() {
  const say = words.value;
  const [password, setPassword] = useState('');
  const [name, setName] = useState<string>();
  const [wrong, setWrong] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLDivElement>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) {
      return;
    }
    setWrong(undefined);
    setBusy(true);
    setWrong(await tryLogIn(password, name, say));
    setBusy(false);
    field.current?.querySelector('input')?.focus();
  };
  return (
    <form class="door" onSubmit={submit}>
      <LanguageChoice />
      <div class="hero">
        <Mark />
      </div>
      <h1>{say.loginTitle}</h1>
      <p class="dim">{isLinkOver.value ? say.linkOver : say.loginText}</p>
      {name === undefined ? (
        <input
          class="unseen"
          name="username"
          autocomplete="username"
          value="owner"
          readOnly
          tabIndex={-1}
          aria-hidden="true"
        />
      ) : (
        <TextField
          label={say.yourName}
          name="username"
          autocomplete="username"
          value={name}
          onInput={setName}
          isLocked={isBusy}
        />
      )}
      <div ref={field}>
        <PasswordField
          label={say.yourPassword}
          name="password"
          autocomplete="current-password"
          value={password}
          onInput={(value) => {
            setPassword(value);
            setWrong(undefined);
          }}
          isLocked={isBusy}
          wrong={wrong}
        />
      </div>
      <button class="button main" type="submit" disabled={isBusy} data-busy={isBusy}>
        {isBusy ? say.loginBusy : say.loginButton}
      </button>
      {name === undefined && (
        <button class="text" type="button" onClick={() => setName('')}>
          {say.loginOther}
        </button>
      )}
      {wrong !== undefined && <p class="dim small">{say.forgotten}</p>}
    </form>
  );
}

async function tryLogIn(password: string, name: string | undefined, say: Words): Promise<string | undefined> {
  try {
    await logIn(password, name);
    if (place.peek().page === 'login') {
      location.hash = '#/live';
    }
    return undefined;
  } catch (error) {
    const { status, retryAfterS } = error instanceof BoxError ? error : new BoxError(0, '');
    if (status === 429) {
      return say.tooManyTries(retryAfterS ?? 1);
    }
    return status === 400 || status === 401 ? say.loginWrong : say.noAnswer;
  }
}
