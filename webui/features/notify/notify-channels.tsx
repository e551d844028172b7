import { useEffect, useRef, useState } from 'preact/hooks';
import { fetchJson } from '../../api-client/request.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { Button } from '../../ui/controls/button.tsx';
import { Select } from '../../ui/controls/choice.tsx';
import { PasswordField, TextField } from '../../ui/controls/field.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { SegmentedControl } from '../../ui/controls/segment.tsx';
import { TextArea } from '../../ui/controls/text-area.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { SearchedList } from '../../ui/lists/searched-list.tsx';
import { Confirm } from '../../ui/sheet/confirm.tsx';
import { systemWords } from '../../words/settings/system.ts';
import { words } from '../../words/words.ts';
import { TestButton } from './notify-actions.tsx';
import {
  type Act,
  addressOf,
  CHANNELS,
  type Channel,
  type ChannelDraft,
  type ChannelList,
  type ChannelSettings,
  FIRST_RULE,
  languageOfPage,
  pageAddress,
  remove,
  rulesFault,
  typedValue,
  withoutBlanks,
} from './notify-data.ts';
import { RulesFields } from './notify-rules.tsx';
import { notifyWords } from './words.ts';

/** Settings that are one of a few. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  security: ['starttls', 'tls', 'none'],
  method: ['POST', 'PUT', 'GET'],
  type: ['json', 'form', 'multipart', 'text'],
};
const PLACEHOLDERS = '{camera} {kind} {text} {time} {localTime} {link} {picture} {secret}';

interface ChannelsProps {
  readonly onOpen: (draft: ChannelDraft) => void;
}

/** E-mail, ntfy and web hooks, for the owner. */
export function Channels({ onOpen }: ChannelsProps) {
  const t = notifyWords.value;
  const { value } = usePolled<ChannelList>(CHANNELS, 'normal');
  const presets = value?.presets.map((preset) => ({ ...preset, name: preset.name.replace('E-mail', t.email) })) ?? [];
  const options = [{ name: t.add, settings: {} }, ...presets];
  return (
    <>
      <h3>{t.channels}</h3>
      <SearchedList items={value?.items ?? []} textOf={(item) => `${item.name} ${serverOf(item)}`}>
        {(found) =>
          found.length > 0 && (
            <div class="card">
              {found.map((item) => (
                <Row
                  key={item.id}
                  title={item.name}
                  text={item.problem ?? serverOf(item)}
                  {...(item.problem && { tone: 'bad' })}
                  onClick={() => onOpen(item)}
                />
              ))}
            </div>
          )
        }
      </SearchedList>
      <Select
        class="chip"
        label={t.add}
        value="0"
        options={options.map(({ name }, i) => ({ value: `${i}`, text: name }))}
        onChange={(i) => onOpen({ ...(options[+i] as ChannelDraft), rules: [FIRST_RULE] })}
      />
    </>
  );
}

const serverOf = ({ settings }: Channel): string => `${settings['host'] ?? settings['url']}`;

interface FormProps {
  readonly draft: ChannelDraft;
  readonly onOpen: (draft?: ChannelDraft) => void;
  readonly act: Act;
}

/** One channel. Secrets of a saved one are masked, and stay as long as they are not changed. */
export function ChannelForm({ draft, onOpen, act }: FormProps) {
  const t = notifyWords.value;
  const { id, name } = draft;
  const [settings, setSettings] = useState(draft.settings);
  const [rules, setRules] = useState(draft.rules);
  const fault = rulesFault(rules);
  const heading = useRef<HTMLHeadingElement>(null);
  // The list may have been scrolled.
  useEffect(() => heading.current?.scrollIntoView(), []);
  const address = id ? addressOf(id, CHANNELS) : CHANNELS;
  const save = async () => {
    const body = { name, rules, settings: withoutBlanks(settings), language: languageOfPage(), page: pageAddress() };
    const saved = await fetchJson<Channel>(address, { method: id ? 'PATCH' : 'POST', body });
    setSettings(saved.settings);
    onOpen(saved);
  };
  return (
    <>
      <h3 ref={heading}>{name}</h3>
      {Object.entries(labels()).map(([key, label]) => (
        <SettingField key={key} name={key} label={label} settings={settings} onSettings={setSettings} />
      ))}
      <RulesFields rules={draft.rules} onRules={setRules} />
      <div class="actions-row">
        <Button
          kind="main"
          onClick={() => (fault === undefined ? void act(save, words.value.saved) : toast(words.value.notSaved(fault)))}
        >
          {words.value.save}
        </Button>
        <Button onClick={() => onOpen()}>{words.value.back}</Button>
      </div>
      {id && (
        <>
          <TestButton address={address} />
          <Confirm
            title={t.remove}
            text={t.removeText}
            onConfirm={() => void act(() => remove(id, CHANNELS).then(() => onOpen()))}
          />
        </>
      )}
    </>
  );
}

/** By setting, in the order on the page. */
function labels(): Readonly<Record<string, string>> {
  const t = notifyWords.value;
  const { user, password } = systemWords.value;
  return {
    host: t.server,
    port: t.port,
    security: 'TLS',
    user,
    password,
    from: t.sender,
    to: t.recipients,
    url: 'URL',
    token: 'Token',
    secret: '{secret}',
    method: 'HTTP',
    type: 'Content-Type',
    headers: t.headers,
    body: t.body,
  };
}

interface SettingProps {
  readonly label: string;
  readonly name: string;
  readonly settings: ChannelSettings;
  readonly onSettings: (settings: ChannelSettings) => void;
}

function SettingField({ name, label, settings, onSettings }: SettingProps) {
  const former = settings[name];
  if (former === undefined) {
    return null;
  }
  const value = `${former}`;
  const onInput = (typed: string) => onSettings({ ...settings, [name]: typedValue(typed, former) });
  const options = OPTIONS[name];
  if (options) {
    return (
      <SegmentedControl
        {...{ label, value }}
        options={options.map((text) => ({
          value: text,
          text: text === 'none' ? systemWords.value.off : text.toUpperCase(),
        }))}
        onChange={onInput}
      />
    );
  }
  const field = { label, name, value, onInput };
  if (/^(headers|body)$/.test(name)) {
    return <TextArea {...field} hint={PLACEHOLDERS} isLocked={false} />;
  }
  return /^(password|token|secret)$/.test(name) ? (
    <PasswordField {...field} autocomplete="new-password" />
  ) : (
    <TextField {...field} autocomplete="off" inputMode={typeof former === 'number' ? 'numeric' : 'text'} />
  );
}
