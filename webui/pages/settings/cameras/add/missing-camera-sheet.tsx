import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { BoxError } from '../../../../api-client/request.ts';
import type { Candidate } from '../../../../cameras/adoption-state.ts';
import { foundItems, isWithin, likelyRange, loadFound } from '../../../../cameras/discovery.ts';
import { candidateAt, type Look, lookAt, streamCandidate } from '../../../../cameras/probe.ts';
import type { CameraLogin } from '../../../../cameras/adoption.ts';
import { boxForm } from '../../../../forms/server-form.ts';
import { FieldError, type Form } from '../../../../forms/form.ts';
import { FormFoot } from '../../../../forms/form-footer.tsx';
import { FormSheet } from '../../../../forms/form-sheet.tsx';
import { ClearText } from '../../../../ui/controls/login-notes.tsx';
import { PasswordField, TextField } from '../../../../ui/controls/field.tsx';
import { Segment } from '../../../../ui/controls/segment.tsx';
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

interface MissingSheetProps {
  readonly login: CameraLogin;
  readonly onFound: (candidate: Candidate) => void;
  readonly onClosed: () => void;
}

/** A camera that no look has found: by its address, by the network it is in, or by the address of its picture. */
export function MissingSheet({ login, onFound, onClosed }: MissingSheetProps) {
  const say = startWords.value;
  const [progress, setProgress] = useState<Look>();
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const form = useMemo(() => newForm(login, onFound, stop.current.signal, setProgress), []);
  const { how } = form.values.value;
  const isLooking = form.saving.value !== 'no' && progress !== undefined && progress.total > 0;
  return (
    <FormSheet
      title={say.cameraMissing}
      form={form}
      onClosed={onClosed}
      onSaved={() => {}}
      foot={
        <FormFoot
          form={form}
          action={how === 'stream' ? say.putOnList : say.lookThere}
          text={
            isLooking
              ? say.lookingAt(progress.done, progress.total)
              : how === 'stream'
                ? say.putOnListText
                : say.lookText
          }
        />
      }
    >
      <Segment
        label={say.missingHow}
        value={how}
        options={[
          { value: 'address', text: say.byAddress },
          { value: 'range', text: say.byRange },
          { value: 'stream', text: say.byStream },
        ]}
        onChange={(value) => form.set('how', value)}
      />
      <Fields form={form} />
    </FormSheet>
  );
}

function Fields({ form }: { readonly form: Form<Missing> }) {
  const say = startWords.value;
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
      <TextField {...field('user', say.cameraUser)} />
      <PasswordField {...field('password', say.cameraPassword)} />
      <ClearText />
    </>
  );
  switch (how) {
    case 'address':
      return (
        <>
          <TextField {...field('address', say.byAddress, say.addressHint)} />
          <TextField {...field('maker', say.maker)} />
          {login}
        </>
      );
    case 'range':
      return <TextField {...field('range', say.rangeLabel, say.rangeHint)} />;
    case 'stream':
      return (
        <>
          <TextField {...field('stream', say.largePicture, say.largeHint)} />
          <TextField {...field('small', say.smallPicture)} />
          {login}
        </>
      );
  }
}

const newForm = (
  login: CameraLogin,
  onFound: (candidate: Candidate) => void,
  stop: AbortSignal,
  onProgress: (look: Look) => void,
) =>
  boxForm<Missing>({
    initial: {
      ...{ how: 'address', address: '', maker: '', stream: '', small: '' },
      ...{ range: likelyRange(foundItems.peek()), user: login.user, password: login.password },
    },
    save: async (values) => {
      const { how, stream, small, user, password } = values;
      const say = startWords.peek();
      if (how === 'stream') {
        const candidate = streamCandidate(stream, small, { user, password });
        if (!candidate) {
          throw new FieldError<Missing>(
            small !== '' && streamCandidate(stream, '', login) ? 'small' : 'stream',
            say.largeWrong,
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
        throw new FieldError<Missing>('address', say.nothingThere);
      }
      if (candidate) {
        onFound(candidate);
      }
    },
  });

async function lookThere(values: Missing, stop: AbortSignal, onProgress: (look: Look) => void): Promise<Look> {
  const { how, address, maker, range, user, password } = values;
  const say = startWords.peek();
  const wish =
    how === 'range'
      ? { target: range.trim() }
      : { target: address.trim(), user, password, ...(maker.trim() === '' ? {} : { maker: maker.trim() }) };
  try {
    return await lookAt(wish, stop, onProgress);
  } catch (error) {
    if (error instanceof BoxError && error.status === 400) {
      throw how === 'range'
        ? new FieldError<Missing>('range', say.rangeWrong)
        : new FieldError<Missing>('address', say.addressWrong);
    }
    throw error;
  }
}

/** What was found stands in the list behind the sheet. */
async function tellRange({ target }: Look, stop: AbortSignal): Promise<void> {
  await loadFound(stop);
  if (!stop.aborted) {
    const there = foundItems.peek().filter(({ address }) => isWithin(address, target));
    toast(startWords.peek().rangeDone(there.length));
  }
}
