import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Button } from '../../../ui/controls/button.tsx';
import { copyToClipboard } from '../../../ui/controls/clipboard.ts';
import { toast } from '../../../ui/feedback/toast.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { peopleWords } from '../../../words/settings/people.ts';

interface OnceSheetProps {
  readonly title: string;
  /** What is copied. */
  readonly secret: string;
  readonly copy: string;
  /** Message afterwards. */
  readonly copied: string;
  /** A further button. */
  readonly extra?: ComponentChildren;
  readonly children: ComponentChildren;
  readonly onClosed: () => void;
}

/** A link or password that is shown only once. */
export function OnceSheet({ title, secret, copy, copied, extra, children, onClosed }: OnceSheetProps) {
  const [isDone, setDone] = useState(false);
  const onCopy = async () => {
    if (await copyToClipboard(secret)) {
      toast(copied);
    }
  };
  return (
    <Sheet
      title={title}
      onClosed={onClosed}
      isDone={isDone}
      foot={
        <>
          <Button kind="main" onClick={onCopy}>
            {copy}
          </Button>
          {extra}
          <Button kind="quiet" onClick={() => setDone(true)}>
            {peopleWords.value.linkDone}
          </Button>
        </>
      }
    >
      {children}
    </Sheet>
  );
}

interface OnceFieldProps {
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
}

export const OnceField = ({ label, value, hint }: OnceFieldProps) => (
  <label class="field">
    <span class="label">{label}</span>
    <span class="input">
      <input type="text" readOnly value={value} onFocus={(event) => event.currentTarget.select()} />
    </span>
    {hint && <span class="hint">{hint}</span>}
  </label>
);
