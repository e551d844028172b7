import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ProbeAnswer } from '../../../../api-client/api-types.ts';
import { RequestError } from '../../../../api-client/request.ts';
import type { CameraLogin } from '../../../../cameras/adding/adoption.ts';
import type { Candidate } from '../../../../cameras/adding/adoption-state.ts';
import { discoveredCameras, isWithin, likelyRange, loadDiscovered } from '../../../../cameras/adding/discovery.ts';
import {
  addressCandidate,
  candidateAt,
  onvifCandidate,
  probeTarget,
  sourceCandidate,
  streamCandidate,
} from '../../../../cameras/adding/probe.ts';
import { cameText, failureText, testSource } from '../../../../cameras/adding/source-test.ts';
import { parseTyped, type TypedAddress } from '../../../../cameras/adding/typed-address.ts';
import { FieldError, type Form } from '../../../../forms/form.ts';
import { FormSheet } from '../../../../forms/form-sheet.tsx';
import { serverForm } from '../../../../forms/server-form.ts';
import { Button } from '../../../../ui/controls/button.tsx';
import { PasswordField, TextField } from '../../../../ui/controls/field.tsx';
import { UnencryptedNotice } from '../../../../ui/controls/login-notes.tsx';
import { TextArea } from '../../../../ui/controls/text-area.tsx';
import { toast } from '../../../../ui/feedback/toast.tsx';
import type { StartWords } from '../../../../words/en/start.ts';
import { sentences } from '../../../../words/sentences.ts';
import { sourceWords } from '../../../../words/settings/sources.ts';
import { startWords } from '../../../../words/start.ts';

interface Missing {
  readonly address: string;
  readonly maker: string;
  readonly small: string;
  readonly sdp: string;
  readonly user: string;
  readonly password: string;
}

interface MissingCameraSheetProps {
  /** The camera that is edited, or undefined for a new one. */
  readonly address?: string | undefined;
  readonly login: CameraLogin;
  readonly onFound: (candidate: Candidate) => void;
  readonly onClosed: () => void;
}

/** Adds a camera that was not discovered: by its address, network or stream address. */
export function MissingCameraSheet({ address, login, onFound, onClosed }: MissingCameraSheetProps) {
  const t = startWords.value;
  const [progress, setProgress] = useState<ProbeAnswer>();
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const untested = useMemo(() => new Set<string>(), []);
  const form = useMemo(
    () => newForm({ address: address ?? '', ...login }, onFound, untested, stop.current.signal, setProgress),
    [],
  );
  const typed = parseTyped(form.values.value.address);
  const isSaving = form.saving.value !== 'no';
  return (
    <FormSheet
      title={address === undefined ? t.cameraMissing : t.editAddress}
      form={form}
      onClosed={onClosed}
      {...footTexts(typed, isSaving ? progress : undefined)}
    >
      <Fields form={form} typed={typed} />
      {typed?.kind === 'source' && form.wrong.value.address !== undefined && !isSaving && (
        <Button kind="text" type="submit" onClick={() => untested.add(typed.text)}>
          {sourceWords.value.addUntested}
        </Button>
      )}
    </FormSheet>
  );
}

function footTexts(typed: TypedAddress | undefined, progress: ProbeAnswer | undefined) {
  const t = startWords.value;
  switch (typed?.kind) {
    case 'source': {
      const { test: action, testing: busy, testText: text } = sourceWords.value;
      return { action, busy, text };
    }
    case 'stream':
    case 'onvif':
      return { action: t.putOnList, busy: t.looking, text: t.putOnListText };
    default:
      return { action: t.lookThere, busy: t.looking, text: progress ? progressText(progress, t) : t.lookText };
  }
}

const progressText = ({ slow, done, total }: ProbeAnswer, t: StartWords): string =>
  slow ? t.slowText : total > 0 ? t.lookingAt(done, total) : t.lookText;

function Fields({ form, typed }: { readonly form: Form<Missing>; readonly typed: TypedAddress | undefined }) {
  const t = startWords.value;
  const isLocked = form.saving.value !== 'no';
  const range = likelyRange(discoveredCameras.value);
  const field = (name: keyof Missing, label: string, hint?: string) => ({
    label,
    hint,
    name,
    autocomplete: 'off' as const,
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
      {typed?.kind === 'source' && typed.needsSdp && (
        <TextArea
          label={sourceWords.value.sdp}
          hint={sourceWords.value.sdpHint}
          name="sdp"
          value={form.values.value.sdp}
          onInput={(text) => form.set('sdp', text)}
          isLocked={isLocked}
          wrong={form.wrong.value.sdp}
        />
      )}
      {typed?.kind !== 'source' &&
        typed?.kind !== 'range' &&
        !(typed?.login && form.wrong.value.password === undefined) && (
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
  { address: given, user: knownUser, password: known }: CameraLogin & { readonly address: string },
  onFound: (candidate: Candidate) => void,
  untested: ReadonlySet<string>,
  stop: AbortSignal,
  onProgress: (look: ProbeAnswer) => void,
) =>
  serverForm<Missing>({
    initial: { address: given, maker: '', small: '', sdp: '', user: knownUser, password: known },
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
      if (typed.kind === 'source') {
        onFound(await testedSource(typed, { sdp: values.sdp.trim(), isUntested: untested.has(typed.text) }, stop));
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

/** The path has no name yet; with this one, a test has the default settings. */
const NEW_PATH = 'new_camera';

async function testedSource(
  typed: Extract<TypedAddress, { kind: 'source' }>,
  { sdp, isUntested }: { readonly sdp: string; readonly isUntested: boolean },
  stop: AbortSignal,
): Promise<Candidate> {
  const t = sourceWords.peek();
  if (typed.needsSdp && sdp === '') {
    throw new FieldError<Missing>('sdp', t.sdpMissing);
  }
  if (isUntested) {
    return sourceCandidate(typed, sdp, t.notTested);
  }
  const settings = { source: typed.text, ...(typed.needsSdp && { rtpSDP: sdp }) };
  const test = await testSource(NEW_PATH, settings, stop).catch((error: unknown) => {
    throw error instanceof RequestError && error.status === 400
      ? new FieldError<Missing>('address', t.rejected)
      : error;
  });
  if (!test.isGood) {
    throw new FieldError<Missing>('address', failureText(test, typed.text));
  }
  return sourceCandidate(typed, typed.needsSdp ? sdp : '', cameText(test));
}

type LookLogin = CameraLogin & { readonly maker: string };

/** @returns undefined if cancelled */
async function cameraAt(
  target: string,
  { maker, ...login }: LookLogin,
  stop: AbortSignal,
  onProgress: (look: ProbeAnswer) => void,
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
  onProgress: (look: ProbeAnswer) => void,
): Promise<ProbeAnswer> {
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
async function tellRange({ target }: ProbeAnswer, stop: AbortSignal): Promise<void> {
  await loadDiscovered(stop);
  if (!stop.aborted) {
    const there = discoveredCameras.peek().filter(({ address }) => isWithin(address, target));
    toast(startWords.peek().rangeDone(there.length));
  }
}
