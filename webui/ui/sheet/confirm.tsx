import { useState } from 'preact/hooks';
import { Row } from '../controls/row.tsx';

interface SureProps {
  readonly title: string;
  /** What it does and that it wants a second tap; said after the first. */
  readonly text: string;
  readonly onSure: () => void;
}

/** What cannot be undone: the first tap says what it would do, the second does it. */
export function Sure({ title, text, onSure }: SureProps) {
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      <Row title={title} onClick={isAsked ? onSure : () => setAsked(true)} />
      <p class="small warn sure" role="status">
        {isAsked && text}
      </p>
    </>
  );
}
