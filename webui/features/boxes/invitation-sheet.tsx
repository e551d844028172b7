import { useMemo, useState } from 'preact/hooks';
import type { PairedServerItem } from '../../../agent/features/boxes/routes.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { FormFooter } from '../../forms/form-footer.tsx';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { serverForm } from '../../forms/server-form.ts';
import { oneAtLeast } from '../../people/access-fields.tsx';
import { invitationEnd, MadeInvitation } from '../../people/made-invitation.tsx';
import { Button } from '../../ui/controls/button.tsx';
import { TextField } from '../../ui/controls/field.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { peopleWords } from '../../words/settings/people.ts';
import { createInvitation, FIRST_RIGHTS, linkFor, oneRight, SERVERS_ADDRESS, type ServerTerms } from './server-data.ts';
import { ServerFields } from './server-fields.tsx';
import { boxesWords } from './words.ts';

interface InvitationSheetProps {
  /** Ids of the paired servers. */
  readonly paired: readonly string[];
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** Creates an invitation, and shows it until a server has used it. */
export function InvitationSheet({ paired, onChanged, onClosed }: InvitationSheetProps) {
  const t = boxesWords.value;
  const [made, setMade] = useState<{ readonly text: string; readonly terms: ServerTerms; readonly untilMs: number }>();
  const [isAsked, setAsked] = useState(true);
  const [before] = useState(paired);
  const make = async (terms: ServerTerms) => {
    const { invitation } = await createInvitation(terms);
    setMade({ text: invitation, terms, untilMs: invitationEnd() });
  };
  const form = useMemo(
    () =>
      serverForm<ServerTerms>({
        initial: { cameras: 'all', rights: FIRST_RIGHTS },
        validate: { cameras: oneAtLeast, rights: oneRight },
        save: make,
      }),
    [],
  );
  if (made && !isAsked) {
    return (
      <MadeSheet
        {...made}
        before={before}
        onAgain={() => void attempt(() => make(made.terms))}
        onPaired={onChanged}
        onClosed={onClosed}
      />
    );
  }
  return (
    <FormSheet
      title={t.inviteServer}
      form={form}
      onClosed={() => (made ? setAsked(false) : onClosed())}
      foot={<FormFooter form={form} text={t.invitationEffect} action={peopleWords.value.makeInvitation} />}
    >
      <ServerFields form={form} />
    </FormSheet>
  );
}

interface MadeSheetProps {
  readonly text: string;
  readonly untilMs: number;
  /** Ids of servers that were paired before. */
  readonly before: readonly string[];
  readonly onAgain: () => void;
  readonly onPaired: () => void;
  readonly onClosed: () => void;
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
