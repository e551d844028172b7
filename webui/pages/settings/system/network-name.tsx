import { type ConfigForm, type FormSettings, GLOBAL } from '../../../forms/config-form.ts';
import { ConflictLine } from '../../../forms/conflict.tsx';
import { fieldProps } from '../../../forms/field-props.ts';
import { PageForm } from '../../../forms/page-form.tsx';
import { useConfigForm } from '../../../forms/use-config-form.ts';
import { BackToSystem } from '../../../system/back-to-system.tsx';
import { useSystemFacts } from '../../../system/system-facts.ts';
import { TextField } from '../../../ui/controls/field.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { Switch } from '../../../ui/controls/switch.tsx';
import { systemWords } from '../../../words/settings/system.ts';

/** As the box checks `boxName`; the room is for the number of a second box. */
const HOST_LABEL = /^(?=.{1,58}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

interface NameConfig {
  readonly boxName: string;
  readonly mdns: boolean;
}
type NameForm = ConfigForm<NameConfig, NameConfig>;

/** `boxName` and `mdns`, and the name that is announced now. */
export function NetworkNamePage() {
  const t = systemWords.value;
  const edited = useConfigForm(GLOBAL, NAME_FORM);
  const name = useSystemFacts()?.name;
  return (
    <section class="network-name">
      <BackToSystem title={t.networkName} />
      <p class="dim">{t.networkNameText}</p>
      {edited ? <Fields edited={edited} /> : <div class="skeleton block" />}
      {name !== undefined && <NameNow name={name} />}
    </section>
  );
}

const NAME_FORM: FormSettings<NameConfig, NameConfig> = {
  valuesOf: ({ boxName, mdns }) => ({ boxName, mdns }),
  changeOf: ({ boxName, mdns }) => ({
    ...(boxName !== undefined && { boxName: boxNameOf(boxName) }),
    ...(mdns !== undefined && { mdns }),
  }),
  validate: {
    boxName: (typed) => (isBoxName(boxNameOf(typed)) ? undefined : systemWords.peek().networkNameWrong),
  },
};

function Fields({ edited }: { readonly edited: NameForm }) {
  const t = systemWords.value;
  const { form } = edited;
  const { mdns } = form.values.value;
  return (
    <PageForm edited={edited} text={t.networkNameEffect}>
      <TextField
        label={t.networkNameField}
        hint={t.networkNameHint}
        autocomplete="off"
        {...fieldProps(form, 'boxName', 64)}
      />
      <ConflictLine form={form} name="boxName" format={(name) => name} />
      <div class="card">
        <Switch
          title={t.networkNameOn}
          text={t.networkNameOnText}
          isOn={mdns}
          onChange={(isOn) => form.set('mdns', isOn)}
          isLocked={form.saving.value !== 'no'}
        />
      </div>
      <ConflictLine form={form} name="mdns" format={(isOn) => (isOn ? t.networkNameOn : t.networkNameNone)} />
    </PageForm>
  );
}

/** The name that is announced now. It ends in a number if another box has the configured one. */
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

/** `boxName` of typed text: `Barn.local` is `barn`. */
export const boxNameOf = (typed: string): string =>
  typed
    .trim()
    .toLowerCase()
    .replace(/\.local\.?$/, '');

export const isBoxName = (name: string): boolean => HOST_LABEL.test(name);

/**
 * Address of this page by the present name, if it was opened by a former one.
 * @param name `barn.local`; null: none is announced
 */
export function addressByName(href: string, name: string | null): string | undefined {
  const address = new URL(href);
  if (name === null || !address.hostname.endsWith('.local') || address.hostname === name) {
    return undefined;
  }
  address.hostname = name;
  return address.href;
}
