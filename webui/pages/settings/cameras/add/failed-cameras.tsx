import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { boxSays } from '../../../../api-client/error-text.ts';
import { type Arrival, type Remedy, remedyOf } from '../../../../cameras/adoption-state.ts';
import { addCameras, type CameraLogin, endAdding, provenLogins, sharedLogin } from '../../../../cameras/adoption.ts';
import { boxForm } from '../../../../forms/server-form.ts';
import { FormFoot } from '../../../../forms/form-footer.tsx';
import { FormSheet } from '../../../../forms/form-sheet.tsx';
import { Button } from '../../../../ui/controls/button.tsx';
import { ClearText } from '../../../../ui/controls/login-notes.tsx';
import { PasswordField, TextField } from '../../../../ui/controls/field.tsx';
import { Say } from '../../../../ui/feedback/message-card.tsx';
import type { IconName } from '../../../../ui/icons/icon.tsx';
import type { StartWords } from '../../../../words/en/start.ts';
import { sentences } from '../../../../words/sentences.ts';
import { startWords } from '../../../../words/start.ts';
import { liveWords } from '../../../../words/words.ts';

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
  readonly group: readonly [Arrival, ...Arrival[]];
  /** Some camera took the password that was typed for all. */
  readonly isSharedTaken: boolean;
}

/** One card for all that refuse the same password, with one field; whose passwords differ are gone through one by one. */
export function Troubles({ group, isSharedTaken }: TroublesProps) {
  const say = startWords.value;
  const [asks, setAsks] = useState(false);
  const [isApart, setApart] = useState(false);
  if (group.length === 1 || isApart) {
    return group.map((one) => <Trouble key={one.key} arrival={one} isSharedTaken={isSharedTaken} />);
  }
  const tries = Math.min(...group.map(({ triesLeft }) => triesLeft ?? Number.POSITIVE_INFINITY));
  const names = group.map(({ title }) => title).join(', ');
  return (
    <>
      <Say
        icon="lock"
        tone="warn"
        title={say.camerasRefuse(group.length)}
        text={Number.isFinite(tries) ? sentences([say.theseCameras(names), say.triesLeft(tries)]) : names}
      >
        <div class="ways">
          <SameAs group={group} />
          <Button onClick={() => setAsks(true)}>{say.enterIt}</Button>
          <Button onClick={() => setApart(true)}>{say.oneByOne}</Button>
        </div>
      </Say>
      {asks && <PasswordSheet group={group} onClosed={() => setAsks(false)} />}
    </>
  );
}

/** Why a camera was not added, and what to do: one card, the others go on. */
function Trouble({ arrival, isSharedTaken }: { readonly arrival: Arrival; readonly isSharedTaken: boolean }) {
  const say = startWords.value;
  const [asks, setAsks] = useState(false);
  const remedy = remedyOf(arrival);
  const { title, text } = sentencesOf(arrival, { remedy, isSharedTaken }, say);
  const enter = <Button onClick={() => setAsks(true)}>{say.enterIt}</Button>;
  const password = (
    <div class="ways">
      <SameAs group={[arrival]} />
      {enter}
    </div>
  );
  const again = <Again arrival={arrival} word={say.tryAgain} onAsk={() => setAsks(true)} />;
  const onItsPage = (
    <>
      <ItsPage address={arrival.address} />
      {again}
    </>
  );
  const buttons: Readonly<Record<Remedy, ComponentChildren>> = {
    password,
    locked: enter,
    clock: onItsPage,
    onvif: onItsPage,
    clear: <Again arrival={arrival} word={say.useItAnyway} isClear onAsk={() => setAsks(true)} />,
    silent: again,
    other: <Button onClick={endAdding}>{say.findCameras}</Button>,
    certificate: again,
    again,
  };
  return (
    <>
      <Say icon={ICONS[remedy]} tone="warn" title={title} {...(text ? { text } : {})}>
        {buttons[remedy]}
      </Say>
      {asks && <PasswordSheet group={[arrival]} onClosed={() => setAsks(false)} />}
    </>
  );
}

function sentencesOf(
  arrival: Arrival,
  { remedy, isSharedTaken }: { readonly remedy: Remedy; readonly isSharedTaken: boolean },
  say: StartWords,
): { readonly title: string; readonly text: ComponentChildren } {
  const { title: camera, trouble, triesLeft, hasOwnLogin, error } = arrival;
  switch (remedy) {
    case 'password': {
      const tries = triesLeft === undefined ? undefined : say.triesLeft(triesLeft);
      const text = trouble === 'onvifUser' ? sentences([say.onvifUsers, tries]) : tries;
      return hasOwnLogin || !isSharedTaken
        ? { title: say.cameraRefuses(camera), text }
        : { title: say.otherPassword(camera), text: trouble === 'onvifUser' ? text : undefined };
    }
    case 'locked':
      return { title: say.cameraLocked(camera), text: say.cameraLockedText };
    case 'clock':
      return { title: say.clockRefuses(camera), text: say.clockRefusesText };
    case 'onvif':
      return { title: say.notAdded(camera), text: sentences([say.onvifOff, say.onvifOffText]) };
    case 'clear':
      return { title: say.inTheClear(camera), text: say.inTheClearText };
    case 'silent':
      return { title: say.cameraSilent(camera), text: say.cameraSilentText };
    case 'other':
      return { title: say.otherCamera(camera), text: undefined };
    case 'certificate':
      return { title: say.otherCertificate(camera), text: say.otherCertificateText };
    case 'again':
      return {
        title: say.notAdded(camera),
        text: trouble === 'unfinished' ? say.notFinished : error && boxSays((why) => why, error),
      };
  }
}

/** The camera's own page, which is in nobody's hands but its maker's: it does not learn where one came from. */
const ItsPage = ({ address }: { readonly address: string }) => (
  <a
    class="button"
    href={`http://${address.includes(':') ? `[${address}]` : address}/`}
    target="_blank"
    rel="noreferrer"
  >
    {startWords.value.openItsPage}
  </a>
);

/** The login that another camera took a moment ago. */
function SameAs({ group }: { readonly group: readonly Arrival[] }) {
  const offer = provenLogins.offerFor(group.map(({ key }) => key));
  return offer ? (
    <Button
      onClick={() => addCameras(group.map((one) => withLogin(one, { user: offer.user, password: offer.password })))}
    >
      {startWords.value.sameAs(offer.title)}
    </Button>
  ) : null;
}

interface AgainProps {
  readonly arrival: Arrival;
  readonly word: string;
  /** The password may be sent so that anybody in the network can read it. */
  readonly isClear?: boolean;
  /** The password is not known any more. */
  readonly onAsk: () => void;
}

function Again({ arrival, word, isClear = false, onAsk }: AgainProps) {
  const again = () => {
    const { user, password } = { ...sharedLogin.peek(), ...arrival.wish };
    if (user === undefined || password === undefined) {
      onAsk();
    } else {
      addCameras([isClear ? withLogin(arrival, { user, password, clearPassword: true }) : arrival]);
    }
  };
  return <Button onClick={again}>{word}</Button>;
}

const withLogin = (arrival: Arrival, login: CameraLogin): Arrival => ({
  ...arrival,
  wish: { ...arrival.wish, ...login },
});

interface PasswordSheetProps {
  readonly group: readonly [Arrival, ...Arrival[]];
  readonly onClosed: () => void;
}

/** One login for these cameras; whether it is right shows on the page while one goes on. */
function PasswordSheet({ group, onClosed }: PasswordSheetProps) {
  const say = startWords.value;
  const [first] = group;
  const count = group.length;
  const form = useMemo(() => newForm(group), [first.key, count]);
  return (
    <FormSheet
      title={count === 1 ? first.title : liveWords.value.camerasCount(count)}
      form={form}
      onClosed={onClosed}
      onSaved={() => {}}
      foot={<FormFoot form={form} action={say.addCameras(count)} text={say.eachTakes} />}
    >
      <TextField
        label={say.cameraUser}
        name="cameraUser"
        autocomplete="off"
        value={form.values.value.user}
        onInput={(value) => form.set('user', value)}
      />
      <PasswordField
        label={count === 1 ? say.cameraPassword : say.camerasPassword}
        name="cameraPassword"
        autocomplete="off"
        value={form.values.value.password}
        onInput={(value) => form.set('password', value)}
        wrong={form.wrong.value.password}
      />
      <ClearText />
    </FormSheet>
  );
}

const newForm = (group: PasswordSheetProps['group']) =>
  boxForm<{ user: string; password: string }>({
    initial: { user: group[0].wish.user ?? sharedLogin.peek()?.user ?? 'admin', password: '' },
    save: async (login) => {
      addCameras(group.map((one) => withLogin(one, login)));
    },
  });
