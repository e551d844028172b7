import { useRef } from 'preact/hooks';
import { mayPlayBack } from '../../api-client/recordings/recordings.ts';
import { laneFor } from '../../timeline/lane-data.ts';
import { textScale } from '../../timeline/scene.ts';
import { atMs, clip, fromMs, LEAD_MS, toMs } from '../../timeline/view.ts';
import { number } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { Thumbnail } from '../thumbnail.tsx';
import { EventCaption } from './event-caption.tsx';
import { groupEvents } from './event-labels.ts';

/** Two lines of text at the usual size; large letters are higher than the picture. */
const TEXT_PX = 44;

/** Thumbnails of events along the upright timeline. They ignore pointers; a tap on the timeline goes to the event. */
export function EventThumbnails({ name }: { readonly name: string }) {
  const { language } = i18n();
  const whole = useRef<HTMLDivElement>(null);
  const window = { fromMs: fromMs.value, toMs: toMs.value };
  const length = window.toMs - window.fromMs;
  if (!mayPlayBack(name) || clip.value) {
    return null;
  }
  const px = whole.current?.clientHeight || 400;
  // Minimum distance between thumbnails.
  const room = (Math.max(58, TEXT_PX * textScale()) / px) * length;
  const at = atMs.value ?? window.toMs;
  const shown = groupEvents(laneFor(name, window).events, room, at, LEAD_MS).filter(
    ({ mark: { startMs } }) => startMs > window.fromMs - room && startMs < window.toMs + room,
  );
  return (
    <div class="event-thumbnails" ref={whole} aria-hidden="true">
      {shown.map(({ mark, more }) => (
        <div
          key={`${mark.id} ${mark.startMs}`}
          style={{ transform: `translateY(${px * (1 - (mark.startMs - window.fromMs) / length)}px)` }}
        >
          <Thumbnail name={name} ms={mark.startMs} />
          <EventCaption event={mark} language={language} />
          {more > 0 && <span class="dim digits more-events">+{number(more, 0, language)}</span>}
        </div>
      ))}
    </div>
  );
}
