import { useComputed } from '@preact/signals';
import { mayPlayBack } from '../box/recordings.ts';
import { voice } from '../parts/voice.ts';
import type { Mark } from '../timeline/lane.ts';
import { laneIn } from '../timeline/lanes.ts';
import { atMs, LEAD_MS, seek, spans } from '../timeline/view.ts';
import { clipWords } from '../words/clips.ts';
import { clock, dayStart, nextDay, number } from '../words/format.ts';
import { kindName, seenAt, seenOn } from './seen.ts';
import { Thumb } from './thumb.tsx';

/** What was seen on the day of the picture, newest first; a tap shows what led to it. */
export function EventsList({ name }: { readonly name: string }) {
  const day = useComputed(() => dayStart(atMs.value ?? spans.value.at(-1)?.endMs ?? 0));
  const seen = useComputed(() =>
    seenOn(laneIn(name, { fromMs: day.value, toMs: nextDay(day.value) }).events, day.value),
  );
  const here = useComputed(() =>
    atMs.value === undefined ? undefined : seenAt([...seen.value].reverse(), atMs.value, LEAD_MS)?.startMs,
  );
  if (!mayPlayBack(name)) {
    return null;
  }
  const words = clipWords.value;
  return (
    <section class="day-list" aria-label={words.seen}>
      {seen.value.length === 0 ? (
        <p class="small dim">{words.seenNothing}</p>
      ) : (
        <ul>
          {seen.value.map((mark) => (
            <li key={`${mark.id} ${mark.startMs}`}>
              <Seen name={name} mark={mark} isHere={mark.startMs === here.value} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Seen({ name, mark, isHere }: { readonly name: string; readonly mark: Mark; readonly isHere: boolean }) {
  const { language } = voice();
  return (
    <button type="button" aria-current={isHere ? 'true' : undefined} onClick={() => seek(mark.startMs - LEAD_MS, true)}>
      <Thumb name={name} ms={mark.startMs} />
      <Facts mark={mark} language={language} />
    </button>
  );
}

export function Facts({ mark, language }: { readonly mark: Mark; readonly language: string }) {
  const words = clipWords.value;
  const what = kindName(mark.type, words);
  return (
    <span class="seen-facts">
      <b>
        <bdi>{mark.count > 1 ? words.severalSeen(what, number(mark.count, 0, language)) : what}</bdi>
      </b>
      <span class="dim digits">{clock(mark.startMs, language)}</span>
      {mark.text !== '' && (
        <span class="dim text-told">
          <bdi>{mark.text}</bdi>
        </span>
      )}
    </span>
  );
}
