import { signal } from '@preact/signals';
import type { ComponentChildren, Ref } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { addCameras, sharedLogin } from '../../../../cameras/adding/adoption.ts';
import type { Candidate } from '../../../../cameras/adding/adoption-state.ts';
import {
  candidateOf,
  discoveredCameras,
  hasDiscovered,
  keepDiscovering,
} from '../../../../cameras/adding/discovery.ts';
import { LIVE } from '../../../../shell/route.ts';
import { Button } from '../../../../ui/controls/button.tsx';
import { PasswordField, TextField } from '../../../../ui/controls/field.tsx';
import { UnencryptedNotice } from '../../../../ui/controls/login-notes.tsx';
import { Icon, Mark } from '../../../../ui/icons/icon.tsx';
import { startWords } from '../../../../words/start.ts';
import { MissingCameraSheet } from './missing-camera-sheet.tsx';

/** Cameras that were probed by address, before the discovered ones. */
const named = signal<readonly Candidate[]>([]);
const unticked = signal<ReadonlySet<string>>(new Set());
/** The login typed last; the fields show it again. */
const login = signal({ user: 'admin', password: '' });

/** Cameras that can be added. One that was probed by address and discovered keeps its typed login. */
function candidates(): readonly Candidate[] {
  const found = discoveredCameras.value;
  const logins = new Map(named.value.map(({ key, request: { onvif: _onvif, ...login } }) => [key, login]));
  const fresh = found.filter(({ path }) => path === null);
  const known = new Set(found.map(({ onvif }) => onvif));
  const own = fresh.map((item) => {
    const candidate = candidateOf(item);
    return { ...candidate, request: { ...candidate.request, ...logins.get(item.onvif) } };
  });
  return [...own, ...named.value.filter(({ key }) => !known.has(key))];
}

function addCandidate(candidate: Candidate): void {
  named.value = [...named.peek().filter(({ key }) => key !== candidate.key), candidate];
}

interface FindingProps {
  readonly top: ComponentChildren;
  readonly title: Ref<HTMLHeadingElement>;
  readonly isFirst: boolean;
}

/** Step 2: the found cameras, all selected, and one password for them. */
export function FindingStep({ top, title, isFirst }: FindingProps) {
  const t = startWords.value;
  const [isMissing, setMissing] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    keepDiscovering(stop.signal);
    return () => stop.abort();
  }, []);
  const all = candidates();
  const isNone = all.length === 0;
  const none = discoveredCameras.value.length > 0 ? t.allThere : t.foundNone;
  return (
    <div class="adding">
      <header>
        {top}
        <h1 ref={title} tabIndex={-1}>
          {isNone ? t.searching : t.found(all.length)}
        </h1>
        <p class="dim" role="status">
          {isNone ? hasDiscovered.value && none : all.length > 1 && t.onePassword}
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
        <MissingCameraSheet login={login.peek()} onFound={addCandidate} onClosed={() => setMissing(false)} />
      )}
    </div>
  );
}

function Ticks({ all }: { readonly all: readonly Candidate[] }) {
  return (
    <ul class="card ticks" aria-label={startWords.value.foundCameras}>
      {all.map(({ key, title, text }) => (
        <li key={key}>
          <label class="row">
            <input type="checkbox" checked={!unticked.value.has(key)} onChange={() => toggle(key)} />
            <span class="grow">
              <b>
                <bdi>{title}</bdi>
              </b>
              <span class="dim small digits">
                <bdi>{text}</bdi>
              </span>
            </span>
          </label>
        </li>
      ))}
    </ul>
  );
}

function toggle(key: string): void {
  const next = new Set(unticked.peek());
  if (!next.delete(key)) {
    next.add(key);
  }
  unticked.value = next;
}

function LoginForm({ all, isFirst }: { readonly all: readonly Candidate[]; readonly isFirst: boolean }) {
  const t = startWords.value;
  const [wrong, setWrong] = useState<string>();
  const [hasUser, setHasUser] = useState(login.peek().user !== 'admin');
  const ticked = all.filter(({ key }) => !unticked.value.has(key));
  // A login that was typed with an address is not requested again.
  const needing = ticked.filter(({ request: { user, source } }) => user === undefined && source === undefined).length;
  const isAsking = needing > 0 || ticked.length === 0;
  const { user, password } = login.value;
  const submit = (event: Event) => {
    event.preventDefault();
    if (ticked.length === 0) {
      setWrong(t.noneTicked);
    } else if (needing > 0 && password === '' && wrong !== t.passwordNone) {
      setWrong(t.passwordNone);
      (event.currentTarget as HTMLElement).querySelector<HTMLElement>('[type=password]')?.focus();
    } else {
      named.value = named.peek().filter(({ key }) => unticked.peek().has(key));
      sharedLogin.value = login.peek();
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
                login.value = { ...login.peek(), user: value };
              }}
            />
          )}
          <PasswordField
            label={t.cameraPassword}
            name="cameraPassword"
            autocomplete="off"
            value={password}
            onInput={(value) => {
              login.value = { ...login.peek(), password: value };
              setWrong(undefined);
            }}
            wrong={wrong}
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
