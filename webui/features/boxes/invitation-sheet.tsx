import { useEffect, useMemo, useState } from 'preact/hooks';
import type { PairedServerItem } from '../../../agent/features/boxes/routes.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { FormFooter } from '../../forms/form-footer.tsx';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { serverForm } from '../../forms/server-form.ts';
import { oneAtLeast } from '../../people/access-fields.tsx';
import { nowMs } from '../../shell/page-state.ts';
import { Button } from '../../ui/controls/button.tsx';
import { copyToClipboard } from '../../ui/controls/clipboard.ts';
import { TextField } from '../../ui/controls/field.tsx';
import { QrCode } from '../../ui/controls/qr-code.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { Sheet } from '../../ui/sheet/sheet.tsx';
import {
  createInvitation,
  FIRST_RIGHTS,
  linkFor,
  oneRight,
  SERVERS_ADDRESS,
  type ServerTerms,
  timeLeft,
} from './server-data.ts';
import { ServerFields } from './server-fields.tsx';
import { boxesWords } from './words.ts';

/** Validity of an invitation, counted from the answer, because the clocks of box and browser may differ. */
const VALID_MS = 600_000;
/** Phones cannot read a longer QR code from a screen; such an invitation is only copied. */
const MAX_CODE_CHARS = 750;

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
    setMade({ text: invitation, terms, untilMs: Date.now() + VALID_MS });
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
      foot={<FormFooter form={form} text={t.invitationEffect} action={t.makeInvitation} />}
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

function MadeSheet({ text: invitation, untilMs, before, onAgain, onPaired, onClosed }: MadeSheetProps) {
  const t = boxesWords.value;
  const [isDone, setDone] = useState(false);
  const [page, setPage] = useState('');
  const text = linkFor(page, invitation) ?? invitation;
  const leftMs = untilMs - nowMs.value;
  const isOver = leftMs <= 0;
  const { value } = usePolled<{ readonly items: readonly PairedServerItem[] }>(SERVERS_ADDRESS, 'fast');
  const joined = value?.items.find(({ id }) => !before.includes(id))?.name;
  useEffect(() => {
    if (joined !== undefined) {
      toast(boxesWords.peek().serverJoined(joined));
      setDone(true);
      onPaired();
    }
  }, [joined]);
  const copy = async () => {
    if (await copyToClipboard(text)) {
      toast(boxesWords.peek().invitationCopied);
    }
  };
  const canShare = typeof navigator.share === 'function' && navigator.canShare?.({ text }) !== false;
  return (
    <Sheet
      title={t.invitation}
      onClosed={onClosed}
      isDone={isDone}
      foot={
        isOver ? (
          <Button kind="main" onClick={onAgain}>
            {t.invitationAgain}
          </Button>
        ) : (
          <>
            <Button kind="main" onClick={copy}>
              {t.copyInvitation}
            </Button>
            {canShare && (
              <Button onClick={() => void navigator.share({ text }).catch(() => {})}>{t.shareInvitation}</Button>
            )}
          </>
        )
      }
    >
      {isOver ? (
        <p role="status">{t.invitationOver}</p>
      ) : (
        <>
          <p>{t.invitationSteps}</p>
          {text.length <= MAX_CODE_CHARS && <QrCode text={text} label={t.invitationCode} />}
          <p class="digits centered" role="timer">
            {t.invitationLeft(timeLeft(leftMs))}
          </p>
          <label class="field">
            <span class="label">{t.invitation}</span>
            <span class="input">
              <input type="text" readOnly value={text} onFocus={(event) => event.currentTarget.select()} />
            </span>
            <span class="hint">{t.invitationSecret}</span>
          </label>
          <TextField
            label={t.serverPage}
            name="page"
            autocomplete="off"
            hint={t.serverPageHint}
            value={page}
            onInput={setPage}
          />
        </>
      )}
    </Sheet>
  );
}
