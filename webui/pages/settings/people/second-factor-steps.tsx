import type { FactorAnswer, HttpsState } from '../../../api-client/api-types.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { CodeField } from '../../../people/code-field.tsx';
import { PasskeyButton, passkeyRequest } from '../../../people/factor-fields.tsx';
import { passkeyObstacle } from '../../../people/passkeys.ts';
import {
  type AppSetup,
  type FactorFailure,
  type FactorInput,
  type FactorStep,
  namedAddress,
  type PasskeyItem,
} from '../../../people/second-factor.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { settingsLink } from '../../../shell/route.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { copyToClipboard } from '../../../ui/controls/clipboard.ts';
import { PasswordField, TextField } from '../../../ui/controls/field.tsx';
import { UnencryptedNotice } from '../../../ui/controls/login-notes.tsx';
import { QrCode } from '../../../ui/controls/qr-code.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { Icon } from '../../../ui/icons/icon.tsx';
import { moment } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { youWords } from '../../../words/settings/you.ts';
import { words } from '../../../words/words.ts';
import { OnceField } from './once-sheet.tsx';

interface OverviewProps {
  /** Undefined until the first response. */
  readonly state: FactorAnswer | undefined;
  readonly onStep: (step: FactorStep) => void;
}

export function FactorOverview({ state, onStep }: OverviewProps) {
  const t = youWords.value;
  if (!state) {
    return <div class="skeleton block" />;
  }
  const isOn = state.app || state.passkeys.length > 0;
  const obstacle = passkeyObstacle();
  // Without the last one nothing is left to turn on.
  const isLast = !state.app && state.passkeys.length === 1;
  return (
    <>
      {!isOn && (
        <>
          <p>{t.factorText}</p>
          <p class="dim">{t.factorPrograms}</p>
        </>
      )}
      {state.passkeys.length > 0 && (
        <ul class="card devices">
          {state.passkeys.map((passkey) => (
            <Passkey
              key={passkey.id}
              passkey={passkey}
              onRemove={() => onStep(isLast ? { kind: 'off' } : { kind: 'remove', passkey })}
            />
          ))}
        </ul>
      )}
      <div class="card">
        {obstacle === undefined && (
          <Row icon="lock" title={t.passkeyAdd} text={t.passkeyText} onClick={() => onStep({ kind: 'passkey' })} />
        )}
        <Row
          icon="small"
          title={state.app ? t.appReplace : t.appAdd}
          text={state.app ? t.appOn : t.appText}
          onClick={() => onStep({ kind: 'app' })}
        />
        {isOn && (
          <Row
            icon="download"
            title={t.recoveryRenew}
            text={t.recoveryLeft(state.recoveryCodes)}
            onClick={() => onStep({ kind: 'renew' })}
          />
        )}
      </div>
      {obstacle && <Obstacle obstacle={obstacle} />}
    </>
  );
}

interface PasskeyProps {
  readonly passkey: PasskeyItem;
  readonly onRemove: () => void;
}

function Passkey({ passkey, onRemove }: PasskeyProps) {
  const t = youWords.value;
  const { name, host, created, lastUsed } = passkey;
  const when = (time: string) => moment(Date.parse(time), nowMs.value, i18n());
  return (
    <li class="line">
      <span class="grow">
        <b>
          <bdi>{name}</bdi>
        </b>
        <span class="small dim break">
          {host} · {lastUsed === null ? t.passkeyMade(when(created)) : t.lastUsed(when(lastUsed))}
        </span>
      </span>
      <Button kind="text" danger label={t.passkeyRemoveNamed(name)} onClick={onRemove}>
        {t.passkeyRemove}
      </Button>
    </li>
  );
}

/** Why there is no button for a passkey, and where there is one. */
function Obstacle({ obstacle }: { readonly obstacle: NonNullable<ReturnType<typeof passkeyObstacle>> }) {
  const t = youWords.value;
  const { value: https } = usePolled<HttpsState>('v3/https', 'slow');
  const address = https && namedAddress(https);
  const text = { insecure: t.passkeyInsecure, address: t.passkeyAddress, browser: t.passkeyBrowser }[obstacle];
  return (
    <p class="dim small">
      {text}{' '}
      {obstacle !== 'browser' &&
        (address === undefined ? (
          <a href={settingsLink('system', 'https')}>{t.passkeyHttps}</a>
        ) : (
          <>
            {t.passkeyOpen} <a href={`${address}/#/settings/people`}>{address}</a>{' '}
            {obstacle === 'insecure' && <a href={settingsLink('system', 'https')}>{t.passkeyHttps}</a>}
          </>
        ))}
    </p>
  );
}

interface ConfirmProps {
  readonly state: FactorAnswer | undefined;
  readonly step: FactorStep;
  readonly typed: FactorInput;
  readonly set: (changed: Partial<FactorInput>) => void;
  readonly wrong: FactorFailure;
  readonly isOn: boolean;
  readonly isBusy: boolean;
  readonly run: (passkey?: object) => Promise<void>;
  readonly fail: (error: unknown) => void;
}

/** Password and, if it is on, the second factor, before each change. */
export function FactorConfirm({ state, step, typed, set, wrong, isOn, isBusy, run, fail }: ConfirmProps) {
  const t = youWords.value;
  const hasPasskey = state?.passkeys.some(({ host }) => host === location.hostname) && passkeyObstacle() === undefined;
  return (
    <>
      {step.kind === 'remove' && <p>{t.passkeyRemoveNamed(step.passkey.name)}</p>}
      {step.kind === 'passkey' && (
        <TextField
          label={t.passkeyName}
          name="name"
          autocomplete="off"
          hint={t.passkeyNameHint}
          value={typed.name}
          onInput={(name) => set({ name: name.slice(0, 64) })}
          isLocked={isBusy}
        />
      )}
      <PasswordField
        label={words.value.yourPassword}
        name="password"
        autocomplete="current-password"
        value={typed.password}
        onInput={(password) => set({ password })}
        isLocked={isBusy}
        wrong={wrong.password}
      />
      {isOn && hasPasskey && (
        <PasskeyButton
          request={() => passkeyRequest(typed.password || ' ')}
          onPasskey={(passkey) => void run(passkey)}
          onError={fail}
          isLocked={isBusy}
        />
      )}
      {isOn && (
        <CodeField
          value={typed.code}
          onInput={(code) => set({ code })}
          isLocked={isBusy}
          wrong={wrong.code}
          showsWayOut
        />
      )}
      {wrong.passkey !== undefined && (
        <p class="hint bad" role="alert">
          <Icon name="alert" small /> {wrong.passkey}
        </p>
      )}
      <UnencryptedNotice />
    </>
  );
}

export function Scan({
  uri,
  typed,
  set,
  wrong,
  isBusy,
}: AppSetup & Pick<ConfirmProps, 'typed' | 'set' | 'wrong' | 'isBusy'>) {
  const t = youWords.value;
  const key = new URLSearchParams(uri.split('?')[1]).get('secret') ?? '';
  return (
    <>
      <p>{t.factorScan}</p>
      <QrCode text={uri} label={t.factorQr} />
      <OnceField label={t.factorKey} value={key.replace(/.{4}(?=.)/g, '$& ')} />
      {/* There are no recovery codes yet. */}
      <CodeField hint="" value={typed.code} onInput={(code) => set({ code })} isLocked={isBusy} wrong={wrong.code} />
    </>
  );
}

interface Codes {
  readonly codes: readonly string[];
}

export function RecoveryCodes({ codes }: Codes) {
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

export function RecoveryButtons({ codes, onDone }: Codes & { readonly onDone: () => void }) {
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
