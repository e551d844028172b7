import { useRef, useState } from 'preact/hooks';
import { fetchJson, RequestError } from '../api-client/request.ts';
import { forgetGuestLink, hasSeenNoOwner, isGuestLinkExpired, isOwner, logIn } from '../api-client/session.ts';
import { route } from '../shell/route.ts';
import { Button } from '../ui/controls/button.tsx';
import { PasswordField, TextField } from '../ui/controls/field.tsx';
import { EntryHead } from '../ui/controls/language-choice.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import type { CommonWords } from '../words/en/common.ts';
import { words } from '../words/words.ts';

const ForgottenPassword = lazyPart(() =>
  import('../ui/controls/login-notes.tsx').then((part) => part.ForgottenPassword),
);
const UnencryptedNotice = lazyPart(() =>
  import('../ui/controls/login-notes.tsx').then((part) => part.UnencryptedNotice),
);

const FactorFields = lazyPart(() => import('../people/factor-fields.tsx').then((part) => part.FactorFields));

/** Shown in place of the requested page, which follows the login. Guests have no password. */
export const LoginPage = () => (isGuestLinkExpired.value ? <LinkOver /> : <LogIn />);

const LinkOver = () => (
  <div class="entry-page">
    <EntryHead />
    <h1>{words.value.linkOver}</h1>
    <button class="text" type="button" onClick={forgetGuestLink}>
      {words.value.loginButton}
    </button>
  </div>
);

function LogIn() {
  const t = words.value;
  const login = useLogin(undefined);
  return (
    <form class="entry-page" onSubmit={login.submit}>
      <EntryHead />
      <h1>{t.loginTitle}</h1>
      <p class="dim">{route.value.page === 'start' ? t.hasOwner : t.loginText}</p>
      <LoginFields {...login} />
      <Button kind="main" type="submit" busy={login.isBusy && t.loginBusy}>
        {t.loginButton}
      </Button>
      {login.name === undefined && (
        <button class="text" type="button" onClick={() => login.setName('')}>
          {t.loginOther}
        </button>
      )}
      {login.wrong?.field === 'password' && <ForgottenPassword name={login.name} />}
    </form>
  );
}

/** @param user undefined for the owner */
export function useLogin(user: string | undefined) {
  const [password, setPassword] = useState('');
  const [name, setName] = useState(user);
  /** Undefined: no second factor is asked for. */
  const [code, setCode] = useState<string>();
  const [wrong, setWrong] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLDivElement>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    await attempt();
  };
  const attempt = async (passkey?: object) => {
    if (isBusy) {
      return;
    }
    setWrong(undefined);
    setBusy(true);
    const failure = await tryLogIn({ password, name, code, passkey }, words.peek());
    const isFirst = failure?.field === 'code' && code === undefined;
    if (isFirst) {
      // The field takes the focus.
      setCode('');
    }
    setWrong(isFirst ? undefined : failure);
    setBusy(false);
    field.current?.querySelector<HTMLInputElement>(`[name=${failure?.field ?? 'password'}]`)?.focus();
  };
  return { code, setCode, attempt, password, setPassword, name, setName, wrong, setWrong, isBusy, field, submit };
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
  code,
  setCode,
  attempt,
}: ReturnType<typeof useLogin>) {
  const t = words.value;
  return (
    <>
      {name === undefined ? (
        <input
          class="visually-hidden"
          name="username"
          autocomplete="username"
          value="owner"
          readOnly
          tabIndex={-1}
          aria-hidden="true"
        />
      ) : (
        <TextField
          label={t.yourName}
          name="username"
          autocomplete="username"
          value={name}
          onInput={setName}
          isLocked={isBusy}
        />
      )}
      <div ref={field}>
        <PasswordField
          label={t.yourPassword}
          name="password"
          autocomplete="current-password"
          value={password}
          onInput={(value) => {
            setPassword(value);
            setWrong(undefined);
          }}
          isLocked={isBusy}
          wrong={wrong?.field === 'password' ? wrong.text : undefined}
        />
        {code !== undefined && (
          <FactorFields
            password={password}
            user={name}
            code={code}
            onCode={(value) => {
              setCode(value);
              setWrong(undefined);
            }}
            onPasskey={attempt}
            isLocked={isBusy}
            wrong={wrong?.field === 'code' ? wrong.text : undefined}
          />
        )}
      </div>
      <UnencryptedNotice />
    </>
  );
}

interface LoginInput {
  readonly password: string;
  readonly name: string | undefined;
  readonly code: string | undefined;
  readonly passkey: object | undefined;
}

interface Failure {
  readonly field: 'password' | 'code';
  /** For the user, or the reason `wrongCode` or `wrongPasskey`. */
  readonly text: string;
}

interface ConfigPaths {
  readonly items: readonly { readonly name: string }[];
}

/** A box without cameras shows the demo camera. */
const DEMO_PATHS = ['demo', 'demo_sub'];

/** Whether the owner of a box without cameras has logged in. */
async function hasNoCameras(): Promise<boolean> {
  if (!isOwner.peek()) {
    return false;
  }
  const list = await fetchJson<ConfigPaths>('v3/config/paths/list?itemsPerPage=3').catch(() => undefined);
  return list?.items.every(({ name }) => DEMO_PATHS.includes(name)) === true;
}

async function tryLogIn({ password, name, code, passkey }: LoginInput, t: CommonWords): Promise<Failure | undefined> {
  try {
    await logIn(password, name, passkey ? { passkey } : { code });
    const { page } = route.peek();
    if (page === 'login' || page === 'live') {
      location.hash = hasSeenNoOwner && (await hasNoCameras()) ? '#/start' : '#/live';
    }
    return undefined;
  } catch (error) {
    const { status, retryAfterS, why } = error instanceof RequestError ? error : new RequestError(0, '');
    if (why === 'codeNeeded' || why === 'wrongCode' || why === 'wrongPasskey') {
      return { field: 'code', text: why === 'codeNeeded' ? 'wrongCode' : why };
    }
    const field = code === undefined ? 'password' : 'code';
    if (status === 429) {
      return { field, text: t.tooManyTries(retryAfterS ?? 1) };
    }
    if (status !== 400 && status !== 401) {
      return { field, text: t.noAnswer };
    }
    return { field: 'password', text: name === undefined ? t.loginWrongPassword : t.loginWrong };
  }
}
