import { Button } from '../ui/controls/button.tsx';
import { ForgottenPassword } from '../ui/controls/login-notes.tsx';
import { Sheet } from '../ui/sheet/sheet.tsx';
import { words } from '../words/words.ts';
import { LoginFields, useLogin } from './login.tsx';

/** Login over the page after the session has ended. Typed text stays. */
export function LoginSheet({ user }: { readonly user: string | undefined }) {
  const t = words.value;
  const login = useLogin(user);
  return (
    <form onSubmit={login.submit}>
      <Sheet
        title={t.loginTitle}
        isMandatory
        onClosed={() => {}}
        foot={
          <>
            <Button kind="main" type="submit" busy={login.isBusy && t.loginBusy}>
              {t.loginButton}
            </Button>
            {login.wrong?.field === 'password' ? (
              <ForgottenPassword name={login.name} />
            ) : (
              <p class="dim small">{t.loginAgain}</p>
            )}
          </>
        }
      >
        <LoginFields {...login} />
      </Sheet>
    </form>
  );
}
