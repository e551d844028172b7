import { useMemo, useState } from 'preact/hooks';
import { ask } from '../../../api-client/request.ts';
import { boxForm } from '../../../forms/server-form.ts';
import { FormFoot } from '../../../forms/form-footer.tsx';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { loginWords, rightName } from '../../../people/device-text.ts';
import {
  type CamerasSeen,
  DEVICE_RIGHTS,
  type DeviceItem,
  type DeviceRight,
  type PageLoginItem,
} from '../../../people/people.ts';
import { CamerasField, ChipsField, oneAtLeast } from '../../../people/access-fields.tsx';
import { Button } from '../../../ui/controls/button.tsx';
import { copied } from '../../../ui/controls/clipboard.ts';
import { TextField } from '../../../ui/controls/field.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { peopleWords } from '../../../words/people.ts';

type MadeDevice = DeviceItem & { readonly password: string };

interface Wish {
  readonly name: string;
  readonly paths: CamerasSeen;
  readonly rights: readonly DeviceRight[];
}

interface NewDeviceSheetProps {
  /** The program that is to have a device password instead of a page password. */
  readonly replaced: PageLoginItem | undefined;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** A password for a device: asked for, then shown once. */
export function NewDeviceSheet({ replaced, onChanged, onClosed }: NewDeviceSheetProps) {
  const say = peopleWords.value;
  const [made, setMade] = useState<MadeDevice>();
  const [isAsked, setAsked] = useState(true);
  const form = useMemo(() => {
    const rights: readonly DeviceRight[] = replaced?.protocol === 'playback' ? ['recordings'] : ['live'];
    return boxForm<Wish>({
      initial: { name: replaced?.address ?? '', paths: replaced ? 'all' : [], rights },
      judge: {
        name: (name) => (name.trim() === '' ? peopleWords.peek().deviceNameEmpty : undefined),
        paths: oneAtLeast,
        rights: (chosen) => (chosen.length === 0 ? peopleWords.peek().oneRight : undefined),
      },
      save: async ({ name, paths, rights: chosen }) => {
        const body = { name, paths, ...Object.fromEntries(DEVICE_RIGHTS.map((one) => [one, chosen.includes(one)])) };
        setMade(await ask<MadeDevice>('v3/devicepasswords', { method: 'POST', body }));
        if (replaced) {
          // The password is there: a list that still names the program is no failure of this.
          await ask(`v3/pagelogins/${encodeURIComponent(replaced.id)}`, { method: 'DELETE' }).catch(() => {});
        }
      },
    });
  }, []);
  const { name, paths, rights } = form.values.value;
  if (made && !isAsked) {
    return <MadeSheet made={made} onClosed={onClosed} />;
  }
  return (
    <FormSheet
      title={say.newDevicePassword}
      form={form}
      onClosed={() => (made ? setAsked(false) : onClosed())}
      onSaved={onChanged}
      foot={<FormFoot form={form} text={say.deviceWillGet} action={say.makeDevicePassword} />}
    >
      {replaced && (
        <>
          <p class="break">{loginWords(replaced)}</p>
          <p class="dim small">{say.replaceLogin}</p>
        </>
      )}
      <TextField
        label={say.deviceName}
        name="device"
        autocomplete="off"
        value={name}
        onInput={(value) => form.set('name', value.slice(0, 64))}
        hint={say.deviceNameHint}
        wrong={form.wrong.value.name}
      />
      <CamerasField chosen={paths} onChosen={(value) => form.set('paths', value)} wrong={form.wrong.value.paths} />
      <ChipsField
        label={say.deviceMay}
        options={DEVICE_RIGHTS.map((value) => ({ value, text: rightName(value) }))}
        chosen={rights}
        onTap={(right) =>
          form.set('rights', rights.includes(right) ? rights.filter((one) => one !== right) : [...rights, right])
        }
        wrong={form.wrong.value.rights}
      />
    </FormSheet>
  );
}

/** Name and password, shown once. */
function MadeSheet({ made, onClosed }: { readonly made: MadeDevice; readonly onClosed: () => void }) {
  const say = peopleWords.value;
  const [isDone, setDone] = useState(false);
  return (
    <Sheet
      title={made.name}
      onClosed={onClosed}
      isDone={isDone}
      foot={
        <>
          <Button
            kind="main"
            onClick={async () => {
              if (await copied(made.password)) {
                toast(peopleWords.peek().passwordCopied);
              }
            }}
          >
            {say.copyPassword}
          </Button>
          <Button kind="quiet" onClick={() => setDone(true)}>
            {say.linkDone}
          </Button>
        </>
      }
    >
      <ShownField label={say.deviceUser} value={made.user} />
      <ShownField label={say.devicePassword} value={made.password} hint={say.devicePasswordOnce} />
    </Sheet>
  );
}

interface ShownFieldProps {
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
}

const ShownField = ({ label, value, hint }: ShownFieldProps) => (
  <label class="field">
    <span class="label">{label}</span>
    <span class="input">
      <input type="text" readOnly value={value} onFocus={(event) => event.currentTarget.select()} />
    </span>
    {hint && <span class="hint">{hint}</span>}
  </label>
);
