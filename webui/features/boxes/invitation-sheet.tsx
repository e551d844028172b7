import { useState } from 'preact/hooks';
import type { PairedServerItem } from '../../../agent/features/boxes/routes.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { oneAtLeast, ServerFields } from '../../people/access-fields.tsx';
import { InvitationSheet, type Made } from '../../people/invitation-sheet.tsx';
import { MadeInvitation } from '../../people/made-invitation.tsx';
import { Button } from '../../ui/controls/button.tsx';
import { TextField } from '../../ui/controls/field.tsx';
import {
  createInvitation,
  FIRST_RIGHTS,
  linkFor,
  oneRight,
  SERVER_RIGHTS,
  SERVERS_ADDRESS,
  type ServerTerms,
  serverRightName,
} from './server-data.ts';
import { boxesWords } from './words.ts';

interface ServerInvitationSheetProps {
  /** Ids of the paired servers. */
  readonly paired: readonly string[];
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** Creates an invitation, and shows it until a server has used it. */
export function ServerInvitationSheet({ paired, onChanged, onClosed }: ServerInvitationSheetProps) {
  const t = boxesWords.value;
  const [before] = useState(paired);
  return (
    <InvitationSheet<ServerTerms>
      title={t.inviteServer}
      effect={t.invitationEffect}
      initial={{ cameras: 'all', rights: FIRST_RIGHTS }}
      validate={{ cameras: oneAtLeast, rights: oneRight }}
      create={createInvitation}
      fields={(form) => (
        <ServerFields form={form} label={t.serverMay} rights={SERVER_RIGHTS} nameOf={serverRightName} />
      )}
      made={(made) => <MadeSheet {...made} before={before} onPaired={onChanged} />}
      onClosed={onClosed}
    />
  );
}

interface MadeSheetProps extends Made {
  /** Ids of servers that were paired before. */
  readonly before: readonly string[];
  readonly onPaired: () => void;
}

function MadeSheet({ text: invitation, before, onPaired, ...made }: MadeSheetProps) {
  const t = boxesWords.value;
  const [page, setPage] = useState('');
  const text = linkFor(page, invitation) ?? invitation;
  const { value } = usePolled<{ readonly items: readonly PairedServerItem[] }>(SERVERS_ADDRESS, 'fast');
  const joined = value?.items.find(({ id }) => !before.includes(id));
  const canShare = typeof navigator.share === 'function' && navigator.canShare?.({ text }) !== false;
  return (
    <MadeInvitation
      {...made}
      text={text}
      steps={t.invitationSteps}
      secret={t.invitationSecret}
      joined={joined && t.serverJoined(joined.name)}
      onJoined={onPaired}
      action={
        canShare && <Button onClick={() => void navigator.share({ text }).catch(() => {})}>{t.shareInvitation}</Button>
      }
    >
      <TextField
        label={t.serverPage}
        name="page"
        autocomplete="off"
        hint={t.serverPageHint}
        value={page}
        onInput={setPage}
      />
    </MadeInvitation>
  );
}
