import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { RequestError } from '../../../../api-client/request.ts';
import type { CameraLogin } from '../../../../cameras/adoption.ts';
import type { Candidate } from '../../../../cameras/adoption-state.ts';
import { discoveredCameras, isWithin, likelyRange, loadDiscovered } from '../../../../cameras/discovery.ts';
import {
  addressCandidate,
  candidateAt,
  onvifCandidate,
  type Probe,
  probeTarget,
  streamCandidate,
} from '../../../../cameras/probe.ts';
import { parseTyped, type TypedAddress } from '../../../../cameras/typed-address.ts';
import { FieldError, type Form } from '../../../../forms/form.ts';
import { FormFooter } from '../../../../forms/form-footer.tsx';
import { FormSheet } from '../../../../forms/form-sheet.tsx';
import { serverForm } from '../../../../forms/server-form.ts';
import { Button } from '../../../../ui/controls/button.tsx';
import { PasswordField, TextField } from '../../../../ui/controls/field.tsx';
import { UnencryptedNotice } from '../../../../ui/controls/login-notes.tsx';
import { toast } from '../../../../ui/feedback/toast.tsx';
import type { StartWords } from '../../../../words/en/start.ts';
import { sentences } from '../../../../words/sentences.ts';
import { startWords } from '../../../../words/start.ts';

interface Missing {
  readonly address: string;
  readonly maker: string;
  readonly small: string;
  readonly user: string;
  readonly password: string;
}

interface MissingCameraSheetProps {
  readonly login: CameraLogin;
  readonly onFound: (candidate: Candidate) => void;
  readonly onClosed: () => void;
}

/** Adds a camera that was not discovered: by its address, network or stream address. */
export function MissingCameraSheet({ login, onFound, onClosed }: MissingCameraSheetProps) {
  const t = startWords.value;
  const [progress, setProgress] = useState<Probe>();
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const form = useMemo(() => newForm(login, onFound, stop.current.signal, setProgress), []);
  const typed = parseTyped(form.values.value.address);
  const isKnown = typed?.kind === 'stream' || typed?.kind === 'onvif';
  const isLooking = form.saving.value !== 'no' && progress !== undefined;
  return (
    <FormSheet
      title={t.cameraMissing}
      form={form}
      onClosed={onClosed}
      onSaved={() => {}}
      foot={
        <FormFooter
          form={form}
          action={isKnown ? t.putOnList : t.lookThere}
          busy={t.looking}
          text={isLooking ? progressText(progress, t) : isKnown ? t.putOnListText : t.lookText}
        />
      }
    >
      <Fields form={form} typed={typed} />
    </FormSheet>
  );
}

const progressText = ({ slow, done, total }: Probe, t: StartWords): string =>
  slow ? t.slowText : total > 0 ? t.lookingAt(done, total) : t.lookText;

function Fields({ form, typed }: { readonly form: Form<Missing>; readonly typed: TypedAddress | undefined }) {
  const t = startWords.value;
  const isLocked = form.saving.value !== 'no';
  const range = likelyRange(discoveredCameras.value);
  const field = (name: keyof Missing, label: string, hint?: string) => ({
    ...{ label, hint, name, autocomplete: 'off' as const },
    value: form.values.value[name],
    onInput: (value: string) => form.set(name, value),
    isLocked,
    wrong: form.wrong.value[name],
  });
  return (
    <>
      <TextField {...field('address', t.byAddress, t.addressHint)} />
      {range !== '' && !isLocked && form.values.value.address === '' && (
        <Button kind="text" onClick={() => form.set('address', range)}>
          {t.searchAll(range)}
        </Button>
      )}
      {typed?.kind !== 'range' && !(typed?.login && form.wrong.value.password === undefined) && (
        <>
          <TextField {...field('user', t.cameraUser)} />
          <PasswordField {...field('password', t.cameraPassword)} />
          <UnencryptedNotice />
        </>
      )}
      {typed?.kind === 'stream' && <TextField {...field('small', t.smallPicture)} />}
      {(typed?.kind === 'host' || !typed) && <TextField {...field('maker', t.maker)} />}
    </>
  );
}

const newForm = (
  login: CameraLogin,
  onFound: (candidate: Candidate) => void,
  stop: AbortSignal,
  onProgress: (look: Probe) => void,
) =>
  serverForm<Missing>({
    initial: { address: '', maker: '', small: '', user: login.user, password: login.password },
    save: async (values) => {
      const { address, small, user, password } = values;
      const t = startWords.peek();
      const typed = parseTyped(address);
      if (!typed) {
        throw new FieldError<Missing>('address', t.addressWrong);
      }
      if (typed.kind === 'range') {
        const look = await lookThere(typed.text, {}, stop, onProgress);
        await tellRange(look, stop);
        return;
      }
      const own = password === '' && typed.login ? typed.login : { user, password };
      if (typed.kind === 'stream') {
        const candidate = streamCandidate(address, small, own);
        if (!candidate) {
          throw new FieldError<Missing>('small', t.smallWrong);
        }
        onFound(candidate);
      } else if (typed.kind === 'onvif') {
        onFound(onvifCandidate(typed.text, typed.url.hostname, own));
      } else {
        const found = await cameraAt(typed.text, { ...own, maker: values.maker.trim() }, stop, onProgress);
        if (found) {
          onFound(found);
        }
      }
    },
  });

type LookLogin = CameraLogin & { readonly maker: string };

/** @returns undefined if cancelled */
async function cameraAt(
  target: string,
  { maker, ...login }: LookLogin,
  stop: AbortSignal,
  onProgress: (look: Probe) => void,
): Promise<Candidate | undefined> {
  const look = await lookThere(target, { ...login, ...(maker === '' ? {} : { maker }) }, stop, onProgress);
  const candidate = candidateAt(look, login);
  if (candidate || stop.aborted) {
    return candidate;
  }
  const t = startWords.peek();
  switch (look.trouble) {
    // The camera's card asks whether the password may be sent unencrypted.
    case 'clearPassword':
      return addressCandidate(target, login);
    case 'wrongPassword':
    case 'noRights':
    case 'onvifUser':
      throw new FieldError<Missing>('password', t.loginRejected);
    case 'lockedOut':
      throw new FieldError<Missing>('password', sentences([t.cameraLocked(target), t.cameraLockedText]));
    case 'clock':
      throw new FieldError<Missing>('address', sentences([t.clockRefuses(target), t.clockRefusesText]));
    case 'onvifOff':
    case 'notOnvif':
      throw new FieldError<Missing>('address', sentences([t.onvifOff, t.onvifOffText]));
    case 'unreachable':
    case 'timeout':
      throw new FieldError<Missing>('address', t.nothingThere);
    default:
      throw new FieldError<Missing>('address', t.streamUnknown);
  }
}

async function lookThere(
  target: string,
  more: Partial<LookLogin>,
  stop: AbortSignal,
  onProgress: (look: Probe) => void,
): Promise<Probe> {
  try {
    return await probeTarget({ target, ...more }, stop, onProgress);
  } catch (error) {
    if (error instanceof RequestError && error.status === 400) {
      throw new FieldError<Missing>('address', startWords.peek().addressWrong);
    }
    throw error;
  }
}

/** The results are in the list behind the sheet. */
async function tellRange({ target }: Probe, stop: AbortSignal): Promise<void> {
  await loadDiscovered(stop);
  if (!stop.aborted) {
    const there = discoveredCameras.peek().filter(({ address }) => isWithin(address, target));
    toast(startWords.peek().rangeDone(there.length));
  }
}
