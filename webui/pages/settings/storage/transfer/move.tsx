import { useEffect, useState } from 'preact/hooks';
import { actionErrorText } from '../../../../api-client/error-text.ts';
import { fetchJson } from '../../../../api-client/request.ts';
import { usePolled } from '../../../../api-client/use-polled.ts';
import { settingsLink } from '../../../../shell/route.ts';
import { Button } from '../../../../ui/controls/button.tsx';
import { LowerPageHeader } from '../../../../ui/controls/lower-page-header.tsx';
import { byteSize } from '../../../../words/format.ts';
import { i18n } from '../../../../words/i18n.ts';
import { storageWords } from '../../../../words/settings/storage.ts';
import { transferWords } from '../../../../words/settings/transfer.ts';
import { FolderChoice } from './folder-choice.tsx';
import { type Forecast, isOn, type Place, type Transfer } from './transfer-data.ts';
import { TransferState } from './transfer-state.tsx';

const LOOK_MS = 2_000;
const SELDOM_MS = 30_000;
/** The box counts the recordings, which takes long with many. */
const COUNT_MS = 60_000;
const OTHER = 'other';

/** Settings, Storage, Move recordings: to another disk while recording continues. */
export function MovePage() {
  const t = transferWords.value;
  const { value, again } = usePolled<Transfer>('v3/recordings/transfer', { everyMs: LOOK_MS });
  return (
    <section class="backup-page transfer">
      <LowerPageHeader title={t.move} href={settingsLink('storage')} above={storageWords.value.storage} />
      <p class="dim">{t.moveText}</p>
      {value && value.phase !== 'idle' && <TransferState transfer={value} onChanged={again} />}
      {value && !isOn(value) && <Choice onStarted={again} />}
    </section>
  );
}

function Choice({ onStarted }: { readonly onStarted: () => void }) {
  const { language } = i18n();
  const t = transferWords.value;
  const places = usePolled<{ readonly items: readonly Place[] }>('v3/disks/places', { everyMs: SELDOM_MS });
  const [chosen, setChosen] = useState<string>();
  const [opened, setOpened] = useState('/');
  const [folder, setFolder] = useState<string>();
  if (!places.value) {
    return <div class="skeleton block" />;
  }
  const size = (bytes: number) => byteSize(bytes, language);
  const to = chosen === OTHER ? folder : chosen;
  return (
    <>
      <fieldset class="choices">
        <legend>{t.where}</legend>
        {places.value.items.map((place) => (
          <Option
            key={place.folder}
            title={place.folder}
            text={[
              storageWords.value.freeOf(size(place.freeBytes), size(place.totalBytes)),
              place.isChosen && storageWords.value.recordsNow,
              !place.writable && storageWords.value.notWritable,
            ]}
            isOff={!place.writable}
            isChosen={chosen === place.folder}
            onChoose={() => setChosen(place.folder)}
          />
        ))}
        <Option
          title={t.otherFolder}
          text={[folder ?? t.otherFolderText]}
          isChosen={chosen === OTHER}
          onChoose={() => setChosen(OTHER)}
        />
      </fieldset>
      {chosen === OTHER && folder === undefined && (
        <FolderChoice path={opened} needsWriting onOpen={setOpened} onChoose={setFolder} />
      )}
      {chosen === OTHER && folder !== undefined && (
        <Button kind="text" onClick={() => setFolder(undefined)}>
          {t.changeFolder}
        </Button>
      )}
      {to !== undefined && <Start key={to} to={to} onStarted={onStarted} />}
    </>
  );
}

interface OptionProps {
  readonly title: string;
  readonly text: readonly (string | false)[];
  readonly isOff?: boolean;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

const Option = ({ title, text, isOff = false, isChosen, onChoose }: OptionProps) => (
  <label class="radio-card">
    <input type="radio" name="target" checked={isChosen} disabled={isOff} onChange={onChoose} />
    <span class="grow">
      <b class="folder">
        <bdi>{title}</bdi>
      </b>
      <span class="dim small">{text.filter(Boolean).join(' · ')}</span>
    </span>
  </label>
);

/** What is to be copied, whether it fits, and the start. */
function Start({ to, onStarted }: { readonly to: string; readonly onStarted: () => void }) {
  const { language } = i18n();
  const t = transferWords.value;
  const [forecast, setForecast] = useState<Forecast>();
  const [failure, setFailure] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const body = { kind: 'move', to };
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    fetchJson<Forecast>('v3/recordings/transfer/foresee', { method: 'POST', body, signal, limitMs: COUNT_MS }).then(
      (found) => signal.aborted || setForecast(found),
      (error: unknown) => signal.aborted || setFailure(error),
    );
    return () => stop.abort();
  }, [to]);
  const start = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      await fetchJson('v3/recordings/transfer', { method: 'POST', body, limitMs: COUNT_MS });
      onStarted();
    } catch (error) {
      setFailure(error);
    }
    setBusy(false);
  };
  const size = (bytes: number) => byteSize(bytes, language);
  const missing = forecast?.missingBytes ?? 0;
  return (
    <>
      <div role="status">
        {forecast && (
          <p>
            {forecast.files === 0
              ? t.nothingToMove
              : t.toCopy(size(forecast.bytes), forecast.files, size(forecast.freeBytes))}
          </p>
        )}
        {!forecast && failure === undefined && <p class="dim">{t.counting}</p>}
        {missing > 0 && <p class="warn small">{t.doesNotFit(size(missing))}</p>}
        {failure !== undefined && <p class="bad small">{actionErrorText(failure)}</p>}
      </div>
      <Button kind="main" isOff={!forecast} busy={isBusy && t.starting} onClick={() => void start()}>
        {t.start}
      </Button>
    </>
  );
}
