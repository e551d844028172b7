import { useEffect } from 'preact/hooks';
import type { Deletion } from '../../api-client/recordings/range-deletions.ts';
import { isMe } from '../../api-client/session.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { cameraTitle } from '../../cameras/camera-title.ts';
import { deletionChanges, restoreRecordings } from '../../clips/restore-recordings.ts';
import { nowMs } from '../../shell/page-state.ts';
import { dayName } from '../../words/dates.ts';
import { clockSeconds, moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { libraryWords } from '../../words/settings/library.ts';
import { words } from '../../words/words.ts';

/** Deleted recordings that can still be restored. */
export function DeletedRecordings() {
  const intl = i18n();
  const { language } = intl;
  const t = libraryWords.value;
  const address = 'v3/recordings/deletions?itemsPerPage=1000';
  const { value, again } = usePolled<{ readonly items: readonly Deletion[] }>(address, 'normal');
  const changes = deletionChanges.value;
  useEffect(again, [changes]);
  const items = value?.items.filter(({ undoUntil }) => undoUntil !== null) ?? [];
  if (items.length === 0) {
    return null;
  }
  return (
    <section class="deleted-recordings" aria-labelledby="deleted-title">
      <h2 id="deleted-title">{t.recentlyDeleted}</h2>
      <ul class="card">
        {items.map(({ id, path, start, end, by, undoUntil }) => {
          const [startMs, endMs] = [Date.parse(start), Date.parse(end)];
          const until = moment(Date.parse(undoUntil ?? ''), nowMs.value, i18n());
          return (
            <li key={id}>
              <span class="grow">
                <b>
                  <bdi>{cameraTitle(path)}</bdi>
                </b>
                <span class="small digits">
                  {dayName(startMs, nowMs.value, intl)},{' '}
                  {t.fromTo(clockSeconds(startMs, language), clockSeconds(endMs, language))}
                </span>
                <span class="small dim digits">
                  {by === null || isMe(by) ? t.undoUntil(until) : t.deletedBy(by, until)}
                </span>
              </span>
              <button class="text" type="button" onClick={() => void restoreRecordings(id)}>
                {words.value.undo}
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
