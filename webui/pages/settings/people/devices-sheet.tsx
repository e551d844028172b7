import type { SessionItem } from '../../../api-client/api-types.ts';
import { fetchJson, RequestError } from '../../../api-client/request.ts';
import { session } from '../../../api-client/session.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { attempt } from '../../../ui/feedback/toast-failure.ts';
import { SearchedList } from '../../../ui/lists/searched-list.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { moment } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { youWords } from '../../../words/settings/you.ts';

/** Browser sessions; the owner sees those of all people. */
export function DevicesSheet({ onClosed }: { readonly onClosed: () => void }) {
  const t = youWords.value;
  const { value, again } = usePolled<{ readonly items: readonly SessionItem[] }>(
    'v3/sessions?itemsPerPage=1000',
    'normal',
  );
  const items = (value?.items ?? []).toSorted((a, b) => Date.parse(b.lastUsed) - Date.parse(a.lastUsed));
  const own = session.value?.user;
  const others = items.filter(({ user, current }) => user === own && !current);
  const end = async (ended: readonly SessionItem[]) => {
    await attempt(async () => {
      for (const { id } of ended) {
        await fetchJson(`v3/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' }).catch(unlessGone);
      }
      if (ended === others) {
        toast(youWords.peek().othersAreOut);
      }
    });
    again();
  };
  return (
    <Sheet title={t.devices} onClosed={onClosed}>
      <p class="dim small">{t.devicesText}</p>
      <SearchedList
        items={[...items.filter(({ current }) => current), ...items.filter(({ current }) => !current)]}
        textOf={({ user, device, address }) => `${user} ${device} ${address}`}
      >
        {(found) => (
          <ul class="card devices">
            {found.map((item) => (
              <Device key={item.id} item={item} isOwn={item.user === own} onEnd={() => end([item])} />
            ))}
          </ul>
        )}
      </SearchedList>
      {others.length > 1 && (
        <Button danger onClick={() => end(others)}>
          {t.logOutOthers}
        </Button>
      )}
    </Sheet>
  );
}

/** The session has ended meanwhile. */
function unlessGone(error: unknown): void {
  if (!(error instanceof RequestError && error.status === 404)) {
    throw error;
  }
}

interface DeviceProps {
  readonly item: SessionItem;
  readonly isOwn: boolean;
  readonly onEnd: () => void;
}

function Device({ item, isOwn, onEnd }: DeviceProps) {
  const t = youWords.value;
  const device = item.device || t.unknownDevice;
  const seen = item.current ? t.thisDevice : t.lastUsed(moment(Date.parse(item.lastUsed), nowMs.value, i18n()));
  return (
    <li class="line">
      <span class="grow">
        <b>
          <bdi>{isOwn ? device : `${item.user} · ${device}`}</bdi>
        </b>
        <span class="small dim break">
          {seen} · {item.address}
        </span>
      </span>
      {!item.current && (
        <Button kind="text" danger label={t.logOutNamed(device)} onClick={onEnd}>
          {t.logOutDevice}
        </Button>
      )}
    </li>
  );
}
