import type { DiskItem } from '../../api-client/api-types.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { settingsLink } from '../../shell/route.ts';
import { MessageCard } from '../../ui/feedback/message-card.tsx';
import { storageWords } from '../../words/settings/storage.ts';
import { diskTroubles } from '../settings/storage/storage-data.ts';

/** The most serious disk trouble, once for all cameras. For the owner. */
export function DiskTrouble() {
  const t = storageWords.value;
  const { value } = usePolled<{ readonly items: readonly DiskItem[] }>('v3/disks', 'normal', {
    news: ['disk', 'config'],
  });
  const [trouble] = diskTroubles(value?.items ?? []);
  const titles = {
    gone: t.diskGone,
    full: t.diskFull,
    failing: t.diskFailing,
    readOnly: t.diskReadOnly,
    stuck: t.diskStuck,
    slowing: t.diskSlowing,
  };
  return trouble ? (
    <div class="on-grid">
      <MessageCard icon="disk" tone="bad" title={titles[trouble]}>
        <a class="button" href={settingsLink('storage')}>
          {t.storage}
        </a>
      </MessageCard>
    </div>
  ) : null;
}
