import { useState } from 'preact/hooks';
import { cameras } from '../../cameras/cameras.ts';
import { atMs } from '../../timeline/view.ts';
import { Icon } from '../../ui/icons/icon.tsx';
import { lazyPart } from '../../ui/lazy/lazy-page.tsx';
import { loadSettingsWords } from '../../words/words.ts';
import type { RecordedToolProps } from '../contract.ts';
import { motionWords } from './words.ts';

const FindSheet = lazyPart(async () => {
  const [part] = await Promise.all([import('./find-motion.tsx'), loadSettingsWords()]);
  return part.FindSheet;
});

/** The button that opens the search for motion in a part of the picture. */
export function FindMotion(props: RecordedToolProps) {
  const [shownMs, setShownMs] = useState<number>();
  // Another box searches its recordings itself.
  if (cameras.value?.find((one) => one.name === props.name)?.main.box) {
    return null;
  }
  return (
    <>
      <button
        class="round"
        type="button"
        aria-label={motionWords.value.find}
        disabled={atMs.value === undefined}
        onClick={() => setShownMs(atMs.peek())}
      >
        <Icon name="search" />
      </button>
      {shownMs !== undefined && <FindSheet {...props} ms={shownMs} onClosed={() => setShownMs(undefined)} />}
    </>
  );
}
