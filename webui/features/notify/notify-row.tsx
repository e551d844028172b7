import { useState } from 'preact/hooks';
import { session } from '../../api-client/session.ts';
import { Row } from '../../ui/controls/row.tsx';
import { notifyParts } from './parts.ts';
import { notifyWords } from './words.ts';

const { notifySheet: NotifySheet } = notifyParts;

/** In the own settings of a user; the owner has a section. */
export function NotifyRow() {
  const { title, text } = notifyWords.value;
  const [isOpen, setOpen] = useState(false);
  if (!session.value?.loggedIn || session.value.role === 'owner') {
    return null;
  }
  return (
    <>
      <Row icon="bell" title={title} text={text} onClick={() => setOpen(true)} />
      {isOpen && NotifySheet && <NotifySheet onClosed={() => setOpen(false)} />}
    </>
  );
}
