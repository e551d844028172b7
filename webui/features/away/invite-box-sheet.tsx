import { useState } from 'preact/hooks';
import { usePolled } from '../../api-client/use-polled.ts';
import { fieldProps } from '../../forms/field-props.ts';
import { InvitationSheet, type Made } from '../../people/invitation-sheet.tsx';
import { MadeInvitation } from '../../people/made-invitation.tsx';
import { TextField } from '../../ui/controls/field.tsx';
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
  const [known] = useState(before);
  return (
    <InvitationSheet
      title={t.inviteBox}
      effect={t.invitationEffect}
      initial={{ address: '' }}
      validate={{ address: addressFault }}
      create={({ address }) => createInvitation(address)}
      fields={(form) => (
        <TextField
          label={t.ownAddress}
          autocomplete="off"
          hint={t.ownAddressHint}
          {...fieldProps(form, 'address', 260)}
        />
      )}
      made={(made) => <MadeSheet {...made} before={known} onJoined={onJoined} />}
      onClosed={onClosed}
    />
  );
}

interface MadeSheetProps extends Made {
  readonly before: readonly string[];
  readonly onJoined: () => void;
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
