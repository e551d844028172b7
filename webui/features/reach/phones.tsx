import { useMemo, useState } from 'preact/hooks';
import type { ReachState } from '../../../agent/features/reach/routes.ts';
import { fetchJson } from '../../api-client/request.ts';
import { fieldProps } from '../../forms/field-props.ts';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { serverForm } from '../../forms/server-form.ts';
import { nowMs } from '../../shell/page-state.ts';
import { Button } from '../../ui/controls/button.tsx';
import { copyToClipboard } from '../../ui/controls/clipboard.ts';
import { CopyRow } from '../../ui/controls/copy-row.tsx';
import { TextField } from '../../ui/controls/field.tsx';
import { QrCode } from '../../ui/controls/qr-code.tsx';
import { Switch } from '../../ui/controls/switch.tsx';
import { MessageCard } from '../../ui/feedback/message-card.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { Sheet } from '../../ui/sheet/sheet.tsx';
import { moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { systemWords } from '../../words/settings/system.ts';
import { endpointFault, phoneAddress } from './reach-data.ts';
import { reachWords } from './words.ts';

/** Time limit of a request; the box waits 65 s. */
const MAX_WAIT_MS = 75_000;

interface PhonesProps {
  readonly state: ReachState;
  readonly again: () => void;
}

/** Phones that reach Perch by WireGuard. */
export function Phones({ state: { wireguard, obstacle, httpsPort }, again }: PhonesProps) {
  const t = reachWords.value;
  const [wanted, setWanted] = useState<boolean>();
  const [isAdding, setAdding] = useState(false);
  const turn = async (on: boolean) => {
    setWanted(on);
    await attempt(() => fetchJson('v3/reach/wireguard', { method: 'POST', body: { on }, limitMs: MAX_WAIT_MS }));
    setWanted(undefined);
    again();
  };
  const { supported, missing, isOn, port, endpoint, phones } = wireguard;
  const address = phoneAddress(wireguard, httpsPort);
  return (
    <section>
      <h2>{t.phones}</h2>
      <p class="dim small">{t.phonesText}</p>
      {!supported && (
        <MessageCard icon="info" tone="calm" title={t.wireguardUnsupported} text={t.wireguardUnsupportedText} />
      )}
      {missing.length > 0 && <p class="warn">{t.wireguardMissing}</p>}
      {supported && (
        <div class="card">
          {missing.length > 0 && (
            <CopyRow
              text={`apt install ${missing.join(' ')}`}
              action={systemWords.value.copyAction}
              done={systemWords.value.keyCopied}
            />
          )}
          <Switch
            title={t.wireguardOn}
            text={
              wanted !== undefined
                ? t.wireguardBusy
                : obstacle === 'noOwner'
                  ? t.obstacleNoOwner
                  : port === null
                    ? ''
                    : t.wireguardAt(`${port}`)
            }
            isOn={wanted ?? isOn}
            onChange={(on) => void turn(on)}
            isLocked={wanted !== undefined || (!isOn && (missing.length > 0 || obstacle === 'noOwner'))}
          />
          {address !== undefined && (
            <CopyRow
              label={t.wireguardUse}
              text={address}
              action={systemWords.value.copyAction}
              done={systemWords.value.addressCopied}
            />
          )}
          {phones.map((phone) => (
            <Phone key={phone.key} phone={phone} again={again} />
          ))}
        </div>
      )}
      {isOn && <Button onClick={() => setAdding(true)}>{t.phoneAdd}</Button>}
      {isAdding && <AddSheet endpoint={endpoint} onAdded={again} onClosed={() => setAdding(false)} />}
    </section>
  );
}

interface PhoneProps {
  readonly phone: ReachState['wireguard']['phones'][number];
  readonly again: () => void;
}

function Phone({ phone: { key, name, address, seen }, again }: PhoneProps) {
  const t = reachWords.value;
  const [isBusy, setBusy] = useState(false);
  const revoke = async () => {
    setBusy(true);
    await attempt(async () => {
      await fetchJson('v3/reach/phones/revoke', { method: 'POST', body: { key }, limitMs: MAX_WAIT_MS });
      toast(t.phoneRevoked(name));
    });
    setBusy(false);
    again();
  };
  const when = seen === null ? t.phoneUnseen : t.phoneSeen(moment(Date.parse(seen), nowMs.value, i18n()));
  return (
    <div class="line tall">
      <span class="grow">
        <b>
          <bdi>{name}</bdi>
        </b>
        <span class="dim small">
          {address} · {when}
        </span>
      </span>
      <Button busy={isBusy && '…'} onClick={() => void revoke()}>
        {t.phoneRevoke}
      </Button>
    </div>
  );
}

interface AddSheetProps {
  /** Of the box, as the router says it. */
  readonly endpoint: string | null;
  readonly onAdded: () => void;
  readonly onClosed: () => void;
}

/** Names a phone, and shows its configuration once. */
function AddSheet({ endpoint, onAdded, onClosed }: AddSheetProps) {
  const t = reachWords.value;
  const [configuration, setConfiguration] = useState<string>();
  const form = useMemo(
    () =>
      serverForm<{ readonly name: string; readonly endpoint: string }>({
        initial: { name: '', endpoint: '' },
        validate: {
          name: (name) => (name.trim() === '' ? reachWords.peek().phoneNameMissing : undefined),
          endpoint: (text) => endpointFault(text.trim(), endpoint !== null, reachWords.peek()),
        },
        save: async (values) => {
          const at = values.endpoint.trim();
          const body = { name: values.name.trim(), ...(at !== '' && { endpoint: at }) };
          const request = { method: 'POST', body, limitMs: MAX_WAIT_MS } as const;
          const made = await fetchJson<{ readonly configuration: string }>('v3/reach/phones', request);
          setConfiguration(made.configuration);
          onAdded();
        },
      }),
    [],
  );
  if (configuration !== undefined) {
    const copy = async () => {
      if (await copyToClipboard(configuration)) {
        toast(t.phoneCopied);
      }
    };
    return (
      <Sheet title={t.phoneAdd} onClosed={onClosed} foot={<Button onClick={() => void copy()}>{t.phoneCopy}</Button>}>
        <p>{t.phoneSteps}</p>
        <QrCode text={configuration} label={t.phoneCode} />
      </Sheet>
    );
  }
  return (
    <FormSheet title={t.phoneAdd} form={form} onClosed={onClosed} text={t.phoneMakeText} action={t.phoneMake}>
      <TextField label={t.phoneName} autocomplete="off" {...fieldProps(form, 'name', 32)} />
      <TextField
        label={t.phoneEndpoint}
        autocomplete="off"
        hint={endpoint === null ? t.phoneEndpointUnknown : `${t.phoneEndpointHint} (${endpoint})`}
        {...fieldProps(form, 'endpoint', 260)}
      />
    </FormSheet>
  );
}
