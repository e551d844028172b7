import { useState } from 'preact/hooks';
import type { UserItem } from '../../../api-client/api-types.ts';
import { session } from '../../../api-client/session.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { cameraSelectionText } from '../../../people/access-fields.tsx';
import { expiryText } from '../../../people/link-expiry.ts';
import type { CameraSelection, GuestItem } from '../../../people/people.ts';
import { viewsLink } from '../../../people/view-text.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { route } from '../../../shell/route.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { Icon } from '../../../ui/icons/icon.tsx';
import { lazyPage } from '../../../ui/lazy/lazy-page.tsx';
import { SearchedCard } from '../../../ui/lists/searched-list.tsx';
import { moment } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { peopleWords } from '../../../words/settings/people.ts';
import { FeatureRows } from '../../features/feature-rows.tsx';
import { DevicePasswords } from './device-passwords.tsx';
import { GuestLinkSheet, GuestSheet } from './guest-sheet.tsx';
import { PersonSheet } from './person-sheet.tsx';
import { You } from './you.tsx';

const Views = lazyPage(() => import('./views.tsx').then((page) => page.ViewsPage));

interface Items<T> {
  readonly items: readonly T[];
}

/** People, links and device passwords, and the user's own settings. */
export function PeoplePage() {
  const hasOwner = session.value?.claimed === true;
  const part = route.value.page === 'settings' ? route.value.part : undefined;
  if (part === 'views') {
    return <Views.Page />;
  }
  return (
    <>
      <h2 class="title wide-only">{peopleWords.value.people}</h2>
      {hasOwner && <Persons />}
      {hasOwner && <GuestLinks />}
      {hasOwner && <DevicePasswords />}
      {hasOwner && (
        <div class="card">
          <Row icon="clock" title={peopleWords.value.views} text={peopleWords.value.viewsText} href={viewsLink()} />
          <FeatureRows section="people" />
        </div>
      )}
      <You />
    </>
  );
}

function Persons() {
  const t = peopleWords.value;
  const { language } = i18n();
  const { value, again } = usePolled<Items<UserItem>>('v3/users?itemsPerPage=1000', 'slow');
  const [edited, setEdited] = useState<{ readonly user: UserItem | undefined }>();
  const users = value?.items ?? [];
  return (
    <section class="persons add-below">
      <SearchedCard items={users} textOf={({ name }) => name}>
        {(user) => (
          <Row
            key={user.name}
            {...(user.role === 'owner'
              ? { before: <Initial name={t.owner} isOwner />, title: t.owner, text: t.chooseAll, value: t.itIsYou }
              : {
                  before: <Initial name={user.name} />,
                  title: user.name,
                  text: rightsText(mayText(user), user.cameras, language),
                  onClick: () => setEdited({ user }),
                })}
          />
        )}
      </SearchedCard>
      <Button onClick={() => setEdited({ user: undefined })}>
        <Icon name="plus" small />
        {t.addPerson}
      </Button>
      {edited && (
        <PersonSheet
          user={edited.user}
          taken={users.map(({ name }) => name)}
          onChanged={again}
          onClosed={() => setEdited(undefined)}
        />
      )}
    </section>
  );
}

const Initial = ({ name, isOwner }: { readonly name: string; readonly isOwner?: boolean }) => (
  <span class={isOwner ? 'initial own' : 'initial'} aria-hidden="true">
    {[...name][0]?.toLocaleUpperCase()}
  </span>
);

function mayText({ live, recordings }: Pick<UserItem, 'live' | 'recordings'>): string {
  const t = peopleWords.value;
  return !recordings ? t.liveOnly : live ? t.liveAndRecordings : t.recordingsOnly;
}

const rightsText = (first: string, seen: CameraSelection, language: string): string =>
  `${first} · ${cameraSelectionText(seen, language)}`;

const linkMayText = (link: GuestItem): string => (link.clip ? peopleWords.value.oneClip : mayText(link));

/** What a guest link shows: its cameras, or camera and moment of its clip. */
const seenText = ({ clip, paths }: GuestItem, language: string): string =>
  clip
    ? `${cameraSelectionText([clip.path], language)} · ${moment(Date.parse(clip.start), nowMs.value, i18n())}`
    : cameraSelectionText(paths, language);

function GuestLinks() {
  const t = peopleWords.value;
  const { language } = i18n();
  const { value, again } = usePolled<Items<GuestItem>>('v3/guests?itemsPerPage=1000', 'slow');
  const [isNew, setNew] = useState(false);
  const [shown, setShown] = useState<GuestItem>();
  const links = value?.items ?? [];
  const titleOf = (link: GuestItem) => [link.note, seenText(link, language)].filter(Boolean).join(' · ');
  const endOf = ({ over, until }: GuestItem) =>
    over ? t.linkEnded : t.endsAt(expiryText(Date.parse(until), nowMs.value, language, t));
  return (
    <section class="guest-links add-below">
      <h2>{t.guestLinks}</h2>
      {links.length > 0 ? (
        <SearchedCard items={links} textOf={titleOf}>
          {(link) => (
            <Row
              key={link.id}
              icon="link"
              title={titleOf(link)}
              text={`${linkMayText(link)} · ${endOf(link)}`}
              onClick={() => setShown(link)}
            />
          )}
        </SearchedCard>
      ) : (
        <p class="dim">{t.guestLinksText}</p>
      )}
      <Button onClick={() => setNew(true)}>
        <Icon name="link" small />
        {t.newGuestLink}
      </Button>
      {isNew && <GuestSheet onChanged={again} onClosed={() => setNew(false)} />}
      {shown && (
        <GuestLinkSheet
          title={shown.note || seenText(shown, language)}
          text={`${linkMayText(shown)} · ${seenText(shown, language)} · ${endOf(shown)}`}
          id={shown.id}
          onChanged={again}
          onClosed={() => setShown(undefined)}
        />
      )}
    </section>
  );
}
