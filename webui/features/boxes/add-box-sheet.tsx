import { useMemo, useState } from 'preact/hooks';
import type { BoxAnswer } from '../../../agent/features/boxes/routes.ts';
import { fetchJson } from '../../api-client/request.ts';
import { fieldProps } from '../../forms/field-props.ts';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { serverForm } from '../../forms/server-form.ts';
import { TextArea } from '../../ui/controls/text-area.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { Sheet } from '../../ui/sheet/sheet.tsx';
import { peopleWords } from '../../words/settings/people.ts';
import { AddBox, invitationIn, mainCameras } from './box-data.ts';
import { OfferedField } from './offered-field.tsx';
import { boxesWords } from './words.ts';

interface AddBoxSheetProps {
  /** Invitation from a link; empty: the user pastes it. */
  readonly invitation: string;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** Pairs with a box by its invitation, then adds cameras. */
export function AddBoxSheet({ invitation, onChanged, onClosed }: AddBoxSheetProps) {
  const t = boxesWords.value;
  const [box, setBox] = useState<BoxAnswer>();
  const [isAsked, setAsked] = useState(true);
  const form = useMemo(() => {
    const adding = new AddBox();
    return serverForm<{ readonly invitation: string }>({
      initial: { invitation },
      validate: {
        invitation: (text) => (invitationIn(text) === undefined ? boxesWords.peek().boxInvitationWrong : undefined),
      },
      save: async (values) => {
        setBox(await adding.pair(invitationIn(values.invitation) ?? ''));
      },
    });
  }, []);
  if (box && !isAsked) {
    return <ChooseSheet box={box} onChanged={onChanged} onClosed={onClosed} />;
  }
  return (
    <FormSheet
      title={t.addBox}
      form={form}
      onClosed={() => (box ? setAsked(false) : onClosed())}
      onSaved={onChanged}
      text={t.pairEffect}
      action={t.pairBox}
      busy={t.pairsBox}
    >
      <TextArea
        label={peopleWords.value.invitation}
        hint={t.boxInvitationHint}
        {...fieldProps(form, 'invitation', 4_000)}
      />
    </FormSheet>
  );
}

interface ChooseSheetProps {
  readonly box: BoxAnswer;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** Which of the offered cameras are shown here. */
function ChooseSheet({ box, onChanged, onClosed }: ChooseSheetProps) {
  const t = boxesWords.value;
  const offered = mainCameras(box);
  const form = useMemo(
    () =>
      serverForm<{ readonly cameras: readonly string[] }>({
        initial: { cameras: offered.map(({ path }) => path) },
        save: async ({ cameras }) => {
          await fetchJson(`v3/boxes/${box.id}`, { method: 'PATCH', body: { cameras } });
        },
      }),
    [],
  );
  if (offered.length === 0) {
    return (
      <Sheet title={box.name} onClosed={onClosed}>
        <p>{t.boxPaired(box.name)}</p>
        <p class="dim">{t.boxOffersNone}</p>
      </Sheet>
    );
  }
  return (
    <FormSheet
      title={box.name}
      form={form}
      onClosed={onClosed}
      onSaved={() => {
        toast(boxesWords.peek().camerasComeFrom(box.name));
        onChanged();
      }}
      text={t.addCamerasEffect}
      action={t.addChosen}
      isOff={form.values.value.cameras.length === 0}
    >
      <p>{t.boxPaired(box.name)}</p>
      <OfferedField form={form} label={t.camerasHere} offered={offered} />
    </FormSheet>
  );
}
