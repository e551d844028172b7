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
import { SearchedCard } from '../../ui/lists/searched-list.tsx';
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
  type FormField,
  languageOfPage,
  OWNERS_FIRST_RULE,
  pageAddress,
  remove,
  rulesFault,
  typedValue,
  withoutBlanks,
} from './notify-data.ts';
import { RulesFields } from './notify-rules.tsx';
import { notifyWords } from './words.ts';

const PLACEHOLDERS = '{camera} {kind} {text} {time} {localTime} {link} {picture} {secret}';

interface ChannelsProps {
  readonly onOpen: (draft: ChannelDraft) => void;
}

/** The channels of notifications, for the owner. */
export function Channels({ onOpen }: ChannelsProps) {
  const t = notifyWords.value;
  const { value } = usePolled<ChannelList>(CHANNELS, 'normal');
  const { items = [], presets = [], kinds = [] } = value ?? {};
  const names = [t.add, ...presets.map(({ name }) => name.replace('E-mail', t.email))];
  const fieldsOf = ({ settings }: Pick<Channel, 'settings'>) =>
    kinds.find(({ kind }) => kind === settings['kind'])?.fields ?? [];
  const serverOf = (channel: Channel) => `${channel.settings[fieldsOf(channel)[0]?.name ?? ''] ?? ''}`;
  const open = (channel: Pick<ChannelDraft, 'id' | 'name' | 'settings' | 'rules'>) =>
    onOpen({ ...channel, fields: fieldsOf(channel) });
  return (
    <>
      <h3>{t.channels}</h3>
      {items.length > 0 && (
        <SearchedCard items={items} textOf={(item) => `${item.name} ${serverOf(item)}`}>
          {(item) => (
            <Row
              key={item.id}
              title={item.name}
              text={item.problem ?? serverOf(item)}
              {...(item.problem && { tone: 'bad' })}
              onClick={() => open(item)}
            />
          )}
        </SearchedCard>
      )}
      <Select
        class="chip"
        label={t.add}
        value="0"
        options={names.map((text, i) => ({ value: `${i}`, text }))}
        onChange={(i) => {
          const preset = presets[+i - 1];
          if (preset) {
            open({ ...preset, name: names[+i] ?? '', rules: [OWNERS_FIRST_RULE] });
          }
        }}
      />
    </>
  );
}

interface FormProps {
  readonly draft: ChannelDraft;
  readonly timeZone: string;
  readonly onOpen: (draft?: ChannelDraft) => void;
  readonly act: Act;
}

/** One channel. Secrets of a saved one are masked, and stay as long as they are not changed. */
export function ChannelForm({ draft, timeZone, onOpen, act }: FormProps) {
  const t = notifyWords.value;
  const { id, name, fields } = draft;
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
    onOpen({ ...saved, fields });
  };
  return (
    <>
      <h3 ref={heading}>{name}</h3>
      {fields.map((field) => (
        <SettingField key={field.name} field={field} settings={settings} onSettings={setSettings} />
      ))}
      <RulesFields rules={draft.rules} timeZone={timeZone} onRules={setRules} />
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

interface SettingProps {
  readonly field: FormField;
  readonly settings: ChannelSettings;
  readonly onSettings: (settings: ChannelSettings) => void;
}

function SettingField({ field: { name, form, options, ...field }, settings, onSettings }: SettingProps) {
  const label = field.label[languageOfPage()] ?? name;
  const value = `${settings[name] ?? ''}`;
  const onInput = (typed: string) => onSettings({ ...settings, [name]: typedValue(typed, form) });
  const props = { label, name, value, onInput };
  switch (form) {
    case 'choice':
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
    case 'template':
      return <TextArea {...props} hint={PLACEHOLDERS} isLocked={false} />;
    case 'password':
      return <PasswordField {...props} autocomplete="new-password" />;
    default:
      return <TextField {...props} autocomplete="off" inputMode={form === 'number' ? 'numeric' : 'text'} />;
  }
}
