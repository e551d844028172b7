import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { RequestError } from '../../../../api-client/request.ts';
import type { CameraLogin } from '../../../../cameras/adoption.ts';
import type { Candidate } from '../../../../cameras/adoption-state.ts';
import { discoveredCameras, isWithin, likelyRange, loadDiscovered } from '../../../../cameras/discovery.ts';
import { candidateAt, type Probe, probeTarget, streamCandidate } from '../../../../cameras/probe.ts';
import { FieldError, type Form } from '../../../../forms/form.ts';
import { FormFooter } from '../../../../forms/form-footer.tsx';
import { FormSheet } from '../../../../forms/form-sheet.tsx';
import { serverForm } from '../../../../forms/server-form.ts';
import { PasswordField, TextField } from '../../../../ui/controls/field.tsx';
import { UnencryptedNotice } from '../../../../ui/controls/login-notes.tsx';
import { SegmentedControl } from '../../../../ui/controls/segment.tsx';
import { toast } from '../../../../ui/feedback/toast.tsx';
import { startWords } from '../../../../words/start.ts';

type How = 'address' | 'range' | 'stream';

interface Missing {
  readonly how: How;
  readonly address: string;
  readonly maker: string;
  readonly range: string;
  readonly stream: string;
  readonly small: string;
  readonly user: string;
  readonly password: string;
}

interface MissingCameraSheetProps {
  readonly login: CameraLogin;
  readonly onFound: (candidate: Candidate) => void;
  readonly onClosed: () => void;
}

/** A camera that no look has found: by its address, by the network it is in, or by the address of its picture. */
export function MissingCameraSheet({ login, onFound, onClosed }: MissingCameraSheetProps) {
  const t = startWords.value;
  const [progress, setProgress] = useState<Probe>();
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const form = useMemo(() => newForm(login, onFound, stop.current.signal, setProgress), []);
  const { how } = form.values.value;
  const isLooking = form.saving.value !== 'no' && progress !== undefined && progress.total > 0;
  return (
    <FormSheet
      title={t.cameraMissing}
      form={form}
      onClosed={onClosed}
      onSaved={() => {}}
      foot={
        <FormFooter
          form={form}
          action={how === 'stream' ? t.putOnList : t.lookThere}
          text={
            isLooking ? t.lookingAt(progress.done, progress.total) : how === 'stream' ? t.putOnListText : t.lookText
          }
        />
      }
    >
      <SegmentedControl
        label={t.missingHow}
        value={how}
        options={[
          { value: 'address', text: t.byAddress },
          { value: 'range', text: t.byRange },
          { value: 'stream', text: t.byStream },
        ]}
        onChange={(value) => form.set('how', value)}
      />
      <Fields form={form} />
    </FormSheet>
  );
}

function Fields({ form }: { readonly form: Form<Missing> }) {
  const t = startWords.value;
  const { how } = form.values.value;
  const field = (name: Exclude<keyof Missing, 'how'>, label: string, hint?: string) => ({
    ...{ label, hint, name, autocomplete: 'off' as const },
    value: form.values.value[name],
    onInput: (value: string) => form.set(name, value),
    isLocked: form.saving.value !== 'no',
    wrong: form.wrong.value[name],
  });
  const login = (
    <>
      <TextField {...field('user', t.cameraUser)} />
      <PasswordField {...field('password', t.cameraPassword)} />
      <UnencryptedNotice />
    </>
  );
  switch (how) {
    case 'address':
      return (
        <>
          <TextField {...field('address', t.byAddress, t.addressHint)} />
          <TextField {...field('maker', t.maker)} />
          {login}
        </>
      );
    case 'range':
      return <TextField {...field('range', t.rangeLabel, t.rangeHint)} />;
    case 'stream':
      return (
        <>
          <TextField {...field('stream', t.largePicture, t.largeHint)} />
          <TextField {...field('small', t.smallPicture)} />
          {login}
        </>
      );
  }
}

const newForm = (
  login: CameraLogin,
  onFound: (candidate: Candidate) => void,
  stop: AbortSignal,
  onProgress: (look: Probe) => void,
) =>
  serverForm<Missing>({
    initial: {
      ...{ how: 'address', address: '', maker: '', stream: '', small: '' },
      ...{ range: likelyRange(discoveredCameras.peek()), user: login.user, password: login.password },
    },
    save: async (values) => {
      const { how, stream, small, user, password } = values;
      const t = startWords.peek();
      if (how === 'stream') {
        const candidate = streamCandidate(stream, small, { user, password });
        if (!candidate) {
          throw new FieldError<Missing>(
            small !== '' && streamCandidate(stream, '', login) ? 'small' : 'stream',
            t.largeWrong,
          );
        }
        onFound(candidate);
        return;
      }
      const look = await lookThere(values, stop, onProgress);
      if (how === 'range') {
        await tellRange(look, stop);
        return;
      }
      const candidate = candidateAt(look, { user, password });
      if (!candidate && !stop.aborted) {
        throw new FieldError<Missing>('address', t.nothingThere);
      }
      if (candidate) {
        onFound(candidate);
      }
    },
  });

async function lookThere(values: Missing, stop: AbortSignal, onProgress: (look: Probe) => void): Promise<Probe> {
  const { how, address, maker, range, user, password } = values;
  const t = startWords.peek();
  const request =
    how === 'range'
      ? { target: range.trim() }
      : { target: address.trim(), user, password, ...(maker.trim() === '' ? {} : { maker: maker.trim() }) };
  try {
    return await probeTarget(request, stop, onProgress);
  } catch (error) {
    if (error instanceof RequestError && error.status === 400) {
      throw how === 'range'
        ? new FieldError<Missing>('range', t.rangeWrong)
        : new FieldError<Missing>('address', t.addressWrong);
    }
    throw error;
  }
}

/** What was found stands in the list behind the sheet. */
async function tellRange({ target }: Probe, stop: AbortSignal): Promise<void> {
  await loadDiscovered(stop);
  if (!stop.aborted) {
    const there = discoveredCameras.peek().filter(({ address }) => isWithin(address, target));
    toast(startWords.peek().rangeDone(there.length));
  }
}
