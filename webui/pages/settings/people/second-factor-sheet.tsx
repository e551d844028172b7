import { useState } from 'preact/hooks';
import type { FactorAnswer } from '../../../api-client/api-types.ts';
import { RequestError } from '../../../api-client/request.ts';
import { retryUntilAnswered } from '../../../api-client/retry.ts';
import { loadSession, session } from '../../../api-client/session.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { isUntrusted } from '../../../people/passkeys.ts';
import {
  addPasskey,
  beginApp,
  confirmApp,
  type FactorFailure,
  type FactorInput,
  type FactorStep,
  type Proof,
  removePasskey,
  renewRecovery,
  turnOff,
} from '../../../people/second-factor.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { toastFailure } from '../../../ui/feedback/toast-failure.ts';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { youWords } from '../../../words/settings/you.ts';
import { words } from '../../../words/words.ts';
import { FactorConfirm, FactorOverview, RecoveryButtons, RecoveryCodes, Scan } from './second-factor-steps.tsx';

/** The owner's second factor. All steps are one sheet: another one would take over its history entry. */
export function SecondFactorSheet({ onClosed }: { readonly onClosed: () => void }) {
  const t = youWords.value;
  const factor = useSecondFactor();
  const { step, isDone } = factor;
  const { kind } = step;
  return (
    <form onSubmit={factor.submit} novalidate>
      <Sheet
        title={kind === 'recovery' ? t.recoveryCodes : t.factor}
        isDone={isDone}
        isDirty={kind === 'recovery' && !isDone}
        onClosed={onClosed}
        foot={kind === 'recovery' ? <RecoveryButtons {...step} onDone={factor.finish} /> : <Foot {...factor} />}
      >
        {kind === 'recovery' ? (
          <RecoveryCodes {...step} />
        ) : kind === 'scan' ? (
          <Scan {...step.setup} {...factor} />
        ) : kind === 'overview' ? (
          <FactorOverview state={factor.state} onStep={factor.setStep} />
        ) : (
          <FactorConfirm {...factor} />
        )}
      </Sheet>
    </form>
  );
}

function Foot({ step, setStep, isOn, isBusy }: ReturnType<typeof useSecondFactor>) {
  const t = youWords.value;
  const { kind } = step;
  const labels: Partial<Record<FactorStep['kind'], string>> = {
    app: t.factorNext,
    passkey: t.passkeyAdd,
    renew: t.recoveryRenew,
    off: t.factorTurnOff,
    scan: isOn ? t.factorSave : t.factorTurnOn,
    remove: t.passkeyRemove,
  };
  if (kind === 'overview') {
    // Different keys: if a click turned the same button into a submit button, it would submit the form.
    return isOn ? (
      <Button key="off" onClick={() => setStep({ kind: 'off' })}>
        {t.factorTurnOff}
      </Button>
    ) : null;
  }
  return (
    <>
      {kind === 'off' && <p class="dim small">{t.factorTurnOffText}</p>}
      <Button key="submit" kind="main" type="submit" busy={isBusy && t.factorBusy}>
        {labels[kind]}
      </Button>
      <Button key="cancel" onClick={() => setStep({ kind: 'overview' })}>
        {words.value.cancel}
      </Button>
    </>
  );
}

const NOTHING: FactorInput = { password: '', code: '', name: '' };

function useSecondFactor() {
  const { value: state, again } = usePolled<FactorAnswer>('v3/session/factor', 'slow');
  const [step, toStep] = useState<FactorStep>({ kind: 'overview' });
  const [typed, setTyped] = useState(NOTHING);
  const [wrong, setWrong] = useState<FactorFailure>({});
  const [isBusy, setBusy] = useState(false);
  const [isDone, setDone] = useState(false);
  const isOn = session.value?.secondFactor === true;
  const set = (changed: Partial<FactorInput>) => {
    setTyped({ ...typed, ...changed });
    setWrong({});
  };
  const setStep = (next: FactorStep) => {
    setTyped(NOTHING);
    setWrong({});
    toStep(next);
  };
  /** @param passkey response of a passkey, instead of a code */
  const run = async (passkey?: object) => {
    if (isBusy || step.kind === 'overview' || step.kind === 'recovery') {
      return;
    }
    const { password, code } = typed;
    if (password === '' && step.kind !== 'scan') {
      setWrong({ password: words.peek().loginWrongPassword });
      return;
    }
    setBusy(true);
    setWrong({});
    const proof = { password, ...(passkey ? { passkey } : code === '' ? {} : { code }) };
    try {
      const next = await perform(step, proof, typed);
      // The step is done, and its recovery codes are shown only here.
      await loadSession().catch(loadSessionLater);
      again();
      if (next) {
        setStep(next);
      } else {
        setDone(true);
      }
    } catch (error) {
      setWrong(failureOf(error, step.kind));
    }
    setBusy(false);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void run();
  };
  /** Shows the failure of a challenge: it needs the password and no session, so 401 means a wrong password. */
  const fail = (error: unknown) => {
    const isWrong = error instanceof RequestError && error.status === 401;
    setWrong(isWrong ? { password: words.peek().loginWrongPassword } : failureOf(error, step.kind));
  };
  return {
    state,
    step,
    setStep,
    typed,
    set,
    wrong,
    isOn,
    isBusy,
    isDone,
    finish: () => setDone(true),
    run,
    submit,
    fail,
  };
}

function loadSessionLater(): void {
  retryUntilAnswered(loadSession, new AbortController().signal).catch(() => {});
}

/** @returns the next step, or undefined to close the sheet */
async function perform(step: FactorStep, proof: Proof, { code, name }: FactorInput): Promise<FactorStep | undefined> {
  const t = youWords.peek();
  const added = (recovery: readonly string[], text: string): FactorStep => {
    toast(recovery.length > 0 ? t.factorIsOn : text);
    return recovery.length > 0 ? { kind: 'recovery', codes: recovery } : { kind: 'overview' };
  };
  switch (step.kind) {
    case 'app':
      return { kind: 'scan', setup: await beginApp(proof) };
    case 'scan':
      return added((await confirmApp(code, step.setup)).recovery, t.appAdded);
    case 'passkey':
      return added((await addPasskey(proof, name)).recovery, t.passkeyAdded);
    case 'renew':
      return { kind: 'recovery', codes: (await renewRecovery(proof)).recovery };
    case 'remove':
      await removePasskey(proof, step.passkey.id);
      toast(t.passkeyRemoved(step.passkey.name));
      return { kind: 'overview' };
    default:
      await turnOff(proof);
      toast(t.factorIsOff);
      return undefined;
  }
}

function failureOf(error: unknown, kind: FactorStep['kind']): FactorFailure {
  if (error instanceof DOMException) {
    return { passkey: isUntrusted(error) ? youWords.peek().passkeyUntrusted : youWords.peek().passkeyNotMade };
  }
  const { status, why, retryAfterS = 1 } = error instanceof RequestError ? error : new RequestError(0, '');
  if (why === 'codeNeeded' || why === 'wrongCode' || why === 'wrongPasskey') {
    return { code: why === 'codeNeeded' ? 'wrongCode' : why };
  }
  if (status !== 403 && status !== 429) {
    toastFailure(error);
    return {};
  }
  const text = status === 403 ? words.peek().loginWrongPassword : words.peek().tooManyTries(retryAfterS);
  return kind === 'scan' ? { code: text } : { password: text };
}
