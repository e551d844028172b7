import { useState } from 'preact/hooks';
import type { UserItem, ViewItem } from '../../../api-client/api-types.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { cameraTitle } from '../../../cameras/camera-title.ts';
import type { DeviceItem, GuestItem } from '../../../people/people.ts';
import { spanText, viewsLink } from '../../../people/view-text.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { route, settingsLink } from '../../../shell/route.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { LowerPageHeader } from '../../../ui/controls/lower-page-header.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { SearchedChoice } from '../../../ui/lists/searched-choice.tsx';
import { i18n } from '../../../words/i18n.ts';
import { peopleWords } from '../../../words/settings/people.ts';

const STEP = 100;

interface Items<T> {
  readonly itemCount: number;
  readonly items: readonly T[];
}

/** Viewing history: of all, or of the person in the address. */
export function ViewsPage() {
  const t = peopleWords.value;
  const here = route.value;
  const person = here.page === 'settings' ? here.person : undefined;
  const [count, setCount] = useState(STEP);
  const query = person === undefined ? '' : `&user=${encodeURIComponent(person)}`;
  const { value } = usePolled<Items<ViewItem>>(`v3/views?itemsPerPage=${count}${query}`, 'slow');
  const names = useNames();
  const views = value?.items ?? [];
  const nameOf = (user: string) => names.get(user) ?? (user.startsWith('guest:') ? t.viewGuest('') : user);
  // A removed person stays in the list.
  const listed = new Map(person === undefined ? names : [...names, [person, nameOf(person)]]);
  return (
    <section class="views">
      <LowerPageHeader title={t.views} href={settingsLink('people')} above={t.people} />
      <p class="dim">{t.viewsText}</p>
      <div class="filter">
        <SearchedChoice
          class="chip"
          label={t.viewsPerson}
          value={person ?? EVERYONE}
          options={[[EVERYONE, t.viewsEveryone] as const, ...listed].map(([one, text]) => ({ value: one, text }))}
          onChange={(chosen) => location.replace(viewsLink(chosen === EVERYONE ? undefined : chosen))}
        />
      </div>
      {views.length > 0 && (
        <div class="card">
          {views.map((view) => (
            <Row
              key={`${view.user} ${view.camera} ${view.mode} ${view.address} ${view.from}`}
              icon={view.mode === 'live' ? 'camera' : 'recordings'}
              title={`${nameOf(view.user)} · ${cameraTitle(view.camera)}`}
              text={[
                view.mode === 'live' ? t.viewLive : t.viewRecording,
                spanText(view, nowMs.value, i18n(), t),
                view.address,
              ].join(' · ')}
            />
          ))}
        </div>
      )}
      {value && views.length === 0 && <p class="dim">{t.viewsEmpty}</p>}
      {value && value.itemCount > views.length && <Button onClick={() => setCount(count + STEP)}>{t.viewsMore}</Button>}
    </section>
  );
}

/** Value of the choice of all people; no user has this name. */
const EVERYONE = '*';

/** Shown names by the names of the history. */
function useNames(): ReadonlyMap<string, string> {
  const t = peopleWords.value;
  const users = usePolled<Items<UserItem>>('v3/users?itemsPerPage=1000', 'slow').value?.items ?? [];
  const links = usePolled<Items<GuestItem>>('v3/guests?itemsPerPage=1000', 'slow').value?.items ?? [];
  const devices = usePolled<Items<DeviceItem>>('v3/devicepasswords?itemsPerPage=1000', 'slow').value?.items ?? [];
  return new Map([
    ...users.map(({ name, role }) => [name, role === 'owner' ? t.owner : name] as const),
    ...links.map(({ id, note }) => [`guest:${id}`, t.viewGuest(note)] as const),
    ...devices.map(({ user, name }) => [user, name] as const),
    ['', t.viewNobody] as const,
  ]);
}
