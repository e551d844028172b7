import { useMemo, useState } from 'preact/hooks';
import type { BoxAnswer } from '../../../agent/features/boxes/routes.ts';
import { savedText, serverText } from '../../api-client/error-text.ts';
import { fetchJson } from '../../api-client/request.ts';
import { cameraTitle } from '../../cameras/camera-title.ts';
import { fieldProps } from '../../forms/field-props.ts';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { serverForm } from '../../forms/server-form.ts';
import { TextField } from '../../ui/controls/field.tsx';
import { TextArea } from '../../ui/controls/text-area.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { Confirm } from '../../ui/sheet/confirm.tsx';
import { listed } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { addressesFault, clockText, isThere, linesOf, mainCameras, stateText } from './box-data.ts';
import { OfferedField } from './offered-field.tsx';
import { boxesWords } from './words.ts';

interface FormValues {
  readonly name: string;
  readonly addresses: string;
  /** To be added. */
  readonly cameras: readonly string[];
}

interface BoxSheetProps {
  /** The latest state. */
  readonly box: BoxAnswer;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** A box: state, name, addresses, its cameras, and the end of the pairing. */
export function BoxSheet({ box, onChanged, onClosed }: BoxSheetProps) {
  const t = boxesWords.value;
  const { language } = i18n();
  const address = `v3/boxes/${box.id}`;
  const [isGone, setGone] = useState(false);
  const form = useMemo(
    () =>
      serverForm<FormValues>({
        initial: { name: box.name, addresses: box.addresses.join('\n'), cameras: [] },
        // A box that connects by itself has no address.
        validate: box.linked ? {} : { addresses: addressesFault },
        save: async (_, { name, addresses, cameras }, change) => {
          const body = {
            ...(name !== undefined && { name }),
            ...(addresses !== undefined && { addresses: linesOf(addresses) }),
            ...(cameras && { cameras }),
          };
          await fetchJson(address, { method: 'PATCH', body, change });
        },
      }),
    [],
  );
  const remove = () =>
    attempt(async () => {
      await fetchJson(address, { method: 'DELETE' });
      toast(boxesWords.peek().boxRemoved(box.name));
      setGone(true);
      onChanged();
    });
  const clock = clockText(box);
  const cameras = mainCameras(box);
  const shown = cameras.flatMap(({ here }) => (here === null ? [] : [cameraTitle(here)]));
  const offered = cameras.filter(({ here }) => here === null);
  return (
    <FormSheet
      title={box.name}
      form={form}
      isOver={isGone}
      onClosed={onClosed}
      onSaved={() => {
        toast(savedText(form.change));
        onChanged();
      }}
      text={t.boxSaves}
    >
      <p class={isThere(box) ? 'dim' : 'bad'} role="status">
        {stateText(box)}
      </p>
      {box.state === 'refused' && <p>{t.boxRefusesHint}</p>}
      {box.state !== 'refused' && box.error !== null && (
        <p class="dim small break">{serverText((why) => t.boxWhy + why, box.error)}</p>
      )}
      {clock !== undefined && (
        <p class="bad">
          {clock} {t.boxClockHint}
        </p>
      )}
      {shown.length > 0 && (
        <p class="break">
          {t.shownHere}: {listed(shown, language)}
        </p>
      )}
      {offered.length > 0 && <OfferedField form={form} label={t.alsoOffered} offered={offered} />}
      <TextField label={t.boxName} autocomplete="off" hint={t.boxNameHint} {...fieldProps(form, 'name', 200)} />
      {!box.linked && (
        <TextArea label={t.boxAddresses} hint={t.boxAddressesHint} {...fieldProps(form, 'addresses', 4_000)} />
      )}
      <Confirm title={t.removeBox} text={t.removeBoxText} onConfirm={() => void remove()} />
    </FormSheet>
  );
}
