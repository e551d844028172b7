import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import {
  acceptedLogins,
  addCameras,
  type CameraLogin,
  clearAdoptions,
  dropAdoptions,
  sharedLogin,
  typedLogin,
} from '../../../../cameras/adding/adoption.ts';
import { type Adoption, type Remedy, remedyOf, typedAddress } from '../../../../cameras/adding/adoption-state.ts';
import { fieldProps } from '../../../../forms/field-props.ts';
import { FormSheet } from '../../../../forms/form-sheet.tsx';
import { serverForm } from '../../../../forms/server-form.ts';
import { Button } from '../../../../ui/controls/button.tsx';
import { PasswordField, TextField } from '../../../../ui/controls/field.tsx';
import { UnencryptedNotice } from '../../../../ui/controls/login-notes.tsx';
import { MessageCard } from '../../../../ui/feedback/message-card.tsx';
import type { IconName } from '../../../../ui/icons/icon.tsx';
import type { StartWords } from '../../../../words/en/start.ts';
import { listed } from '../../../../words/format.ts';
import { i18n } from '../../../../words/i18n.ts';
import { reasonsWords } from '../../../../words/reasons.ts';
import { sentences } from '../../../../words/sentences.ts';
import { startWords } from '../../../../words/start.ts';
import { liveWords } from '../../../../words/words.ts';
import { MissingCameraSheet } from './missing-camera-sheet.tsx';

const ICONS: Readonly<Record<Remedy, IconName>> = {
  password: 'lock',
  locked: 'lock',
  clock: 'clock',
  onvif: 'alert',
  clear: 'eye',
  silent: 'network',
  other: 'search',
  certificate: 'lock',
  again: 'alert',
};

interface TroublesProps {
  readonly group: readonly [Adoption, ...Adoption[]];
  /** Another camera has accepted the shared password. */
  readonly isSharedTaken: boolean;
}

/** One card for all cameras with the same cause. Different passwords are entered one by one. */
export function FailedCameras({ group, isSharedTaken }: TroublesProps) {
  const t = startWords.value;
  const [asks, setAsks] = useState(false);
  const [isApart, setApart] = useState(false);
  if (group.length === 1 || isApart) {
    return group.map((one) => <Trouble key={one.key} arrival={one} isSharedTaken={isSharedTaken} />);
  }
  const tries = Math.min(...group.map(({ triesLeft }) => triesLeft ?? Number.POSITIVE_INFINITY));
  const names = listed(
    group.map(({ title }) => title),
    i18n().language,
  );
  const remedy = remedyOf(group[0]);
  if (remedy !== 'password' || group[0].trouble !== 'wrongPassword') {
    return <SameCause group={group} names={names} onApart={() => setApart(true)} />;
  }
  return (
    <>
      <MessageCard
        icon="lock"
        tone="warn"
        title={t.camerasRefuse(group.length)}
        text={Number.isFinite(tries) ? sentences([t.theseCameras(names), t.triesLeft(tries)]) : names}
      >
        <div class="actions-row">
          <SameAs group={group} />
          <Button kind="main" onClick={() => setAsks(true)}>
            {t.enterIt}
          </Button>
          <Button onClick={() => setApart(true)}>{t.oneByOne}</Button>
          <Remove group={group} />
        </div>
      </MessageCard>
      {asks && <PasswordSheet group={group} onClosed={() => setAsks(false)} />}
    </>
  );
}

interface SameCauseProps {
  readonly group: readonly [Adoption, ...Adoption[]];
  readonly names: string;
  readonly onApart: () => void;
}

/** Several cameras that were not added for the same reason. */
function SameCause({ group, names, onApart }: SameCauseProps) {
  const t = startWords.value;
  const [asks, setAsks] = useState(false);
  const [first] = group;
  const remedy = remedyOf(first);
  const needsLogin = remedy === 'password' || remedy === 'locked' || group.some((one) => !hasLogin(one));
  return (
    <>
      <MessageCard icon={ICONS[remedy]} tone="warn" title={t.someWereNotAdded(group.length)}>
        <p class="small">{causeOf(first, remedy, t)}</p>
        <p class="dim small">{names}</p>
        <div class="actions-row">
          {remedy === 'other' ? (
            <Button onClick={clearAdoptions}>{t.findCameras}</Button>
          ) : remedy === 'clear' ? null : (
            <Button onClick={() => (needsLogin ? setAsks(true) : addCameras(group))}>
              {needsLogin ? t.enterIt : t.tryAgain}
            </Button>
          )}
          <Button onClick={onApart}>{t.oneByOne}</Button>
          <Remove group={group} />
        </div>
      </MessageCard>
      {asks && <PasswordSheet group={group} onClosed={() => setAsks(false)} />}
    </>
  );
}

/** The cause of a whole group, without the name of a camera. */
function causeOf(one: Adoption, remedy: Remedy, t: StartWords): ComponentChildren {
  switch (remedy) {
    case 'password':
      return one.trouble === 'onvifUser' ? t.onvifUsers : t.loginRejected;
    case 'locked':
      return sentences([t.theyAreLocked, t.cameraLockedText]);
    case 'clock':
      return sentences([t.theirClocks, t.clockRefusesText]);
    case 'onvif':
      return sentences([t.onvifOff, t.onvifOffText]);
    case 'clear':
      return t.theyAreInTheClear;
    case 'silent':
      return sentences([t.theyAreSilent, t.cameraSilentText]);
    case 'other':
      return t.otherCamerasThere;
    case 'certificate':
      return sentences([t.theirCertificates, t.otherCertificateText]);
    case 'again':
      return otherText(one, t);
  }
}

const Remove = ({ group }: { readonly group: readonly Adoption[] }) => (
  <Button kind="text" danger onClick={() => dropAdoptions(group.map(({ key }) => key))}>
    {startWords.value.remove}
  </Button>
);

/** Why a camera was not added, and what to do. */
function Trouble({ arrival, isSharedTaken }: { readonly arrival: Adoption; readonly isSharedTaken: boolean }) {
  const t = startWords.value;
  const [asks, setAsks] = useState(false);
  const [isEdited, setEdits] = useState(false);
  const address = typedAddress(arrival);
  const remedy = remedyOf(arrival);
  const { title, text } = messageOf(arrival, { remedy, isSharedTaken }, t);
  const enter = (
    <Button kind="main" onClick={() => setAsks(true)}>
      {t.enterIt}
    </Button>
  );
  const password = (
    <div class="actions-row">
      <SameAs group={[arrival]} />
      {enter}
    </div>
  );
  const again = <Again arrival={arrival} word={t.tryAgain} onAsk={() => setAsks(true)} />;
  const onItsPage = (
    <>
      <CameraPageLink address={arrival.address} />
      {again}
    </>
  );
  const buttons: Readonly<Record<Remedy, ComponentChildren>> = {
    password,
    locked: enter,
    clock: onItsPage,
    onvif: onItsPage,
    clear: <Again arrival={arrival} word={t.useItAnyway} isClear onAsk={() => setAsks(true)} />,
    silent: again,
    other: <Button onClick={clearAdoptions}>{t.findCameras}</Button>,
    certificate: again,
    again,
  };
  return (
    <>
      <MessageCard icon={ICONS[remedy]} tone="warn" title={title} {...(text ? { text } : {})}>
        {buttons[remedy]}
        <div class="actions-row">
          {address !== undefined && (
            <Button kind="text" onClick={() => setEdits(true)}>
              {t.editAddress}
            </Button>
          )}
          <Remove group={[arrival]} />
        </div>
      </MessageCard>
      {isEdited && (
        <MissingCameraSheet
          address={address}
          login={{ user: 'admin', password: '', ...sharedLogin.peek(), ...loginIn(arrival) }}
          onFound={(candidate) => {
            dropAdoptions([arrival.key]);
            void addCameras([candidate]);
          }}
          onClosed={() => setEdits(false)}
        />
      )}
      {asks && <PasswordSheet group={[arrival]} onClosed={() => setAsks(false)} />}
    </>
  );
}

function messageOf(
  arrival: Adoption,
  { remedy, isSharedTaken }: { readonly remedy: Remedy; readonly isSharedTaken: boolean },
  t: StartWords,
): { readonly title: string; readonly text: ComponentChildren } {
  const { title: camera, trouble, triesLeft, hasOwnLogin } = arrival;
  switch (remedy) {
    case 'password': {
      const tries = triesLeft === undefined ? undefined : t.triesLeft(triesLeft);
      const text = trouble === 'onvifUser' ? sentences([t.onvifUsers, tries]) : tries;
      return hasOwnLogin || !isSharedTaken
        ? { title: t.cameraRefuses(camera), text }
        : { title: t.otherPassword(camera), text: trouble === 'onvifUser' ? text : undefined };
    }
    case 'locked':
      return { title: t.cameraLocked(camera), text: t.cameraLockedText };
    case 'clock':
      return { title: t.clockRefuses(camera), text: t.clockRefusesText };
    case 'onvif':
      return { title: t.notAdded(camera), text: sentences([t.onvifOff, t.onvifOffText]) };
    case 'clear':
      return { title: t.inTheClear(camera), text: t.inTheClearText };
    case 'silent':
      return { title: t.cameraSilent(camera), text: t.cameraSilentText };
    case 'other':
      return { title: t.otherCamera(camera), text: undefined };
    case 'certificate':
      return { title: t.otherCertificate(camera), text: t.otherCertificateText };
    case 'again':
      return { title: t.notAdded(camera), text: otherText(arrival, t) };
  }
}

/** A cause without a word of its own is in the box's message. */
function otherText({ trouble, error }: Adoption, t: StartWords): ComponentChildren {
  switch (trouble) {
    case 'unfinished':
      return t.notFinished;
    case 'noStream':
      return t.noStream;
    case 'notSupported':
    case 'badReply':
      return t.cannotRead;
    default:
      return error ? <span lang="en">{asSentence(error)}</span> : reasonsWords.value.itsFault;
  }
}

const asSentence = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1).replace(/\.?$/, '.')}`;

/** The camera's web page is third-party: it gets no referrer. */
const CameraPageLink = ({ address }: { readonly address: string }) => (
  <a
    class="button"
    href={`http://${address.includes(':') ? `[${address}]` : address}/`}
    target="_blank"
    rel="noreferrer"
  >
    {startWords.value.openItsPage}
  </a>
);

/** A login that another camera has accepted. */
function SameAs({ group }: { readonly group: readonly Adoption[] }) {
  const offer = acceptedLogins.offerFor(group.map(({ key }) => key));
  return offer ? (
    <Button
      onClick={() => addCameras(group.map((one) => withLogin(one, { user: offer.user, password: offer.password })))}
    >
      {startWords.value.sameAs(offer.title)}
    </Button>
  ) : null;
}

const loginIn = ({ request: { user, password } }: Adoption) =>
  user === undefined || password === undefined ? {} : { user, password };

/** Without one, nothing can be retried: a login is not kept across a reload. */
const hasLogin = ({ request }: Adoption): boolean =>
  request.source !== undefined || (request.password ?? sharedLogin.peek()?.password) !== undefined;

interface AgainProps {
  readonly arrival: Adoption;
  readonly word: string;
  /** The password may be sent unencrypted. */
  readonly isClear?: boolean;
  /** The password is no longer known. */
  readonly onAsk: () => void;
}

function Again({ arrival, word, isClear = false, onAsk }: AgainProps) {
  const again = () => {
    const { user, password } = { ...sharedLogin.peek(), ...arrival.request };
    if (arrival.request.source !== undefined) {
      // The login is in its address.
      addCameras([arrival]);
    } else if (user === undefined || password === undefined) {
      onAsk();
    } else {
      addCameras([isClear ? withLogin(arrival, { user, password, clearPassword: true }) : arrival]);
    }
  };
  return <Button onClick={again}>{word}</Button>;
}

const withLogin = (arrival: Adoption, login: CameraLogin): Adoption => ({
  ...arrival,
  request: { ...arrival.request, ...login },
});

interface PasswordSheetProps {
  readonly group: readonly [Adoption, ...Adoption[]];
  readonly onClosed: () => void;
}

/** A login for these cameras. The result shows on the page. */
function PasswordSheet({ group, onClosed }: PasswordSheetProps) {
  const t = startWords.value;
  const [first] = group;
  const count = group.length;
  const form = useMemo(() => newForm(group), [first.key, count]);
  return (
    <FormSheet
      title={t.passwordFor(count === 1 ? first.title : liveWords.value.camerasCount(count))}
      form={form}
      onClosed={onClosed}
      action={t.addCameras(count)}
      busy={t.addingThem}
      text={t.eachTakes}
    >
      <TextField label={t.cameraUser} autocomplete="off" {...fieldProps(form, 'user')} name="cameraUser" />
      <PasswordField
        label={t.cameraPassword}
        autocomplete="off"
        {...fieldProps(form, 'password')}
        name="cameraPassword"
      />
      <UnencryptedNotice />
    </FormSheet>
  );
}

const newForm = (group: PasswordSheetProps['group']) =>
  serverForm<{ user: string; password: string }>({
    initial: { user: group[0].request.user ?? sharedLogin.peek()?.user ?? 'admin', password: '' },
    save: async (login) => {
      typedLogin.value = login;
      addCameras(group.map((one) => withLogin(one, login)));
    },
  });
