import { useState } from 'preact/hooks';
import type { DiskItem, MountedDisk, StorageUse } from '../../../api-client/api-types.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { Empty } from '../../../live/notices.tsx';
import { clipsLink } from '../../../shell/route.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { byteSize } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { storageWords } from '../../../words/settings/storage.ts';
import { FeatureRows } from '../../features/feature-rows.tsx';
import { CameraUsage } from './camera-usage.tsx';
import { DiskChoiceSheet } from './disk-choice.tsx';
import { Disks } from './disk-list.tsx';
import { FreeSpace } from './free-space.tsx';
import { retentionLength } from './retention-length.ts';
import { type Drive, filledOf, oneOfEach, reachOf } from './storage-data.ts';
import { StorageWarnings } from './storage-warnings.tsx';

interface Items<T> {
  readonly items: readonly T[];
}

/** Length of the recordings, use by camera, and disks. */
export function StoragePage() {
  const t = storageWords.value;
  const use = usePolled<StorageUse>('v3/recordings/usage', 'normal', { news: ['config'] });
  const disks = usePolled<Items<DiskItem>>('v3/disks', 'normal', { news: ['disk', 'config'] });
  const mounts = usePolled<Items<MountedDisk>>('v3/disks/places', 'slow', { news: ['config'] });
  const system = usePolled<{ readonly drives: readonly Drive[] }>('v3/system', 'slow');
  const clips = usePolled<{ readonly itemCount: number }>('v3/recordings/protected?itemsPerPage=1', 'slow');
  const [isChoosing, setChoosing] = useState(false);
  if (!use.value || !disks.value || !mounts.value) {
    return <div class="skeleton block" />;
  }
  const shown = oneOfEach(disks.value.items, mounts.value.items);
  const drives = system.value?.drives ?? [];
  const kept = clips.value?.itemCount ?? 0;
  return (
    <>
      <h2 class="visually-hidden">{t.storage}</h2>
      <StorageWarnings disks={shown} drives={drives} mounts={mounts.value.items} onMakeRoom={() => setChoosing(true)} />
      <Headline use={use.value} disks={shown} />
      <CameraUsage use={use.value} onDeleted={use.again} />
      <section>
        <h3>{t.disks}</h3>
        <Disks disks={shown} mounts={mounts.value.items} drives={drives} />
        <Button onClick={() => setChoosing(true)}>{t.otherDisk}</Button>
      </section>
      <FreeSpace disks={shown} recordedBytes={use.value.bytes} />
      <div class="card">
        <FeatureRows section="storage" />
      </div>
      {kept > 0 && (
        <div class="card">
          <Row icon="lock" title={t.savedClips} text={t.clips(kept)} href={clipsLink()} />
        </div>
      )}
      {isChoosing && (
        <DiskChoiceSheet
          mounts={mounts.value.items}
          bytesPerDay={use.value?.bytesPerDay ?? undefined}
          onClosed={() => setChoosing(false)}
          onChanged={mounts.again}
        />
      )}
    </>
  );
}

/** One sentence with one number. */
function Headline({ use, disks }: { readonly use: StorageUse; readonly disks: readonly DiskItem[] }) {
  const { language } = i18n();
  const t = storageWords.value;
  const reach = reachOf(use);
  const filled = filledOf(disks);
  return (
    <section>
      {reach ? (
        <>
          <p class="headline">{retentionLength(reach.days, language)}</p>
          <p class="dim">{{ now: t.reachesNow, age: t.keptByAge, space: t.howFarBack }[reach.by]}</p>
        </>
      ) : (
        <Empty title={t.nothingYet} text={t.nothingYetText} />
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
            <span>{t.usedOf(byteSize(filled.usedBytes, language), byteSize(filled.totalBytes, language))}</span>
            {use.bytesPerDay !== null && <span class="dim">{t.aDay(byteSize(use.bytesPerDay, language))}</span>}
          </p>
        </>
      )}
    </section>
  );
}
