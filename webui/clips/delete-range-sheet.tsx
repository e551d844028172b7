import { useEffect, useRef, useState } from 'preact/hooks';
import { deleteRange, forecastDeletion, type RangeForecast } from '../api-client/recordings/range-deletions.ts';
import { Button } from '../ui/controls/button.tsx';
import { toast } from '../ui/feedback/toast.tsx';
import { toastFailure } from '../ui/feedback/toast-failure.ts';
import { Sheet } from '../ui/sheet/sheet.tsx';
import { longDay } from '../words/dates.ts';
import { byteSize, clockSeconds, duration } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { libraryWords } from '../words/settings/library.ts';
import { words } from '../words/words.ts';
import type { Clip } from './clip.ts';
import { clearClip } from './clip-selection.ts';
import { refreshAfterDeletion, restoreRecordings } from './restore-recordings.ts';

interface DeleteRangeSheetProps {
  readonly name: string;
  readonly title: string;
  readonly clip: Clip;
  readonly onClosed: () => void;
}

/** Asks before it deletes the recordings of the selection. */
export function DeleteRangeSheet({ name, title, clip, onClosed }: DeleteRangeSheetProps) {
  const { language } = i18n();
  const t = libraryWords.value;
  const { startMs, endMs } = clip;
  const [forecast, setForecast] = useState<RangeForecast>();
  const [isBusy, setBusy] = useState(false);
  const [isDone, setDone] = useState(false);
  const isDeleted = useRef(false);
  const closed = () => {
    onClosed();
    // The selection is cleared only now, because this sheet is a part of its panel.
    if (isDeleted.current) {
      clearClip();
    }
  };
  useEffect(() => {
    forecastDeletion(name, clip).then(setForecast, toastFailure);
  }, []);
  const remove = async () => {
    setBusy(true);
    try {
      const { id } = await deleteRange(name, clip);
      isDeleted.current = true;
      setDone(true);
      refreshAfterDeletion({ name, startMs, endMs });
      toast(t.rangeDeleted, () => void restoreRecordings(id));
    } catch (error) {
      toastFailure(error);
      setBusy(false);
    }
  };
  return (
    <Sheet
      title={t.deleteRangeTitle}
      isDone={isDone}
      onClosed={closed}
      foot={
        <>
          <Button
            kind="main"
            danger
            isOff={!forecast || forecast.recordedMs === 0}
            busy={isBusy && t.deletingRange}
            onClick={() => void remove()}
          >
            {t.deleteRange}
          </Button>
          <Button onClick={() => setDone(true)}>{words.value.cancel}</Button>
        </>
      }
    >
      <p>
        <b>
          <bdi>{title}</bdi>
        </b>
        <br />
        <span class="digits">
          {longDay(startMs, language)} · {t.fromTo(clockSeconds(startMs, language), clockSeconds(endMs, language))}
        </span>
      </p>
      {forecast && <Forecast forecast={forecast} />}
    </Sheet>
  );
}

function Forecast({ forecast: { recordedMs, bytes, freedBytes, kept } }: { readonly forecast: RangeForecast }) {
  const intl = i18n();
  const { language } = intl;
  const t = libraryWords.value;
  const size = (value: number) => byteSize(value, language);
  return (
    <>
      <p role="status">{recordedMs === 0 ? t.nothingToDelete : t.rangeSize(duration(recordedMs, intl), size(bytes))}</p>
      {kept.length > 0 && (
        <section class="kept-clips">
          <h3>{t.keptClips}</h3>
          <ul>
            {kept.map(({ id, startMs, endMs, note }) => (
              <li key={id}>
                <span class="digits">{t.fromTo(clockSeconds(startMs, language), clockSeconds(endMs, language))}</span>
                {note !== '' && (
                  <>
                    {' · '}
                    <bdi>{note}</bdi>
                  </>
                )}
              </li>
            ))}
          </ul>
        </section>
      )}
      {recordedMs > 0 && (
        <p class="dim small">
          {t.undoForTenMinutes} {freedBytes < bytes && t.partlyFreed(size(freedBytes))}
        </p>
      )}
    </>
  );
}
