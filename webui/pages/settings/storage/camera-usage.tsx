import { useState } from 'preact/hooks';
import { notDoneWords } from '../../../api-client/error-text.ts';
import { useAsked } from '../../../api-client/use-polled.ts';
import { cameras } from '../../../cameras/cameras.ts';
import { titleOf } from '../../../cameras/camera.ts';
import { SmallPicture } from '../../../live/camera-thumbnail.tsx';
import { cameraSettingsLink } from '../../../shell/route.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { voice } from '../../../words/i18n.ts';
import { Icon } from '../../../ui/icons/icon.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { camerasWords } from '../../../words/cameras.ts';
import { byteSize } from '../../../words/format.ts';
import { storageWords } from '../../../words/storage.ts';
import { words } from '../../../words/words.ts';
import { keeping, keepsWords } from '../cameras/status-line.ts';
import {
  FOR_EVER,
  fewerDays,
  type PathConfig,
  type PathUse,
  recordWhen,
  type StorageUse,
} from '../cameras/camera-settings.ts';
import { deleteRecordings } from '../cameras/delete-recordings.ts';
import { spanWords } from '../cameras/span-words.ts';
import { byCamera } from './storage-data.ts';
import { reachWords } from './retention-length.ts';

const LOOK_MS = 60_000;

interface UsesProps {
  readonly use: StorageUse;
  readonly onDeleted: () => void;
}

/** What each camera's recordings take, the largest first. */
export function CameraUses({ use, onDeleted }: UsesProps) {
  const configs = useAsked<{ readonly items: readonly PathConfig[] }>('v3/config/paths/list?itemsPerPage=1000', {
    everyMs: LOOK_MS,
    news: ['config'],
  });
  const [removed, setRemoved] = useState<PathUse>();
  const items = byCamera(use.items);
  return items.length === 0 ? null : (
    <section>
      <h3 class="unseen">{storageWords.value.byCamera}</h3>
      <ul class="card">
        {items.map((item) => (
          <li key={item.path}>
            <UseRow
              use={item}
              config={configs.value?.items.find(({ name }) => name === item.path)}
              onRemoved={() => setRemoved(item)}
            />
          </li>
        ))}
      </ul>
      {removed && <RemovedSheet use={removed} onClosed={() => setRemoved(undefined)} onDeleted={onDeleted} />}
    </section>
  );
}

interface UseRowProps {
  readonly use: PathUse;
  readonly config: PathConfig | undefined;
  readonly onRemoved: () => void;
}

function UseRow({ use, config, onRemoved }: UseRowProps) {
  const { language } = voice();
  const camera = cameras.value?.find(({ name }) => name === use.path);
  const { text, isShort } = daysWords(use, config);
  const inside = (
    <>
      <SmallPicture camera={camera} />
      <span class="grow">
        <b>
          <bdi>{nameOf(use)}</bdi>
        </b>
        <span class={isShort ? 'small warn' : 'small dim'}>{text}</span>
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

const nameOf = ({ path, title }: PathUse): string =>
  cameras.value?.find(({ name }) => name === path)?.title ?? titleOf({ name: path, title });

/** `30 days wanted, 26 fit`, `keeps 14 days`, `on motion`. */
function daysWords(use: PathUse, config: PathConfig | undefined): { readonly text: string; readonly isShort: boolean } {
  const say = storageWords.value;
  if (!use.configured) {
    return { text: say.wasRemoved, isShort: false };
  }
  const wanted = use.wantedDays ?? FOR_EVER;
  const fits = fewerDays(use, wanted);
  if (fits !== undefined && Math.floor(fits) < Math.round(wanted)) {
    const days = Math.round(wanted);
    const { language } = voice();
    const text =
      fits >= 1 ? say.wantedAndFit(days, Math.floor(fits)) : say.wantedAndLessFits(days, reachWords(fits, language));
    return { text, isShort: true };
  }
  return { text: config && recordWhen(config) !== 'always' ? keeping(config) : keepsWords(wanted), isShort: false };
}

interface RemovedProps {
  readonly use: PathUse;
  readonly onClosed: () => void;
  readonly onDeleted: () => void;
}

/** Recordings of a camera that is not there any more. */
function RemovedSheet({ use, onClosed, onDeleted }: RemovedProps) {
  const { language } = voice();
  const say = storageWords.value;
  const [isBusy, setBusy] = useState(false);
  const [isDone, setDone] = useState(false);
  const remove = async () => {
    setBusy(true);
    try {
      const { bytes, kept } = await deleteRecordings(use.path);
      const more = kept > 0 ? ` ${camerasWords.peek().keptSome(kept)}` : '';
      toast(storageWords.peek().deleted(byteSize(bytes, language)) + more);
      onDeleted();
      setDone(true);
    } catch (error) {
      toast(notDoneWords(error));
    }
    setBusy(false);
  };
  return (
    <Sheet
      title={say.removedTitle(nameOf(use))}
      isDone={isDone}
      onClosed={onClosed}
      foot={
        <>
          <Button busy={isBusy && words.value.saving} onClick={() => void remove()}>
            <span class="bad">{say.deleteAll(byteSize(use.bytes, language))}</span>
          </Button>
          <p class="dim small">{say.deleteSure}</p>
        </>
      }
    >
      <p>{use.wantedDays === null ? say.removedText : say.removedKept(formatDuration(use.wantedDays))}</p>
    </Sheet>
  );
}
