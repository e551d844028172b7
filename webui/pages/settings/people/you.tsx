import { useState } from 'preact/hooks';
import { logOut } from '../../../api-client/logout.ts';
import { isGuestLinkExpired, session } from '../../../api-client/session.ts';
import { APPEARANCES, type Appearance, appearance, chooseAppearance } from '../../../shell/appearance.ts';
import { LanguageChoice } from '../../../ui/controls/language-choice.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { SegmentedControl } from '../../../ui/controls/segment.tsx';
import { attempt } from '../../../ui/feedback/toast-failure.ts';
import { Icon } from '../../../ui/icons/icon.tsx';
import { lazyPart } from '../../../ui/lazy/lazy-page.tsx';
import { youWords } from '../../../words/settings/you.ts';
import { words } from '../../../words/words.ts';
import { featureCards } from '../../features/table.ts';
import { DevicesSheet } from './devices-sheet.tsx';
import { PasswordSheet } from './password-sheet.tsx';

const SecondFactorSheet = lazyPart(() => import('./second-factor-sheet.tsx').then((part) => part.SecondFactorSheet));

/** The user's own settings: language, appearance, password, logout. */
export function You() {
  const t = words.value;
  const [changesPassword, setChangesPassword] = useState(false);
  const [changesFactor, setChangesFactor] = useState(false);
  const [showsDevices, setShowsDevices] = useState(false);
  const now = session.value;
  return (
    <section class="you">
      <h2>{youWords.value.account}</h2>
      <div class="card">
        <div class="line">
          <Icon name="globe" />
          <span class="grow">{t.languageLabel}</span>
          <LanguageChoice />
        </div>
        {now?.claimed === false && (
          <Row icon="person" title={t.makeYours} text={youWords.value.noOwnerText} href="#/start" />
        )}
        {now?.loggedIn && (
          <Row icon="lock" title={youWords.value.changePassword} onClick={() => setChangesPassword(true)} />
        )}
        {now?.loggedIn && now.role === 'owner' && (
          <Row
            icon="lock"
            title={youWords.value.factor}
            text={now.secondFactor ? youWords.value.factorOn : youWords.value.factorOff}
            onClick={() => setChangesFactor(true)}
          />
        )}
        {now?.loggedIn && now.role !== 'guest' && (
          <Row icon="small" title={youWords.value.devices} onClick={() => setShowsDevices(true)} />
        )}
        {featureCards('you').map(({ part: Card }, i) => (
          <Card key={i} />
        ))}
        {(now?.https || location.protocol === 'https:') && !isInstalled() && (
          <Row icon="download" title={youWords.value.install} text={youWords.value.installText} href="trust" />
        )}
        {now?.loggedIn && <LogOut user={now.user ?? ''} />}
        {now?.claimed && !now.loggedIn && now.role === null && (
          <Row icon="person" title={t.loginButton} href="#/login" />
        )}
      </div>
      {(now?.role === 'viewer' || now?.role === 'guest') && <p class="dim small">{youWords.value.viewsKnown}</p>}
      <AppearanceChoice />
      {changesPassword && <PasswordSheet onClosed={() => setChangesPassword(false)} />}
      {changesFactor && <SecondFactorSheet onClosed={() => setChangesFactor(false)} />}
      {showsDevices && <DevicesSheet onClosed={() => setShowsDevices(false)} />}
    </section>
  );
}

/** The page runs as an app. */
const isInstalled = (): boolean => matchMedia('(display-mode: standalone)').matches;

function AppearanceChoice() {
  const { appearance: label, asSystem, dark, light } = youWords.value;
  const names: Readonly<Record<Appearance, string>> = { system: asSystem, dark, light };
  return (
    <SegmentedControl
      label={label}
      value={appearance.value}
      options={APPEARANCES.map((value) => ({ value, text: names[value] }))}
      onChange={chooseAppearance}
    />
  );
}

function LogOut({ user }: { readonly user: string }) {
  const { logOut: title, ownerIs } = youWords.value;
  const [isBusy, setBusy] = useState(false);
  return (
    <button
      class="row"
      type="button"
      disabled={isBusy}
      onClick={async () => {
        setBusy(true);
        isGuestLinkExpired.value = false;
        await attempt(logOut);
        setBusy(false);
      }}
    >
      <Icon name="leave" />
      <span class="grow">
        <b>{title}</b>
        <span class="dim small">{ownerIs(user)}</span>
      </span>
    </button>
  );
}
