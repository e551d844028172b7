import { useState } from 'preact/hooks';
import { ask, BoxError } from '../../box/request.ts';
import { Sheet } from '../../parts/sheet.tsx';
import { Sure } from '../../parts/sure.tsx';
import { toast } from '../../parts/toast.tsx';
import { peopleWords } from '../../words/people.ts';
import { words } from '../../words/words.ts';

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
      const isAway = !(error instanceof BoxError) || error.status === 0;
      toast(isAway ? words.peek().noAnswer : words.peek().notSaved(error.message));
    }
  };
  return (
    <Sheet title={title} onClosed={onClosed} isDone={isDone}>
      <p class="break">{text}</p>
      <Sure title={say.endLink} text={say.endLinkText} onSure={end} />
    </Sheet>
  );
}
