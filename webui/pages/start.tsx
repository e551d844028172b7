import { useEffect, useRef, useState } from 'preact/hooks';
import { RequestError } from '../api-client/request.ts';
import { boxCommands, claim, isOwner, loadSession, session, setupCode } from '../api-client/session.ts';
import { adoptions, closeAdding } from '../cameras/adding/adoption.ts';
import { closeRoute } from '../shell/navigation.ts';
import { LIVE, route } from '../shell/route.ts';
import { Button } from '../ui/controls/button.tsx';
import { PasswordField, TextField } from '../ui/controls/field.tsx';
import { EntryHead } from '../ui/controls/language-choice.tsx';
import { UnencryptedNotice } from '../ui/controls/login-notes.tsx';
import { Icon } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import type { CommonWords } from '../words/en/common.ts';
import type { StartWords } from '../words/en/start.ts';
import { startWords } from '../words/start.ts';
import { loadSettingsWords, words } from '../words/words.ts';
import { SERVER_PAGE } from './features/parts.ts';
import { AddingStep } from './settings/cameras/add/adding-step.tsx';
import { FindingStep } from './settings/cameras/add/finding-step.tsx';
import { judgePassword } from './start-password.ts';

const START = '#/start';

const RestoreSheet = lazyPart(async () => {
  await loadSettingsWords();
  return (await import('./settings/system/restore-panel.tsx')).RestoreSheet;
});

/** Messages by field. */
interface Wrong {
  readonly password?: string;
  readonly code?: string;
}

/** First start: the owner's password, then adding cameras as in the settings. */
export function StartPage() {
  if (session.value?.claimed && isOwner.value) {
    return route.value.page === 'start' && session.value.server && SERVER_PAGE !== undefined ? (
      <Go to={SERVER_PAGE} />
    ) : (
      <AddCameras backTo={route.value.page === 'start' ? LIVE : '#/settings/cameras'} />
    );
  }
  return session.value?.mayClaim === false ? <ClaimThere /> : <Claim />;
}

/** Back does not come here again. */
function Go({ to }: { readonly to: string }) {
  useEffect(() => location.replace(to), []);
  return null;
}

/** With a configuration that is not Perch's own, the box cannot be claimed on the page. */
function ClaimThere() {
  return (
    <div class="entry-page">
      <EntryHead />
      <h1>{words.value.notYours}</h1>
      <p class="dim">{startWords.value.claimThere(boxCommands.value.claim)}</p>
    </div>
  );
}

function Claim() {
  const t = { ...words.value, ...startWords.value };
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const isServer = session.value?.server;
  const [wrong, setWrong] = useState<Wrong>({});
  const [isBusy, setBusy] = useState(false);
  const [isRestoring, setRestoring] = useState(false);
  const isFromLink = setupCode.value !== '';
  const verdict = judgePassword(password);
  const sentences = { short: t.passwordHint, common: t.passwordCommon, good: t.passwordLong } as const;
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) {
      return;
    }
    if (verdict !== 'good') {
      setWrong({ password: sentences[verdict] });
      (event.currentTarget as HTMLElement).querySelector<HTMLElement>('[name=password]')?.focus();
      return;
    }
    setBusy(true);
    setWrong(await tryClaim(password, setupCode.peek() || code, t));
    setBusy(false);
  };
  return (
    <form class="entry-page" onSubmit={submit}>
      <EntryHead />
      <h1>{t.makeYours}</h1>
      <p class="dim">{isServer ? t.startTextServer : t.startText}</p>
      <PasswordField
        label={t.yourPassword}
        name="password"
        autocomplete="new-password"
        value={password}
        onInput={(value) => {
          setPassword(value);
          setWrong({});
        }}
        isLocked={isBusy}
        onLeave={() => setWrong(verdict === 'good' || password === '' ? wrong : { password: sentences[verdict] })}
        hint={sentences[verdict]}
        good={verdict === 'good'}
        wrong={wrong.password}
      />
      <UnencryptedNotice />
      {!isFromLink && (
        <TextField
          label={t.setupCode}
          name="code"
          autocomplete="one-time-code"
          value={code}
          onInput={(value) => {
            setCode(value);
            setWrong({});
          }}
          isLocked={isBusy}
          hint={t.setupCodeHint(boxCommands.value.claim)}
          wrong={wrong.code}
        />
      )}
      <Button kind="main" type="submit" busy={isBusy && t.claiming}>
        {isServer ? t.setPassword : t.findCameras}
      </Button>
      <div class="other-way">
        <Button kind="text" onClick={() => setRestoring(true)}>
          {t.haveBackup}
        </Button>
      </div>
      {isRestoring && <RestoreSheet onClosed={() => setRestoring(false)} />}
    </form>
  );
}

async function tryClaim(password: string, code: string, t: CommonWords & StartWords): Promise<Wrong> {
  // The next steps are on this page, wherever the password was typed.
  location.hash = START;
  if (code === '') {
    return { code: t.setupCodeHint(boxCommands.peek().claim) };
  }
  try {
    await claim(password, code);
    return {};
  } catch (error) {
    const { status, retryAfterS } = error instanceof RequestError ? error : new RequestError(0, '');
    if (status === 429) {
      return { password: t.tooManyTries(retryAfterS ?? 1) };
    }
    if (status === 400) {
      // Someone else has claimed the box: the login says so.
      await loadSession().catch(() => {});
      return { password: t.passwordCommon };
    }
    if (status === 401) {
      // The code of the link is wrong too: it must be typed.
      setupCode.value = '';
      return { code: t.setupCodeWrong };
    }
    return { password: t.noAnswer };
  }
}

interface AddCamerasProps {
  /** The page to return to; `#/live` at the first start. */
  readonly backTo: string;
}

/** Finding cameras, then adding them. */
function AddCameras({ backTo }: AddCamerasProps) {
  const isArriving = adoptions.value.length > 0;
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => closeAdding, []);
  useEffect(() => {
    window.scrollTo(0, 0);
    title.current?.focus();
  }, [isArriving]);
  const top =
    backTo === LIVE ? (
      <Steps now={isArriving ? 3 : 2} />
    ) : (
      <button class="round back" type="button" aria-label={words.value.back} onClick={() => closeRoute(backTo)}>
        <Icon name="back" />
      </button>
    );
  return isArriving ? (
    <AddingStep top={top} title={title} backTo={backTo} />
  ) : (
    <FindingStep top={top} title={title} isFirst={backTo === LIVE} />
  );
}

const ALL_STEPS = [1, 2, 3];

function Steps({ now }: { readonly now: number }) {
  return (
    <div class="steps" role="img" aria-label={startWords.value.step(now, ALL_STEPS.length)}>
      {ALL_STEPS.map((step) => (
        <i key={step} data-done={step <= now} />
      ))}
    </div>
  );
}
