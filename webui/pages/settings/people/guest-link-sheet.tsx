import { useState } from 'preact/hooks';
import { notDoneWords } from '../../../api-client/error-text.ts';
import { ask } from '../../../api-client/request.ts';
import { toast } from '../../../ui/feedback/toast.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { Sure } from '../../../ui/sheet/confirm.tsx';
import { peopleWords } from '../../../words/people.ts';

interface GuestLinkSheetProps {
  readonly title: string;
  readonly text: string;
  readonly id: string;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** A link that was made: what it opens, and its end before its time. */
export function GuestLinkSheet({ title, text, id, onChanged, onClosed }: GuestLinkSheetProps) {
  const say = peopleWords.value;
  const [isDone, setDone] = useState(false);
  const end = async () => {
    try {
      await ask(`v3/guests/${encodeURIComponent(id)}`, { method: 'DELETE' });
      toast(peopleWords.peek().linkTakenBack);
      setDone(true);
      onChanged();
    } catch (error) {
      toast(notDoneWords(error));
    }
  };
  return (
    <Sheet title={title} onClosed={onClosed} isDone={isDone}>
      <p class="break">{text}</p>
      <Sure title={say.endLink} text={say.endLinkText} onSure={end} />
    </Sheet>
  );
}
