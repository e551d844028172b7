import { useEffect } from 'preact/hooks';
import { place } from '../shell/route.ts';
import { onKeys } from '../timeline/shortcuts.ts';
import { atMs, clip, seek } from '../timeline/view.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { clipWords } from '../words/clips.ts';
import { ClipPanel } from './clip-panel.tsx';
import { comeCloser, endHere, mark, unmark } from './clip-selection.ts';

interface ClipToolsProps {
  readonly name: string;
  readonly title: string;
}

/** The button that marks a clip, and the card of the clip once there is one. */
export function ClipTools({ name, title }: ClipToolsProps) {
  useClipInAddress();
  useClipKeys();
  const marked = clip.value;
  const hasMoment = atMs.value !== undefined;
  if (marked) {
    return <ClipPanel name={name} title={title} clip={marked} />;
  }
  return (
    <button class="round" type="button" aria-label={clipWords.value.markClip} disabled={!hasMoment} onClick={mark}>
      <Icon name="cut" />
    </button>
  );
}

/** What a link marks is marked when it is opened. */
function useClipInAddress(): void {
  const here = place.value;
  useEffect(() => {
    if (here.page === 'recordings' && here.clip) {
      clip.value = here.clip;
      if (here.atMs === undefined) {
        seek(here.clip.startMs, false);
      }
      comeCloser(here.clip);
    }
  }, [here]);
}

function useClipKeys(): void {
  useEffect(() => {
    const toggle = () => (clip.peek() ? unmark() : mark());
    const start = () => endHere('start');
    const end = () => endHere('end');
    return onKeys({ c: toggle, C: toggle, i: start, I: start, o: end, O: end, Escape: unmark });
  }, []);
}
