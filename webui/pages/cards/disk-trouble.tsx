import { useAsked } from '../../api-client/use-polled.ts';
import { settingsLink } from '../../shell/route.ts';
import { Say } from '../../ui/feedback/message-card.tsx';
import { storageWords } from '../../words/storage.ts';
import type { RecordingDisk } from '../settings/cameras/camera-settings.ts';
import { diskTroubles } from '../settings/storage/storage-data.ts';

const LOOK_MS = 10_000;

/** Why nothing is recorded, once for all cameras: the gravest trouble of the disks, with the way to them. For the owner. */
export function DiskTrouble() {
  const say = storageWords.value;
  const { value } = useAsked<{ readonly items: readonly RecordingDisk[] }>('v3/disks', {
    ...{ everyMs: LOOK_MS, news: ['disk', 'config'] },
  });
  const [trouble] = diskTroubles(value?.items ?? []);
  const titles = {
    ...{ gone: say.diskGone, full: say.diskFull, failing: say.diskFailing },
    ...{ readOnly: say.diskReadOnly, stuck: say.diskStuck },
  };
  return trouble ? (
    <div class="on-grid">
      <Say icon="disk" tone="bad" title={titles[trouble]}>
        <a class="button" href={settingsLink('storage')}>
          {say.storage}
        </a>
      </Say>
    </div>
  ) : null;
}
