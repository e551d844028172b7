import type { CameraEvent } from '../../api-client/recordings/event-list.ts';
import { eventIcon, eventLabel } from '../../cameras/event-kinds.ts';
import { Icon } from '../../ui/icons/icon.tsx';
import { clipWords } from '../../words/clips.ts';
import { clockSeconds, duration, longDuration, number } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { shownKinds, statusEventText } from './event-labels.ts';

interface FactsProps {
  readonly event: Pick<CameraEvent, 'type' | 'startMs' | 'text'> &
    Partial<Pick<CameraEvent, 'objects'>> & { readonly count?: number };
  /** Camera, if it is not obvious. */
  readonly title?: string | undefined;
  readonly language: string;
}

/** Kinds, time and camera of an event. */
export function EventCaption({ event, title, language }: FactsProps) {
  const { startMs, text, count: times = 1 } = event;
  const words = clipWords.value;
  return (
    <span class="event-caption">
      <b class="kinds">
        {shownKinds(event).map(({ type, count: ofObjects }, i) => {
          const [what, icon] = [eventLabel(type), eventIcon(type)];
          const count = times > 1 ? times : ofObjects;
          return (
            <span key={type}>
              {i > 0 && ' '}
              {icon && <Icon name={icon} small />}
              <bdi>{count > 1 ? words.severalSeen(what, number(count, 0, language)) : what}</bdi>
            </span>
          );
        })}
      </b>
      <Moment ms={startMs} title={title} />
      {text !== '' && (
        <span class="dim event-text">
          <bdi>{text}</bdi>
        </span>
      )}
    </span>
  );
}

const Moment = ({ ms, title }: { readonly ms: number; readonly title: string | undefined }) => (
  <span class="moment dim digits">
    <span>{clockSeconds(ms, i18n().language)}</span> {title !== undefined && <bdi>{title}</bdi>}
  </span>
);

/** Shown in minutes up to here, then in hours. */
const MINUTES_MS = 2 * 3_600_000;

interface AwayProps {
  readonly event: CameraEvent;
  readonly title: string | undefined;
}

/** An outage or new address, as a line. */
export function StatusEventCaption({ event: { type, startMs, endMs }, title }: AwayProps) {
  const { language, words } = i18n();
  const lasted = endMs === undefined ? undefined : endMs - startMs;
  const length = (ms: number) => (ms < MINUTES_MS ? duration(ms, { language, words }) : longDuration(ms, language));
  return (
    <span class="event-caption">
      <span class="dim">
        {statusEventText(type, lasted === undefined ? undefined : length(lasted), clipWords.value)}
      </span>
      <Moment ms={startMs} title={title} />
    </span>
  );
}
