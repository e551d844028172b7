import { failureWords } from '../box/failure-words.ts';
import { ask } from '../box/request.ts';
import { liveWords } from '../words/words.ts';
import { toast } from './toast.tsx';

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
    toast(failureWords(error));
    return;
  }
  const { isPaused: isPausedNow, goesOn } = liveWords.peek();
  toast(isPaused ? isPausedNow(title) : goesOn(title), () => void setPaused({ name, title, isPaused: !isPaused }));
}
