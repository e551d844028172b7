import { useRef, useState } from 'preact/hooks';
import { BoxError } from '../api-client/request.ts';
import { isLinkOver, leaveLink, logIn } from '../api-client/session.ts';
import { place } from '../shell/route.ts';
import { Button } from '../ui/controls/button.tsx';
import { PasswordField, TextField } from '../ui/controls/field.tsx';
import { LanguageChoice } from '../ui/controls/language-choice.tsx';
import { Mark } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import type { CommonWords } from '../words/en/common.ts';
import { words } from '../words/words.ts';

const Forgotten = lazyPart(() => import('./forgotten.tsx').then((part) => part.Forgotten));
const ClearText = lazyPart(() => import('../ui/controls/login-notes.tsx').then((part) => part.ClearText));

/** It stands in place of the page that was asked for, so that one is there afterwards. A guest has no password to be asked for. */
export const LoginPage = () => (isLinkOver.value ? <LinkOver /> : <LogIn />);

const LinkOver = () => (
  <div class="door">
    <LanguageChoice />
    <div class="hero">
      <Mark />
    </div>
    <h1>{words.value.linkOver}</h1>
    <button class="text" type="button" onClick={leaveLink}>
      {words.value.loginButton}
    </button>
  </div>
);

function LogIn() {
  const say = words.value;
  const login = useLogin(undefined);
  return (
    <form class="door" onSubmit={login.submit}>
      <LanguageChoice />
      <div class="hero">
        <Mark />
      </div>
      <h1>{say.loginTitle}</h1>
      <p class="dim">{place.value.page === 'start' ? say.hasOwner : say.loginText}</p>
      <LoginFields {...login} />
      <Button kind="main" type="submit" busy={login.isBusy && say.loginBusy}>
        {say.loginButton}
      </Button>
      {login.name === undefined && (
        <button class="text" type="button" onClick={() => login.setName('')}>
          {say.loginOther}
        </button>
      )}
      {login.wrong !== undefined && <Forgotten />}
    </form>
  );
}

/** @param user undefined: the owner */
export function useLogin(user: string | undefined) {
  const [password, setPassword] = useState('');
  const [name, setName] = useState(user);
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
    setWrong(await tryLogIn(password, name, words.peek()));
    setBusy(false);
    field.current?.querySelector('input')?.focus();
  };
  return { password, setPassword, name, setName, wrong, setWrong, isBusy, field, submit };
}

export function LoginFields({
  password,
  setPassword,
  name,
  setName,
  wrong,
  setWrong,
  isBusy,
  field,
}: ReturnType<typeof useLogin>) {
  const say = words.value;
  return (
    <>
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
      <ClearText />
    </>
  );
}

async function tryLogIn(password: string, name: string | undefined, say: CommonWords): Promise<string | undefined> {
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
    if (status !== 400 && status !== 401) {
      return say.noAnswer;
    }
    return name === undefined ? say.loginWrongPassword : say.loginWrong;
  }
}
