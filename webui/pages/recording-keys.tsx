import { cinemaWords } from '../words/cinema.ts';
import { clipWords } from '../words/clips.ts';
import { recordingsWords } from '../words/recordings.ts';
import { type Keys, KeysSheet } from './keyboard-help.tsx';

/** What can be done by keys with what was recorded. */
export function RecordingKeys({ hasEvents, onClosed }: { readonly hasEvents: boolean; readonly onClosed: () => void }) {
  const say = recordingsWords.value;
  const clip = clipWords.value;
  const keys: Keys = [
    ['␣', `${say.play} · ${say.halt}`],
    ['← →', say.keyMove],
    ['Shift ← →', say.keyMoveFar],
    [', .', `${say.pictureBack} · ${say.pictureOn}`],
    ...(hasEvents ? ([['[ ]', `${say.eventBack} · ${say.eventOn}`]] as const) : []),
    ['< >', say.speed],
    ['+ −', say.keyZoom],
    ['Home End', say.keyDay],
    ['G', clip.goToDay],
    ['C', clip.markClip],
    ['I O', `${clip.startHere} · ${clip.endHere}`],
    ['Esc', say.keyUnmark],
    ['?', cinemaWords.value.keys],
  ];
  return <KeysSheet keys={keys} onClosed={onClosed} />;
}
