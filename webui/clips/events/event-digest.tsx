import { useEffect, useState } from 'preact/hooks';
import { type EventCounts, fetchEventCounts } from '../../api-client/recordings/event-list.ts';
import { cameraTitle } from '../../cameras/camera-title.ts';
import { cameras } from '../../cameras/cameras.ts';
import { clipWords } from '../../words/clips.ts';
import { nextDay, number } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { digestOf, isStatusEvent } from './event-labels.ts';

interface EventDigestProps {
  readonly dayMs: number;
  /** Undefined: all cameras. */
  readonly path: string | undefined;
  /** What is counted: with another one the numbers have changed. */
  readonly of: string;
}

/** Numbers of events of a day: in total, by kind and by camera. */
export function EventDigest({ dayMs, path, of }: EventDigestProps) {
  const [counts, setCounts] = useState<EventCounts>([]);
  useEffect(() => {
    const stop = new AbortController();
    // Without an answer the list is still complete.
    fetchEventCounts(dayMs, nextDay(dayMs), stop.signal).then(setCounts, () => {});
    return () => stop.abort();
  }, [dayMs, of]);
  const { language } = i18n();
  const words = clipWords.value;
  const listed = listedCounts(counts, path);
  const { total, kinds, paths } = digestOf(listed, words);
  const line = (parts: readonly (readonly [string, number])[]) =>
    parts.map(([name, count]) => `${name}\u00a0${number(count, 0, language)}`).join('\u00a0· ');
  return (
    <p class="digest dim">
      <span>{total > 0 ? words.eventCountOf(words.eventCount(total), line(kinds)) : '\u00a0'}</span>
      {paths.length > 1 && (
        <span>
          <bdi>{line(paths.map(([name, count]) => [cameraTitle(name), count]))}</bdi>
        </span>
      )}
    </p>
  );
}

/** The state of a sub stream follows that of its main stream, and a new address needs no number. */
const listedCounts = (counts: EventCounts, path: string | undefined): EventCounts =>
  counts.filter(
    (one) =>
      (path ?? one.path) === one.path &&
      one.type !== 'perch.moved' &&
      (!isStatusEvent(one) || !cameras.value?.some(({ sub }) => sub?.name === one.path)),
  );
