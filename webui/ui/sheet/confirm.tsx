import { useState } from 'preact/hooks';
import { Row } from '../controls/row.tsx';

interface ConfirmProps {
  readonly title: string;
  /** Effect of the action, shown after the first tap. */
  readonly text: string;
  /** Default: it removes or ends something. */
  readonly danger?: boolean;
  readonly onConfirm: () => void;
}

/** For actions without Undo: the second tap confirms. */
export function Confirm({ title, text, danger = true, onConfirm }: ConfirmProps) {
  const [isAsked, setAsked] = useState(false);
  const onClick = () => {
    setAsked(!isAsked);
    if (isAsked) {
      onConfirm();
    }
  };
  return (
    <>
      <Row title={title} danger={danger} onClick={onClick} />
      <p class="small warn confirm-text" role="status">
        {isAsked && text}
      </p>
    </>
  );
}
