import { useMemo, useState } from 'preact/hooks';
import { usePolled } from '../../api-client/use-polled.ts';
import { fieldProps } from '../../forms/field-props.ts';
import { FormFooter } from '../../forms/form-footer.tsx';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { serverForm } from '../../forms/server-form.ts';
import { invitationEnd, MadeInvitation } from '../../people/made-invitation.tsx';
import { TextField } from '../../ui/controls/field.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { peopleWords } from '../../words/settings/people.ts';
import { addressFault, BOXES_ADDRESS, createInvitation, type ListedBox } from './away-data.ts';
import { awayWords } from './words.ts';

interface InviteBoxSheetProps {
  /** Ids of the boxes that were there before. */
  readonly before: readonly string[];
  readonly onJoined: () => void;
  readonly onClosed: () => void;
}

/** Creates an invitation, and shows it until a box has redeemed it. */
export function InviteBoxSheet({ before, onJoined, onClosed }: InviteBoxSheetProps) {
  const t = awayWords.value;
  const [made, setMade] = useState<{ readonly text: string; readonly address: string; readonly untilMs: number }>();
  const [isAsked, setAsked] = useState(true);
  const [known] = useState(before);
  const make = async (address: string) => {
    const { invitation } = await createInvitation(address);
    setMade({ text: invitation, address, untilMs: invitationEnd() });
  };
  const form = useMemo(
    () =>
      serverForm<{ readonly address: string }>({
        initial: { address: '' },
        validate: { address: addressFault },
        save: ({ address }) => make(address),
      }),
    [],
  );
  if (made && !isAsked) {
    return (
      <MadeSheet
        {...made}
        before={known}
        onAgain={() => void attempt(() => make(made.address))}
        onJoined={onJoined}
        onClosed={onClosed}
      />
    );
  }
  return (
    <FormSheet
      title={t.inviteBox}
      form={form}
      onClosed={() => (made ? setAsked(false) : onClosed())}
      foot={<FormFooter form={form} text={t.invitationEffect} action={peopleWords.value.makeInvitation} />}
    >
      <TextField
        label={t.ownAddress}
        autocomplete="off"
        hint={t.ownAddressHint}
        {...fieldProps(form, 'address', 260)}
      />
    </FormSheet>
  );
}

interface MadeSheetProps {
  readonly text: string;
  readonly untilMs: number;
  readonly before: readonly string[];
  readonly onAgain: () => void;
  readonly onJoined: () => void;
  readonly onClosed: () => void;
}

function MadeSheet({ before, ...made }: MadeSheetProps) {
  const { invitationSteps, invitationSecret, boxJoined } = awayWords.value;
  const { value } = usePolled<{ readonly items: readonly ListedBox[] }>(BOXES_ADDRESS, 'fast');
  const joined = value?.items.find(({ id, linked }) => linked && !before.includes(id));
  return (
    <MadeInvitation
      {...made}
      steps={invitationSteps}
      secret={invitationSecret}
      joined={joined && boxJoined(joined.name)}
    />
  );
}
