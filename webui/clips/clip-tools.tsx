import { useEffect, useState } from 'preact/hooks';
import { route } from '../shell/route.ts';
import { onShortcuts } from '../timeline/shortcuts.ts';
import { atMs, clip, seek } from '../timeline/view.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { clipWords } from '../words/clips.ts';
import { loadSettingsWords } from '../words/words.ts';
import { clearClip, createClip, setEndHere, zoomToClip } from './clip-selection.ts';

const ClipPanel = lazyPart(async () => {
  const [part] = await Promise.all([import('./clip-panel.tsx'), loadSettingsWords()]);
  return part.ClipPanel;
});

interface ClipToolsProps {
  readonly name: string;
  readonly title: string;
}

/** The button for a clip, and the panel of the clip. */
export function ClipTools({ name, title }: ClipToolsProps) {
  useClipInAddress();
  useClipKeys();
  const marked = clip.value;
  const hasMoment = atMs.value !== undefined;
  // Back closes the sheet of a phone and leaves the clip marked.
  const [isClosed, setClosed] = useState(false);
  const { markClip, showClip } = clipWords.value;
  useEffect(() => setClosed(false), [marked === undefined, route.value]);
  if (marked && !isClosed) {
    return <ClipPanel name={name} title={title} clip={marked} onBack={() => setClosed(true)} />;
  }
  return (
    <button
      class="round"
      type="button"
      aria-label={marked ? showClip : markClip}
      disabled={!hasMoment}
      onClick={marked ? () => setClosed(false) : createClip}
    >
      <Icon name="cut" />
    </button>
  );
}

/** A link can contain a clip. */
function useClipInAddress(): void {
  const here = route.value;
  useEffect(() => {
    if (here.page === 'recordings' && here.clip) {
      clip.value = here.clip;
      if (here.atMs === undefined) {
        seek(here.clip.startMs, false);
      }
      zoomToClip(here.clip);
    }
  }, [here]);
}

function useClipKeys(): void {
  useEffect(() => {
    const toggle = () => (clip.peek() ? clearClip() : createClip());
    const start = () => setEndHere('start');
    const end = () => setEndHere('end');
    return onShortcuts({ c: toggle, C: toggle, i: start, I: start, o: end, O: end, Escape: clearClip });
  }, []);
}
