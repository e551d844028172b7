import { Button } from '../ui/controls/button.tsx';
import { Sheet } from '../ui/sheet/sheet.tsx';
import { words } from '../words/words.ts';
import { Forgotten } from './forgotten.tsx';
import { LoginFields, useLogin } from './login.tsx';

/** The session has ended while the page was open: what was typed there stays. */
export function LoginSheet({ user }: { readonly user: string | undefined }) {
  const say = words.value;
  const login = useLogin(user);
  return (
    <form onSubmit={login.submit}>
      <Sheet
        title={say.loginTitle}
        mustStay
        onClosed={() => {}}
        foot={
          <>
            <Button kind="main" type="submit" busy={login.isBusy && say.loginBusy}>
              {say.loginButton}
            </Button>
            {login.wrong === undefined ? <p class="dim small">{say.loginAgain}</p> : <Forgotten />}
          </>
        }
      >
        <LoginFields {...login} />
      </Sheet>
    </form>
  );
}
