import { useState } from 'preact/hooks';
import type { StorageUse } from '../../../api-client/api-types.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { titleOf } from '../../../cameras/camera.ts';
import { cameras } from '../../../cameras/cameras.ts';
import { daysText, FOR_EVER } from '../../../forms/days.ts';
import { CameraThumbnail } from '../../../live/camera-thumbnail.tsx';
import { cameraSettingsLink } from '../../../shell/route.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { attempt } from '../../../ui/feedback/toast-failure.ts';
import { Icon } from '../../../ui/icons/icon.tsx';
import { SearchedList } from '../../../ui/lists/searched-list.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { byteSize } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { camerasWords } from '../../../words/settings/cameras.ts';
import { storageWords } from '../../../words/settings/storage.ts';
import { fewerDays, type PathConfig, type PathUse, recordWhen } from '../cameras/data/camera-settings.ts';
import { deleteRecordings } from '../cameras/data/delete-recordings.ts';
import { retentionDaysText, retentionText } from '../cameras/data/status-line.ts';
import { retentionLength } from './retention-length.ts';
import { byCamera } from './storage-data.ts';

interface CameraUsageProps {
  readonly use: StorageUse;
  readonly onDeleted: () => void;
}

/** Use by camera, the largest first. */
export function CameraUsage({ use, onDeleted }: CameraUsageProps) {
  const configs = usePolled<{ readonly items: readonly PathConfig[] }>(
    'v3/config/paths/list?itemsPerPage=1000',
    'slow',
    {
      news: ['config'],
    },
  );
  const [removed, setRemoved] = useState<PathUse>();
  const rows = byCamera(use.items).map((item) => {
    const config = configs.value?.items.find(({ name }) => name === item.path);
    return { item, days: daysShownText(item, config) };
  });
  const shared = sharedShortage(rows.map(({ days }) => days));
  return rows.length === 0 ? null : (
    <section>
      <h3 class="visually-hidden">{storageWords.value.byCamera}</h3>
      {shared !== undefined && <p class="small warn shared-shortage">{shared}</p>}
      <SearchedList items={rows} textOf={({ item }) => pathTitle(item)}>
        {(found) => (
          <ul class="card">
            {found.map(({ item, days }) => (
              <li key={item.path}>
                <UseRow
                  use={item}
                  days={days.isShort && days.text === shared ? undefined : days}
                  onRemoved={() => setRemoved(item)}
                />
              </li>
            ))}
          </ul>
        )}
      </SearchedList>
      {removed && <RemovedSheet use={removed} onClosed={() => setRemoved(undefined)} onDeleted={onDeleted} />}
    </section>
  );
}

interface UseRowProps {
  readonly use: PathUse;
  /** Undefined: shown above the list. */
  readonly days: DaysShown | undefined;
  readonly onRemoved: () => void;
}

function UseRow({ use, days, onRemoved }: UseRowProps) {
  const { language } = i18n();
  const camera = cameras.value?.find(({ name }) => name === use.path);
  const inside = (
    <>
      <CameraThumbnail camera={camera} />
      <span class="grow">
        <b>
          <bdi>{pathTitle(use)}</bdi>
        </b>
        {days && <span class={days.isShort ? 'small warn' : 'small dim'}>{days.text}</span>}
      </span>
      <span class="value digits">{byteSize(use.bytes, language)}</span>
    </>
  );
  return use.configured ? (
    <a class="row" href={cameraSettingsLink(use.path)}>
      {inside}
    </a>
  ) : (
    <button class="row" type="button" onClick={onRemoved}>
      {inside}
      <Icon name="go" />
    </button>
  );
}

const pathTitle = ({ path, title }: PathUse): string =>
  cameras.value?.find(({ name }) => name === path)?.title ?? titleOf({ name: path, title });

interface DaysShown {
  readonly text: string;
  /** Fewer days fit than are wanted. */
  readonly isShort: boolean;
}

/** The shortage of several cameras, as one text. */
function sharedShortage(all: readonly DaysShown[]): string | undefined {
  const texts = all.filter(({ isShort }) => isShort).map(({ text }) => text);
  return texts.find((text, i) => texts.indexOf(text) !== i);
}

/** `Set to 30 days, but only 26 days fit`, `kept for 14 days`, `on motion`. */
function daysShownText(use: PathUse, config: PathConfig | undefined): DaysShown {
  const t = storageWords.value;
  if (!use.configured) {
    return { text: t.wasRemoved, isShort: false };
  }
  const wanted = use.wantedDays ?? FOR_EVER;
  const fits = fewerDays(use, wanted);
  if (fits !== undefined && Math.floor(fits) < Math.round(wanted)) {
    const text = t.wantedAndFit(Math.round(wanted), retentionLength(fits, i18n().language));
    return { text, isShort: true };
  }
  return {
    text: config && recordWhen(config) !== 'always' ? retentionText(config) : retentionDaysText(wanted),
    isShort: false,
  };
}

interface RemovedProps {
  readonly use: PathUse;
  readonly onClosed: () => void;
  readonly onDeleted: () => void;
}

/** Recordings of a removed camera. */
function RemovedSheet({ use, onClosed, onDeleted }: RemovedProps) {
  const { language } = i18n();
  const t = storageWords.value;
  const [isBusy, setBusy] = useState(false);
  const [isDone, setDone] = useState(false);
  const remove = async () => {
    setBusy(true);
    await attempt(async () => {
      const { bytes, kept } = await deleteRecordings(use.path);
      const more = kept > 0 ? ` ${camerasWords.peek().keptSome(kept)}` : '';
      toast(storageWords.peek().deleted(byteSize(bytes, language)) + more);
      onDeleted();
      setDone(true);
    });
    setBusy(false);
  };
  return (
    <Sheet
      title={t.removedTitle(pathTitle(use))}
      isDone={isDone}
      onClosed={onClosed}
      foot={
        <>
          <Button kind="main" danger busy={isBusy && t.deleting} onClick={() => void remove()}>
            {t.deleteAll(byteSize(use.bytes, language))}
          </Button>
          <p class="dim small">{t.deleteSure}</p>
        </>
      }
    >
      <p>{use.wantedDays === null ? t.removedText : t.removedKept(daysText(use.wantedDays))}</p>
    </Sheet>
  );
}
