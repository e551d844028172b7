import { useState } from 'preact/hooks';
import { actionErrorText } from '../../../api-client/error-text.ts';
import { fetchJson, RequestError } from '../../../api-client/request.ts';
import { loadSession, session } from '../../../api-client/session.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { copyToClipboard } from '../../../ui/controls/clipboard.ts';
import { CodeField } from '../../../ui/controls/code-field.tsx';
import { PasswordField } from '../../../ui/controls/field.tsx';
import { UnencryptedNotice } from '../../../ui/controls/login-notes.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { words } from '../../../words/words.ts';
import { youWords } from '../../../words/you.ts';
import { OnceField } from './once-sheet.tsx';

interface Setup {
  readonly uri: string;
  readonly qr: string;
}

interface Failed {
  readonly password?: string;
  readonly code?: string;
}

/** Turns the owner's second factor on, in three steps, or off. All are one sheet: another one would take over its history entry. */
export function SecondFactorSheet({ onClosed }: { readonly onClosed: () => void }) {
  const t = youWords.value;
  const factor = useSecondFactor();
  const { wasOn, setup, recovery, isBusy, isDone } = factor;
  return (
    <form onSubmit={factor.submit} novalidate>
      <Sheet
        title={recovery ? t.recoveryCodes : t.factor}
        isDone={isDone}
        isDirty={recovery !== undefined && !isDone}
        onClosed={onClosed}
        foot={
          recovery ? (
            <RecoveryButtons codes={recovery} onDone={() => factor.setDone(true)} />
          ) : (
            <>
              {wasOn && <p class="dim small">{t.factorTurnOffText}</p>}
              <Button kind="main" type="submit" busy={isBusy && words.value.loginBusy}>
                {wasOn ? t.factorTurnOff : setup ? t.factorTurnOn : t.factorNext}
              </Button>
            </>
          )
        }
      >
        {recovery ? <Recovery codes={recovery} /> : <Fields {...factor} />}
      </Sheet>
    </form>
  );
}

function useSecondFactor() {
  const [wasOn] = useState(session.peek()?.secondFactor === true);
  const [typed, setTyped] = useState({ password: '', code: '' });
  const [wrong, setWrong] = useState<Failed>({});
  const [isBusy, setBusy] = useState(false);
  const [isDone, setDone] = useState(false);
  const [setup, setSetup] = useState<Setup>();
  const [recovery, setRecovery] = useState<readonly string[]>();
  const post = <T,>(path: string, body: object) => fetchJson<T>(`v3/session/factor${path}`, { method: 'POST', body });

  const next = async () => {
    if (wasOn) {
      await post('/remove', typed);
      toast(youWords.peek().factorIsOff);
      setDone(true);
    } else if (setup) {
      setRecovery((await post<{ recovery: readonly string[] }>('/confirm', { code: typed.code })).recovery);
      toast(youWords.peek().factorIsOn);
    } else {
      setSetup(await post<Setup>('', { password: typed.password }));
      return;
    }
    await loadSession();
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) {
      return;
    }
    setBusy(true);
    setWrong({});
    try {
      await next();
    } catch (error) {
      setWrong(failureOf(error, setup !== undefined));
    }
    setBusy(false);
  };
  const set = (changed: Partial<typeof typed>) => {
    setTyped({ ...typed, ...changed });
    setWrong({});
  };
  return { wasOn, typed, set, wrong, isBusy, isDone, setDone, setup, recovery, submit };
}

function Fields({ wasOn, setup, typed, set, isBusy, wrong }: ReturnType<typeof useSecondFactor>) {
  const t = youWords.value;
  return (
    <>
      {!wasOn && !setup && (
        <>
          <p>{t.factorText}</p>
          <p class="dim">{t.factorPrograms}</p>
        </>
      )}
      {setup && <Scan {...setup} />}
      {!setup && (
        <PasswordField
          label={words.value.yourPassword}
          name="password"
          autocomplete="current-password"
          value={typed.password}
          onInput={(password) => set({ password })}
          isLocked={isBusy}
          wrong={wrong.password}
        />
      )}
      {(wasOn || setup) && (
        <CodeField
          value={typed.code}
          onInput={(code) => set({ code })}
          isLocked={isBusy}
          wrong={wrong.code}
          showsWayOut={wasOn}
        />
      )}
      <UnencryptedNotice />
    </>
  );
}

function Scan({ uri, qr }: Setup) {
  const t = youWords.value;
  const key = new URLSearchParams(uri.split('?')[1]).get('secret') ?? '';
  return (
    <>
      <p>{t.factorScan}</p>
      <img class="factor-qr" src={`data:image/svg+xml,${encodeURIComponent(qr)}`} alt={t.factorQr} />
      <OnceField label={t.factorKey} value={key.replace(/.{4}(?=.)/g, '$& ')} />
    </>
  );
}

interface Codes {
  readonly codes: readonly string[];
}

function Recovery({ codes }: Codes) {
  return (
    <>
      <p>{youWords.value.recoveryText}</p>
      <ul class="recovery digits">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
    </>
  );
}

function RecoveryButtons({ codes, onDone }: Codes & { readonly onDone: () => void }) {
  const t = youWords.value;
  const copy = async () => {
    if (await copyToClipboard(codes.join('\n'))) {
      toast(youWords.peek().recoveryCopied);
    }
  };
  return (
    <>
      <Button kind="main" onClick={onDone}>
        {t.recoveryDone}
      </Button>
      <Button onClick={copy}>{t.recoveryCopy}</Button>
    </>
  );
}

function failureOf(error: unknown, isSetup: boolean): Failed {
  const { status, why, retryAfterS = 1 } = error instanceof RequestError ? error : new RequestError(0, '');
  if (why === 'wrongCode' || (isSetup && status === 403)) {
    return { code: 'wrongCode' };
  }
  if (status !== 403 && status !== 429) {
    toast(actionErrorText(error));
    return {};
  }
  const text = status === 403 ? words.peek().loginWrongPassword : words.peek().tooManyTries(retryAfterS);
  return isSetup ? { code: text } : { password: text };
}
