import { computed, signal } from '@preact/signals';
import type { ComponentChildren, Ref } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { session } from '../../../../api-client/session.ts';
import { addCameras, sharedLogin, typedLogin } from '../../../../cameras/adding/adoption.ts';
import type { Candidate } from '../../../../cameras/adding/adoption-state.ts';
import {
  candidateOf,
  discoveredCameras,
  hasDiscovered,
  hideFound,
  keepDiscovering,
  sortFound,
} from '../../../../cameras/adding/discovery.ts';
import { LIVE } from '../../../../shell/route.ts';
import { Button } from '../../../../ui/controls/button.tsx';
import { PasswordField, TextField } from '../../../../ui/controls/field.tsx';
import { UnencryptedNotice } from '../../../../ui/controls/login-notes.tsx';
import { toast } from '../../../../ui/feedback/toast.tsx';
import { Icon, Mark } from '../../../../ui/icons/icon.tsx';
import { hasText, ListSearch, SEARCHED_FROM, searchedText } from '../../../../ui/lists/list-search.tsx';
import { listed } from '../../../../words/format.ts';
import { i18n } from '../../../../words/i18n.ts';
import { startWords } from '../../../../words/start.ts';
import { liveWords, words } from '../../../../words/words.ts';
import { OfferedCameras } from '../../../features/parts.ts';
import { MissingCameraSheet } from './missing-camera-sheet.tsx';

/** Cameras that were probed by address, before the discovered ones. */
const named = signal<readonly Candidate[]>([]);
/** Cameras that were ticked or unticked. */
const choices = signal<ReadonlyMap<string, boolean>>(new Map());
/** From this number on, no camera is ticked from the start. */
const MANY = 8;
/** More cameras than these are counted. */
const MAX_NAMED = 3;

const found = computed(() => sortFound(discoveredCameras.value));

/** Cameras that can be added. One that was probed by address and discovered keeps its typed login. */
function candidates(): readonly Candidate[] {
  const logins = new Map(named.value.map(({ key, request: { onvif: _onvif, ...login } }) => [key, login]));
  const { fresh } = found.value;
  const known = new Set(discoveredCameras.value.map(({ onvif }) => onvif));
  const own = fresh.map((item) => {
    const candidate = candidateOf(item);
    return { ...candidate, request: { ...candidate.request, ...logins.get(item.onvif) } };
  });
  return [...own, ...named.value.filter(({ key }) => !known.has(key))];
}

const isTicked = ({ key, request }: Candidate): boolean =>
  choices.value.get(key) ?? (request.endpoint === undefined || found.value.fresh.length < MANY);

function tick(keys: readonly string[], isOn: boolean): void {
  choices.value = new Map([...choices.peek(), ...keys.map((key) => [key, isOn] as const)]);
}

function addCandidate(candidate: Candidate): void {
  named.value = [...named.peek().filter(({ key }) => key !== candidate.key), candidate];
}

function hide(endpoints: readonly string[], isHidden: boolean): void {
  hideFound(endpoints, isHidden).catch(() => toast(words.peek().boxAway));
}

interface FindingProps {
  readonly top: ComponentChildren;
  readonly title: Ref<HTMLHeadingElement>;
  readonly isFirst: boolean;
}

/** Step 2: the found cameras, a few of them all selected, and one password for them. */
export function FindingStep({ top, title, isFirst }: FindingProps) {
  const t = startWords.value;
  const [isMissing, setMissing] = useState(false);
  const isServer = session.value?.server;
  useEffect(() => {
    const stop = new AbortController();
    if (!isServer) {
      keepDiscovering(stop.signal);
    }
    return () => stop.abort();
  }, [isServer]);
  const all = candidates();
  const isNone = all.length === 0;
  const none = discoveredCameras.value.length > 0 ? t.allThere : t.foundNone;
  return (
    <div class="adding">
      <header>
        {top}
        <h1 ref={title} tabIndex={-1}>
          {isNone ? (isServer ? liveWords.value.addCamera : t.searching) : t.found(all.length)}
        </h1>
        <p class="dim" role="status">
          {isNone ? (isServer ? t.serverSearchesNot : hasDiscovered.value && none) : all.length > 1 && t.onePassword}
        </p>
      </header>
      <div class="adding-main">
        {isNone ? (
          <div class="adding-none">
            <Mark />
          </div>
        ) : (
          <Ticks all={all} />
        )}
        <CamerasOfBoxes />
        <DismissedCameras />
        <button class="text" type="button" onClick={() => setMissing(true)}>
          <Icon name="search" small />
          {t.cameraMissing}
        </button>
      </div>
      {isNone ? (
        isFirst &&
        hasDiscovered.value && (
          <a class="text adding-foot" href={LIVE}>
            {t.goToLive}
          </a>
        )
      ) : (
        <LoginForm all={all} isFirst={isFirst} />
      )}
      {isMissing && (
        <MissingCameraSheet login={typedLogin.peek()} onFound={addCandidate} onClosed={() => setMissing(false)} />
      )}
    </div>
  );
}

function Ticks({ all }: { readonly all: readonly Candidate[] }) {
  const t = startWords.value;
  const [typed, setTyped] = useState('');
  const searched = searchedText(all.length, typed);
  const shown = all.filter(({ title, text }) => hasText(`${title} ${text}`, searched));
  const keys = shown.map(({ key }) => key);
  const others = found.value.fresh.map(({ endpoint }) => endpoint).filter((key) => !choices.value.get(key));
  return (
    <>
      {all.length >= SEARCHED_FROM && <ListSearch label={t.searchFound} text={typed} onInput={setTyped} />}
      {all.length > 1 && (
        <div class="tick-actions">
          <Button kind="text" onClick={() => tick(keys, true)}>
            {t.selectAll}
          </Button>
          <Button kind="text" onClick={() => tick(keys, false)}>
            {t.selectNone}
          </Button>
          {all.length >= SEARCHED_FROM && others.length > 0 && !all.every(isTicked) && (
            <Button kind="text" onClick={() => hide(others, true)}>
              {t.hideOthers}
            </Button>
          )}
        </div>
      )}
      {shown.length === 0 && <p class="dim">{t.noneMatches}</p>}
      <ul class="card ticks" aria-label={t.foundCameras}>
        {shown.map((candidate) => (
          <li key={candidate.key}>
            <label class="row">
              <input
                type="checkbox"
                checked={isTicked(candidate)}
                onChange={({ currentTarget }) => tick([candidate.key], currentTarget.checked)}
              />
              <span class="grow">
                <b>
                  <bdi>{candidate.title}</bdi>
                </b>
                <span class="dim small digits">
                  <bdi>{candidate.text}</bdi>
                </span>
              </span>
            </label>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Cameras of another Perch, which come with their recordings and events if that is paired. */
function CamerasOfBoxes() {
  const t = startWords.value;
  return found.value.offered.map((cameras) => (
    <div class="card other-perch" key={cameras[0].perch}>
      <details>
        <summary>
          <b>{t.offeredByPerch(cameras.length)}</b>
          <span class="dim small digits">{cameras[0].address}</span>
        </summary>
        <ul>
          {cameras.map((item) => (
            <li key={item.endpoint}>
              <bdi>{candidateOf(item).title}</bdi>
            </li>
          ))}
        </ul>
      </details>
      {OfferedCameras && <OfferedCameras />}
    </div>
  ));
}

function DismissedCameras() {
  const { dismissed } = found.value;
  return dismissed.length > 0 ? (
    <Button
      kind="text"
      onClick={() =>
        hide(
          dismissed.map(({ endpoint }) => endpoint),
          false,
        )
      }
    >
      {startWords.value.showHidden(dismissed.length)}
    </Button>
  ) : null;
}

function LoginForm({ all, isFirst }: { readonly all: readonly Candidate[]; readonly isFirst: boolean }) {
  const t = startWords.value;
  // With the cameras that it is about: others have not been asked for.
  const [{ wrong, about }, setState] = useState<{ wrong?: 'noneTicked' | 'passwordNone'; about?: string }>({});
  const [hasUser, setHasUser] = useState(typedLogin.peek().user !== 'admin');
  const ticked = all.filter(isTicked);
  // A login that was typed with an address is not requested again.
  const needing = ticked.filter(({ request: { user, source } }) => user === undefined && source === undefined);
  const isAsking = needing.length > 0 || ticked.length === 0;
  const names =
    needing.length > MAX_NAMED
      ? liveWords.value.camerasCount(needing.length)
      : listed(
          needing.map(({ title }) => title),
          i18n().language,
        );
  const { user, password } = typedLogin.value;
  const isWrong = wrong !== undefined && about === names;
  const setWrong = (what: typeof wrong) => setState(what ? { wrong: what, about: names } : {});
  const submit = (event: Event) => {
    event.preventDefault();
    if (ticked.length === 0) {
      setWrong('noneTicked');
    } else if (needing.length > 0 && password === '' && !(isWrong && wrong === 'passwordNone')) {
      setWrong('passwordNone');
      (event.currentTarget as HTMLElement).querySelector<HTMLElement>('[type=password]')?.focus();
    } else {
      named.value = named.peek().filter((one) => !isTicked(one));
      sharedLogin.value = typedLogin.peek();
      addCameras(ticked);
    }
  };
  return (
    <form class="adding-foot" onSubmit={submit}>
      {isAsking && (
        <>
          {hasUser && (
            <TextField
              label={t.cameraUser}
              name="cameraUser"
              autocomplete="off"
              value={user}
              onInput={(value) => {
                typedLogin.value = { ...typedLogin.peek(), user: value };
              }}
            />
          )}
          <PasswordField
            label={t.cameraPassword}
            name="cameraPassword"
            autocomplete="off"
            value={password}
            onInput={(value) => {
              typedLogin.value = { ...typedLogin.peek(), password: value };
              setWrong(undefined);
            }}
            hint={needing.length < ticked.length ? t.passwordFor(names) : t.cameraPasswordHint}
            wrong={isWrong ? (wrong === 'noneTicked' ? t.noneTicked : t.passwordNone(names)) : undefined}
          />
          <UnencryptedNotice />
          {!hasUser && (
            <button class="text small" type="button" onClick={() => setHasUser(true)}>
              {t.userNameIs(user)}
            </button>
          )}
        </>
      )}
      <Button kind="main" type="submit">
        {t.addCameras(ticked.length)}
      </Button>
      {isFirst && (
        <a class="text" href={LIVE}>
          {t.later}
        </a>
      )}
    </form>
  );
}
