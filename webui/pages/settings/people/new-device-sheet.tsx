import { useMemo, useState } from 'preact/hooks';
import type { PublishServer } from '../../../api-client/api-types.ts';
import { fetchJson } from '../../../api-client/request.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { fieldProps } from '../../../forms/field-props.ts';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { serverForm } from '../../../forms/server-form.ts';
import { CamerasField, ChipsField, oneAtLeast } from '../../../people/access-fields.tsx';
import { pageLoginText, rightName } from '../../../people/device-text.ts';
import {
  type CameraSelection,
  DEVICE_RIGHTS,
  type DeviceItem,
  type DeviceRight,
  type PageLoginItem,
  toggled,
} from '../../../people/people.ts';
import { CopyRow } from '../../../ui/controls/copy-row.tsx';
import { TextField } from '../../../ui/controls/field.tsx';
import { peopleWords } from '../../../words/settings/people.ts';
import { OnceField, OnceSheet } from './once-sheet.tsx';

type MadeDevice = DeviceItem & { readonly password: string };

interface FormValues {
  readonly name: string;
  readonly paths: CameraSelection;
  readonly rights: readonly DeviceRight[];
}

interface NewDeviceSheetProps {
  /** The program whose page password it replaces. */
  readonly replaced: PageLoginItem | undefined;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** Creates a device password and shows it once. */
export function NewDeviceSheet({ replaced, onChanged, onClosed }: NewDeviceSheetProps) {
  const t = peopleWords.value;
  const [made, setMade] = useState<MadeDevice>();
  const [isAsked, setAsked] = useState(true);
  const form = useMemo(() => {
    const rights: readonly DeviceRight[] = replaced?.protocol === 'playback' ? ['recordings'] : ['live'];
    return serverForm<FormValues>({
      initial: { name: replaced?.address ?? '', paths: replaced ? 'all' : [], rights },
      validate: {
        name: (name) => (name.trim() === '' ? peopleWords.peek().deviceNameEmpty : undefined),
        paths: oneAtLeast,
        rights: (chosen) => (chosen.length === 0 ? peopleWords.peek().oneRight : undefined),
      },
      save: async ({ name, paths, rights: chosen }) => {
        const body = { name, paths, ...Object.fromEntries(DEVICE_RIGHTS.map((one) => [one, chosen.includes(one)])) };
        setMade(await fetchJson<MadeDevice>('v3/devicepasswords', { method: 'POST', body }));
        if (replaced) {
          // The password exists, so a stale list is no failure.
          await fetchJson(`v3/pagelogins/${encodeURIComponent(replaced.id)}`, { method: 'DELETE' }).catch(() => {});
        }
      },
    });
  }, []);
  const { paths, rights } = form.values.value;
  if (made && !isAsked) {
    return <MadeSheet made={made} onClosed={onClosed} />;
  }
  return (
    <FormSheet
      title={t.newDevicePassword}
      form={form}
      onClosed={() => (made ? setAsked(false) : onClosed())}
      onSaved={onChanged}
      text={t.deviceWillGet}
      action={t.makeDevicePassword}
    >
      {replaced && (
        <>
          <p class="break">{pageLoginText(replaced)}</p>
          <p class="dim small">{t.replaceLogin}</p>
        </>
      )}
      <TextField
        label={t.deviceName}
        autocomplete="off"
        hint={t.deviceNameHint}
        {...fieldProps(form, 'name', 64)}
        name="device"
      />
      <CamerasField chosen={paths} onChosen={(value) => form.set('paths', value)} wrong={form.wrong.value.paths} />
      <ChipsField
        label={t.deviceMay}
        options={DEVICE_RIGHTS.map((value) => ({ value, text: rightName(value) }))}
        chosen={rights}
        onTap={(right) => form.set('rights', toggled(rights, right))}
        wrong={form.wrong.value.rights}
      />
    </FormSheet>
  );
}

/** User name and password, shown once. */
function MadeSheet({ made, onClosed }: { readonly made: MadeDevice; readonly onClosed: () => void }) {
  const t = peopleWords.value;
  const servers = usePolled<{ readonly items: readonly PublishServer[] }>(
    made.publish ? 'v3/servers' : undefined,
    'slow',
  );
  const copied = { action: t.copyAction, done: t.addressCopied };
  const open = servers.value?.items.filter(({ isOn }) => isOn) ?? [];
  return (
    <OnceSheet
      title={made.name}
      secret={made.password}
      copy={t.copyPassword}
      copied={t.passwordCopied}
      onClosed={onClosed}
    >
      <OnceField label={t.accountName} value={made.user} />
      <OnceField label={t.accountPassword} value={made.password} hint={t.devicePasswordOnce} />
      <div class="together">
        {open.flatMap(({ urls }) =>
          urls.map((url) => (
            <CopyRow key={url} {...copied} label={t.publishAddress(protocolOf(url))} text={filledIn(url, made)} />
          )),
        )}
        {open.some(({ urls }) => urls.some(isWhip)) && (
          <CopyRow {...copied} label={t.whipToken} text={`${made.user}:${made.password}`} />
        )}
      </div>
      {open.length > 0 && <p class="dim small">{t.publishPath}</p>}
    </OnceSheet>
  );
}

const isWhip = (url: string): boolean => url.endsWith('/whip');

const protocolOf = (url: string): string => (isWhip(url) ? 'WHIP' : (url.split(':', 1)[0]?.toUpperCase() ?? ''));

/** The address with the login, and the path if there is only one. */
const filledIn = (url: string, { user, password, paths }: MadeDevice): string => {
  const [path] = paths === 'all' || paths.length > 1 ? [] : paths;
  return url
    .replace('HOST', location.hostname)
    .replace('USER', encodeURIComponent(user))
    .replace('PASSWORD', encodeURIComponent(password))
    .replace('PATH', path ?? 'PATH');
};
