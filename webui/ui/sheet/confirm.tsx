import { useState } from 'preact/hooks';
import { Row } from '../controls/row.tsx';

interface ConfirmProps {
  readonly title: string;
  /** What it does and that it wants a second tap; said after the first. */
  readonly text: string;
  readonly onConfirm: () => void;
}

/** What cannot be undone: the first tap says what it would do, the second does it. */
export function Confirm({ title, text, onConfirm }: ConfirmProps) {
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      <Row title={title} onClick={isAsked ? onConfirm : () => setAsked(true)} />
      <p class="small warn confirm-text" role="status">
        {isAsked && text}
      </p>
    </>
  );
}
