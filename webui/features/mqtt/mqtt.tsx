import { useState } from 'preact/hooks';
import type { MqttResult, MqttState } from '../../../agent/features/mqtt/routes.ts';
import { actionErrorText } from '../../api-client/error-text.ts';
import { fetchJson, RequestError } from '../../api-client/request.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { type ConfigForm, type FormSettings, GLOBAL } from '../../forms/config-form.ts';
import { fieldProps } from '../../forms/field-props.ts';
import { ConflictLines, PageForm } from '../../forms/page-form.tsx';
import { useConfigForm } from '../../forms/use-config-form.ts';
import { BackToSystem } from '../../system/back-to-system.tsx';
import { Button } from '../../ui/controls/button.tsx';
import { PasswordField, TextField } from '../../ui/controls/field.tsx';
import { Switch } from '../../ui/controls/switch.tsx';
import { systemWords } from '../../words/settings/system.ts';
import { brokerUrlOf, changeOf, isBrokerUrl, type MqttConfig, type MqttValues, testOf, valuesOf } from './mqtt-data.ts';
import { mqttWords } from './words.ts';

/** A broker that is silent ends a test after 20 s. */
const TEST_MS = 30_000;

type MqttForm = ConfigForm<MqttConfig, MqttValues>;

/** The link to an MQTT broker and to Home Assistant. */
export function MqttPage() {
  const t = mqttWords.value;
  const edited = useConfigForm(GLOBAL, MQTT_FORM);
  return (
    <section class="mqtt feature-form">
      <BackToSystem title={t.title} />
      <p class="dim">{t.mqttText}</p>
      {edited ? <Fields edited={edited} /> : <div class="skeleton block" />}
    </section>
  );
}

const MQTT_FORM: FormSettings<MqttConfig, MqttValues> = {
  valuesOf,
  changeOf,
  validate: {
    mqttURL: (typed, { mqtt }) => {
      const { addressMissing, addressWrong } = mqttWords.peek();
      const url = brokerUrlOf(typed);
      if (url === '') {
        return mqtt ? addressMissing : undefined;
      }
      return isBrokerUrl(url) ? undefined : addressWrong;
    },
  },
};

function Fields({ edited }: { readonly edited: MqttForm }) {
  const t = mqttWords.value;
  const { form } = edited;
  const isLocked = form.saving.value !== 'no';
  const toggle = (name: 'mqtt' | 'mqttHomeAssistant' | 'mqttCommands', title: string, text?: string) => (
    <Switch
      title={title}
      {...(text !== undefined && { text })}
      isOn={form.values.value[name]}
      onChange={(isOn) => form.set(name, isOn)}
      isLocked={isLocked}
    />
  );
  return (
    <PageForm edited={edited} text={t.effect}>
      <div class="card">{toggle('mqtt', t.isOn)}</div>
      <State />
      <TextField label={t.address} hint={t.addressHint} autocomplete="off" {...fieldProps(form, 'mqttURL', 300)} />
      <TextField label={systemWords.value.user} autocomplete="off" {...fieldProps(form, 'mqttUser', 256)} />
      <PasswordField
        label={systemWords.value.password}
        hint={t.passwordHint}
        autocomplete="off"
        {...fieldProps(form, 'mqttPassword', 256)}
      />
      <TextField
        label={t.fingerprint}
        hint={t.fingerprintHint}
        autocomplete="off"
        {...fieldProps(form, 'mqttFingerprint', 200)}
      />
      <Test values={form.values.value} />
      <TextField label={t.prefix} autocomplete="off" {...fieldProps(form, 'mqttPrefix', 100)} />
      <div class="card">
        {toggle('mqttHomeAssistant', t.homeAssistant, t.homeAssistantText)}
        {toggle('mqttCommands', t.commands, t.commandsText)}
      </div>
      <ConflictLines
        form={form}
        format={(value) => (typeof value === 'boolean' ? (value ? t.on : systemWords.value.off) : value)}
      />
    </PageForm>
  );
}

function failureText({ why, error }: Pick<MqttResult, 'why' | 'error'>): string {
  const t = mqttWords.value;
  const texts: Readonly<Record<string, string>> = {
    name: t.whyName,
    unreachable: t.whyUnreachable,
    timeout: t.whySilent,
    certificate: t.whyCertificate,
    noTls: t.whyNoTls,
    login: t.whyLogin,
    noMqtt: t.whyNoMqtt,
  };
  return texts[why ?? ''] ?? error ?? '';
}

const refusalText = (failure: unknown) =>
  failure instanceof RequestError && failure.why === 'password'
    ? mqttWords.value.whyPassword
    : actionErrorText(failure);

function State() {
  const t = mqttWords.value;
  const { value } = usePolled<MqttState>('v3/mqtt', 'steady', { news: ['config'] });
  if (!value || value.state === 'off') {
    return null;
  }
  const text = { connected: t.connected, connecting: t.connecting, waiting: t.notConnected }[value.state];
  return (
    <p class={value.state === 'waiting' ? 'bad' : 'dim'} role="status">
      {text} {value.state === 'waiting' && failureText(value)} {value.queued > 0 && t.queued(value.queued)}
    </p>
  );
}

function Test({ values }: { readonly values: MqttValues }) {
  const t = mqttWords.value;
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<MqttResult | { readonly failure: unknown }>();
  const test = async () => {
    setBusy(true);
    setResult(undefined);
    try {
      const body = testOf(values);
      setResult(await fetchJson<MqttResult>('v3/mqtt/test', { method: 'POST', body, limitMs: TEST_MS }));
    } catch (failure) {
      setResult({ failure });
    }
    setBusy(false);
  };
  const isGood = result && 'isGood' in result && result.isGood;
  return (
    <>
      <Button
        busy={isBusy && systemWords.value.testing}
        isOff={brokerUrlOf(values.mqttURL) === ''}
        onClick={() => void test()}
      >
        {t.test}
      </Button>
      <p class={isGood ? 'good small' : 'bad small'} role="status">
        {result && ('failure' in result ? refusalText(result.failure) : isGood ? t.good : failureText(result))}
      </p>
    </>
  );
}
