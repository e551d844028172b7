import { useState } from 'preact/hooks';
import { useAsked } from '../../../api-client/use-polled.ts';
import { Empty } from '../../../live/notices.tsx';
import { Button } from '../../../ui/controls/button.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { voice } from '../../../words/i18n.ts';
import { byteSize } from '../../../words/format.ts';
import { storageWords } from '../../../words/storage.ts';
import type { RecordingDisk, StorageUse } from '../cameras/camera-settings.ts';
import { Disks } from './disk-list.tsx';
import { type Drive, filledOf, oneOfEach, type Place, reachOf } from './storage-data.ts';
import { KeepFree } from './free-space.tsx';
import { PlacesSheet } from './disk-choice.tsx';
import { type ProtectedClip, ProtectedSheet } from './protected-clips.tsx';
import { reachWords } from './retention-length.ts';
import { DiskSays } from './storage-warnings.tsx';
import { CameraUses } from './camera-usage.tsx';

const LOOK_MS = 10_000;
const SELDOM_MS = 30_000;

interface Items<T> {
  readonly items: readonly T[];
}

/** How far back, what each camera takes, and the disks. */
export function StoragePage() {
  const say = storageWords.value;
  const use = useAsked<StorageUse>('v3/recordings/usage', { everyMs: LOOK_MS, news: ['config'] });
  const disks = useAsked<Items<RecordingDisk>>('v3/disks', { everyMs: LOOK_MS, news: ['disk', 'config'] });
  const places = useAsked<Items<Place>>('v3/disks/places', { everyMs: SELDOM_MS, news: ['config'] });
  const system = useAsked<{ readonly drives: readonly Drive[] }>('v3/system', { everyMs: SELDOM_MS });
  const clips = useAsked<Items<ProtectedClip>>('v3/recordings/protected?itemsPerPage=1000', { everyMs: SELDOM_MS });
  const [open, setOpen] = useState<'places' | 'clips'>();
  const close = () => setOpen(undefined);
  if (!use.value || !disks.value || !places.value) {
    return <div class="skeleton block" />;
  }
  const shown = oneOfEach(disks.value.items, places.value.items);
  const drives = system.value?.drives ?? [];
  const kept = clips.value?.items ?? [];
  return (
    <>
      <h2 class="unseen">{say.storage}</h2>
      <DiskSays disks={shown} drives={drives} places={places.value.items} onMakeRoom={() => setOpen('places')} />
      <Headline use={use.value} disks={shown} />
      <CameraUses use={use.value} onDeleted={use.again} />
      <section>
        <h3>{say.disks}</h3>
        <Disks disks={shown} places={places.value.items} drives={drives} />
        <Button onClick={() => setOpen('places')}>{say.otherDisk}</Button>
      </section>
      <KeepFree />
      {kept.length > 0 && (
        <div class="card">
          <Row icon="lock" title={say.protectedClips} text={say.clips(kept.length)} onClick={() => setOpen('clips')} />
        </div>
      )}
      {open === 'places' && (
        <PlacesSheet
          places={places.value.items}
          bytesPerDay={use.value?.bytesPerDay ?? undefined}
          onClosed={close}
          onChanged={places.again}
        />
      )}
      {open === 'clips' && <ProtectedSheet clips={kept} onClosed={close} onChanged={clips.again} />}
    </>
  );
}

/** One sentence with one number. */
function Headline({ use, disks }: { readonly use: StorageUse; readonly disks: readonly RecordingDisk[] }) {
  const { language } = voice();
  const say = storageWords.value;
  const reach = reachOf(use);
  const filled = filledOf(disks);
  return (
    <section>
      {reach ? (
        <>
          <p class="headline">{reachWords(reach.days, language)}</p>
          <p class="dim">{reach.isNow ? say.reachesNow : say.howFarBack}</p>
        </>
      ) : (
        <Empty title={say.nothingYet} text={say.nothingYetText} />
      )}
      {filled && (
        <>
          <meter
            class="filled"
            min={0}
            max={filled.totalBytes}
            value={filled.usedBytes}
            style={{ '--share': `${(filled.usedBytes / filled.totalBytes) * 100}%` }}
            aria-hidden="true"
          />
          <p class="ends small digits">
            <span>{say.usedOf(byteSize(filled.usedBytes, language), byteSize(filled.totalBytes, language))}</span>
            {use.bytesPerDay !== null && <span class="dim">{say.aDay(byteSize(use.bytesPerDay, language))}</span>}
          </p>
        </>
      )}
    </section>
  );
}
