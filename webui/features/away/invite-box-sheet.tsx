import { useEffect, useMemo, useState } from 'preact/hooks';
import { usePolled } from '../../api-client/use-polled.ts';
import { fieldProps } from '../../forms/field-props.ts';
import { FormFooter } from '../../forms/form-footer.tsx';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { serverForm } from '../../forms/server-form.ts';
import { nowMs } from '../../shell/page-state.ts';
import { Button } from '../../ui/controls/button.tsx';
import { copyToClipboard } from '../../ui/controls/clipboard.ts';
import { TextField } from '../../ui/controls/field.tsx';
import { QrCode } from '../../ui/controls/qr-code.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { Sheet } from '../../ui/sheet/sheet.tsx';
import { addressFault, BOXES_ADDRESS, createInvitation, type ListedBox, timeLeft } from './away-data.ts';
import { awayWords } from './words.ts';

/** Validity of an invitation, counted from the answer, because the clocks of server and browser may differ. */
const VALID_MS = 600_000;
/** Phones cannot read a longer QR code from a screen; such an invitation is only copied. */
const MAX_CODE_CHARS = 750;

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
    setMade({ text: invitation, address, untilMs: Date.now() + VALID_MS });
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
      foot={<FormFooter form={form} text={t.invitationEffect} action={t.makeInvitation} />}
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

function MadeSheet({ text, untilMs, before, onAgain, onJoined, onClosed }: MadeSheetProps) {
  const t = awayWords.value;
  const [isDone, setDone] = useState(false);
  const leftMs = untilMs - nowMs.value;
  const isOver = leftMs <= 0;
  const { value } = usePolled<{ readonly items: readonly ListedBox[] }>(BOXES_ADDRESS, 'fast');
  const joined = value?.items.find(({ id, linked }) => linked && !before.includes(id))?.name;
  useEffect(() => {
    if (joined !== undefined) {
      toast(awayWords.peek().boxJoined(joined));
      setDone(true);
      onJoined();
    }
  }, [joined]);
  const copy = async () => {
    if (await copyToClipboard(text)) {
      toast(awayWords.peek().invitationCopied);
    }
  };
  return (
    <Sheet
      title={t.invitation}
      onClosed={onClosed}
      isDone={isDone}
      foot={
        <Button kind="main" onClick={isOver ? onAgain : copy}>
          {isOver ? t.invitationAgain : t.copyInvitation}
        </Button>
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
        </>
      )}
    </Sheet>
  );
}
