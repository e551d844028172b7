import { useRef } from 'preact/hooks';
import type { Tagged } from '../../../api-client/config.ts';
import { ConfigForm } from '../../../forms/config-form.ts';
import { ConflictLine } from '../../../forms/conflict.tsx';
import { fieldProps } from '../../../forms/field-props.ts';
import { FormFooter } from '../../../forms/form-footer.tsx';
import { useConfigForm } from '../../../forms/use-config-form.ts';
import { useSystemFacts } from '../../../system/system-facts.ts';
import { TextField } from '../../../ui/controls/field.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { Switch } from '../../../ui/controls/switch.tsx';
import { systemWords } from '../../../words/settings/system.ts';
import { words } from '../../../words/words.ts';
import { addressByName, boxNameOf, isBoxName } from './network-name-data.ts';
import { BackToSystem } from './parts/back-to-system.tsx';

const GET = 'v3/config/global/get';
const MAX_CHARS = 64;

interface NameConfig {
  readonly boxName: string;
  readonly mdns: boolean;
}
type NameForm = ConfigForm<NameConfig, NameConfig>;

/** `boxName` and `mdns`, and the name that is announced now. */
export function NetworkNamePage() {
  const t = systemWords.value;
  const edited = useConfigForm<NameConfig, NameConfig>(GET, nameForm);
  const name = useSystemFacts()?.name;
  return (
    <section class="backup-page network-name">
      <BackToSystem title={t.networkName} />
      <p class="dim">{t.networkNameText}</p>
      {edited ? <Fields edited={edited} /> : <div class="skeleton block" />}
      {name !== undefined && <NameNow name={name} />}
    </section>
  );
}

const nameForm = (seen: Tagged<NameConfig>): NameForm =>
  new ConfigForm({
    ...{ get: GET, patch: 'v3/config/global/patch', seen },
    valuesOf: ({ boxName, mdns }) => ({ boxName, mdns }),
    changeOf: ({ boxName, mdns }) => ({
      ...(boxName !== undefined && { boxName: boxNameOf(boxName) }),
      ...(mdns !== undefined && { mdns }),
    }),
    validate: {
      boxName: (typed) => (isBoxName(boxNameOf(typed)) ? undefined : systemWords.peek().networkNameWrong),
    },
  });

function Fields({ edited }: { readonly edited: NameForm }) {
  const t = systemWords.value;
  const element = useRef<HTMLFormElement>(null);
  const { form } = edited;
  const { mdns } = form.values.value;
  const save = async (event: Event) => {
    event.preventDefault();
    if (await form.submit()) {
      edited.toastSaved(words.peek().saved);
    } else {
      element.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
    }
  };
  return (
    <form ref={element} onSubmit={save} novalidate>
      <TextField
        label={t.networkNameField}
        hint={t.networkNameHint}
        autocomplete="off"
        {...fieldProps(form, 'boxName', MAX_CHARS)}
      />
      <ConflictLine
        conflict={form.conflicts.value.boxName}
        format={(name) => name}
        onTake={() => form.takeTheirs('boxName')}
        onKeep={() => form.keepMine('boxName')}
      />
      <div class="card">
        <Switch
          title={t.networkNameOn}
          text={t.networkNameOnText}
          isOn={mdns}
          onChange={(isOn) => form.set('mdns', isOn)}
          isLocked={form.saving.value !== 'no'}
        />
      </div>
      <ConflictLine
        conflict={form.conflicts.value.mdns}
        format={(isOn) => (isOn ? t.networkNameOn : t.networkNameNone)}
        onTake={() => form.takeTheirs('mdns')}
        onKeep={() => form.keepMine('mdns')}
      />
      <FormFooter form={form} text={t.networkNameEffect} isOff={!form.isDirty.value} />
    </form>
  );
}

/** A second box at the configured name has a number behind it. */
function NameNow({ name }: { readonly name: string | null }) {
  const t = systemWords.value;
  const address = addressByName(location.href, name);
  return (
    <div class="card">
      <Row title={t.networkNameNow} value={name ?? t.networkNameNone} />
      {address !== undefined && <Row title={t.networkNameOpen(new URL(address).host)} href={address} />}
    </div>
  );
}
