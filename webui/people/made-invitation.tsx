import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { nowMs } from '../shell/page-state.ts';
import { Button } from '../ui/controls/button.tsx';
import { copyToClipboard } from '../ui/controls/clipboard.ts';
import { QrCode } from '../ui/controls/qr-code.tsx';
import { toast } from '../ui/feedback/toast.tsx';
import { Sheet } from '../ui/sheet/sheet.tsx';
import { peopleWords } from '../words/settings/people.ts';
import type { Made } from './invitation-sheet.tsx';
import { timeLeft } from './people.ts';

/** Phones cannot read a longer QR code from a screen; such an invitation is only copied. */
const MAX_CODE_CHARS = 750;

interface MadeInvitationProps extends Made {
  /** What to do with it. */
  readonly steps: string;
  /** Who may have it. */
  readonly secret: string;
  /** Tells that it was redeemed; undefined: not yet. */
  readonly joined: string | undefined;
  readonly onJoined: () => void;
  /** Next to *Copy*. */
  readonly action?: ComponentChildren;
  readonly children?: ComponentChildren;
}

/** Shows an invitation until it is redeemed. */
export function MadeInvitation(props: MadeInvitationProps) {
  const { text, untilMs, steps, secret, joined, onJoined, onAgain, onClosed, action, children } = props;
  const t = peopleWords.value;
  const [isDone, setDone] = useState(false);
  const leftMs = untilMs - nowMs.value;
  const isOver = leftMs <= 0;
  const isJoined = joined !== undefined;
  useEffect(() => {
    if (joined !== undefined) {
      toast(joined);
      setDone(true);
      onJoined();
    }
  }, [isJoined]);
  const copy = async () => {
    if (await copyToClipboard(text)) {
      toast(peopleWords.peek().invitationCopied);
    }
  };
  return (
    <Sheet
      title={t.invitation}
      onClosed={onClosed}
      isDone={isDone}
      foot={
        <>
          <Button kind="main" onClick={isOver ? onAgain : copy}>
            {isOver ? t.invitationAgain : t.copyInvitation}
          </Button>
          {!isOver && action}
        </>
      }
    >
      {isOver ? (
        <p role="status">{t.invitationOver}</p>
      ) : (
        <>
          <p>{steps}</p>
          {text.length <= MAX_CODE_CHARS && <QrCode text={text} label={t.invitationCode} />}
          <p class="digits centered" role="timer">
            {t.invitationLeft(timeLeft(leftMs))}
          </p>
          <label class="field">
            <span class="label">{t.invitation}</span>
            <span class="input">
              <input type="text" readOnly value={text} onFocus={(event) => event.currentTarget.select()} />
            </span>
            <span class="hint">{secret}</span>
          </label>
          {children}
        </>
      )}
    </Sheet>
  );
}
