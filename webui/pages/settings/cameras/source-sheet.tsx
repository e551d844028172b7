import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Tagged } from '../../../api-client/config.ts';
import { saveErrorText } from '../../../api-client/error-text.ts';
import { isRtpSource } from '../../../cameras/adding/typed-address.ts';
import { ConflictLine } from '../../../forms/conflict.tsx';
import { fieldProps } from '../../../forms/field-props.ts';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { Button } from '../../../ui/controls/button.tsx';
import { TextField } from '../../../ui/controls/field.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { TextArea } from '../../../ui/controls/text-area.tsx';
import { Icon } from '../../../ui/icons/icon.tsx';
import { reasonsWords } from '../../../words/reasons.ts';
import { sourceWords } from '../../../words/settings/sources.ts';
import { words } from '../../../words/words.ts';
import { useConfigAtFirst } from './data/camera-data.ts';
import type { PathConfig } from './data/camera-settings.ts';
import { SourceForm } from './data/source-form.ts';

interface SourceProps {
  /** Name of the path. */
  readonly name: string;
  /** Path of the low-resolution stream. */
  readonly sub: string | undefined;
  readonly onClosed: () => void;
}

/** The address that the video comes from, with a test before it is saved. */
export function SourceSheet(props: SourceProps) {
  const seen = useConfigAtFirst(props.name);
  return seen ? <Loaded {...props} seen={seen} /> : null;
}

function Loaded({ name, sub, seen, onClosed }: SourceProps & { readonly seen: Tagged<PathConfig> }) {
  const t = sourceWords.value;
  const source = useMemo(() => new SourceForm(name, seen), []);
  const [isSub, setSub] = useState(false);
  const { edited, result } = source;
  const { form } = edited;
  useEffect(() => () => source.close(), []);
  const save = () => edited.toastSaved();
  return (
    <>
      <FormSheet
        title={isSubPath(name) ? t.lowResolution : t.source}
        form={form}
        onClosed={onClosed}
        onSaved={save}
        check={() => source.check()}
        foot={<Foot source={source} />}
      >
        <TextField
          label={t.sourceAddress}
          autocomplete="off"
          hint={form.values.value.source.trim() === '' ? t.empty : t.addressHint}
          {...fieldProps(form, 'source', 2_000)}
        />
        <ConflictLine form={form} name="source" format={(text) => text} />
        {isRtpSource(form.values.value.source) && (
          <TextArea label={t.sdp} hint={t.sdpHint} {...fieldProps(form, 'sdp')} />
        )}
        <p class="dim small">{t.loginHidden}</p>
        {result?.isGood && result.text !== '' && (
          <p class="tested" role="status">
            <Icon name="ok" small />
            {t.works(result.text)}
          </p>
        )}
        {sub !== undefined && <Row title={t.lowResolution} onClick={() => setSub(true)} />}
      </FormSheet>
      {isSub && sub !== undefined && <SourceSheet name={sub} sub={undefined} onClosed={() => setSub(false)} />}
    </>
  );
}

const isSubPath = (name: string): boolean => name.endsWith('_sub');

function Foot({ source }: { readonly source: SourceForm }) {
  const t = sourceWords.value;
  const { form } = source.edited;
  const { result, isReady, isTesting } = source;
  const saving = form.saving.value;
  const failure = form.failure.value;
  const failed = result && !result.isGood ? result.text : failure !== undefined && saveErrorText(failure);
  const busy = isTesting.value ? t.testing : saving !== 'no' && words.value.saving;
  return (
    <>
      <Button kind="main" type="submit" isOff={!form.isDirty.value} busy={busy}>
        {isReady ? words.value.save : t.test}
      </Button>
      {result && !result.isGood && !busy && (
        <Button kind="text" type="submit" onClick={() => source.skipTest()}>
          {t.saveUntested}
        </Button>
      )}
      <p class={failed ? 'bad small' : 'dim small'} role="status">
        {saving === 'waiting' ? reasonsWords.value.savedLater : failed || (isReady ? t.saveText : t.testText)}
      </p>
    </>
  );
}
