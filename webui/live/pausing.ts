import { ask } from '../api-client/request.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { liveWords, words } from '../words/words.ts';

interface Pausing {
  readonly name: string;
  readonly title: string;
  readonly isPaused: boolean;
}

/** Pauses a camera or has it go on, says so, and can be undone. */
export async function setPaused({ name, title, isPaused }: Pausing): Promise<void> {
  try {
    await ask(`v3/cameras/patch/${encodeURIComponent(name)}`, { method: 'PATCH', body: { paused: isPaused } });
  } catch (error) {
    // What is said seldom comes when it is: the live page is the first load.
    const later = await import('../api-client/error-text.ts').catch(() => undefined);
    toast(later?.notDoneWords(error) ?? words.peek().boxAway);
    return;
  }
  const { isPaused: isPausedNow, goesOn } = liveWords.peek();
  toast(isPaused ? isPausedNow(title) : goesOn(title), () => void setPaused({ name, title, isPaused: !isPaused }));
}
