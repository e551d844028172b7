import { useState } from 'preact/hooks';
import type { ArchiveResult, ArchiveState } from '../../../agent/features/archive/routes.ts';
import { actionErrorText } from '../../api-client/error-text.ts';
import { fetchJson } from '../../api-client/request.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { type ConfigForm, type FormSettings, GLOBAL } from '../../forms/config-form.ts';
import { choiceProps, fieldProps } from '../../forms/field-props.ts';
import { HOURS } from '../../forms/hours.ts';
import { ConflictLines, PageForm } from '../../forms/page-form.tsx';
import { useConfigForm } from '../../forms/use-config-form.ts';
import { settingsLink } from '../../shell/route.ts';
import { Button } from '../../ui/controls/button.tsx';
import { PasswordField, TextField } from '../../ui/controls/field.tsx';
import { LowerPageHeader } from '../../ui/controls/lower-page-header.tsx';
import { SegmentedControl } from '../../ui/controls/segment.tsx';
import { byteSize, moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { storageWords } from '../../words/settings/storage.ts';
import {
  type ArchiveConfig,
  type ArchiveValues,
  changeOf,
  isServerUrl,
  RATE,
  serverUrlOf,
  testOf,
  valuesOf,
} from './archive-data.ts';
import { ArchiveKey } from './archive-key.tsx';
import { ArchiveScope } from './archive-scope.tsx';
import { archiveWords } from './words.ts';

/** What is archived and what waits; while it fails, since when and why. */
function ArchiveProgress({ status }: { readonly status: ArchiveState }) {
  const t = archiveWords.value;
  const at = i18n();
  const { state, since, waiting, archived, warning } = status;
  if (state === 'off') {
    return null;
  }
  const size = (bytes: number) => byteSize(bytes, at.language);
  const failing = since === null ? '' : t.failingSince(moment(Date.parse(since), Date.now(), at));
  return (
    <div role="status">
      {state === 'failing' && (
        <p class="bad">
          {failing} {failureText(status)} {t.recordingContinues}
        </p>
      )}
      {warning === 'sameDisk' && <p class="bad">{t.sameDisk}</p>}
      <p class="dim">
        {{ failing: '', idle: '', uploading: t.uploading, outOfHours: t.outOfHours }[state]}{' '}
        {waiting.files === 0 ? t.nothingWaits : t.waiting(waiting.files, size(waiting.bytes))}{' '}
        {t.archived(archived.files, size(archived.bytes))}
      </p>
    </div>
  );
}

function failureText({ why, error }: { readonly why: string | null; readonly error: string | null }): string {
  const t = archiveWords.value;
  const texts: Readonly<Record<string, string>> = {
    name: t.whyName,
    unreachable: t.whyUnreachable,
    timeout: t.whySilent,
    certificate: t.whyCertificate,
    notPrivate: t.whyNotPrivate,
    login: t.whyLogin,
    denied: t.whyDenied,
    noBucket: t.whyNoBucket,
    clock: t.whyClock,
    full: t.whyFull,
    slow: t.whySlow,
    missing: t.whyMissing,
    readOnly: t.whyReadOnly,
    key: t.whyKey,
    noS3: t.whyNoS3,
  };
  // The others have a value in their sentence.
  return texts[why ?? ''] ?? `${why === 'region' ? t.whyRegion : t.whyOther} (${error ?? ''})`;
}

/** The box ends a test after a minute. */
const TEST_MS = 70_000;

type ArchiveForm = ConfigForm<ArchiveConfig, ArchiveValues>;
type TextKey = Exclude<keyof ArchiveValues, 'archive' | 'archiveEncryption'>;

/** Settings, Storage, Archive: copies of recordings elsewhere. */
export function ArchivePage() {
  const t = archiveWords.value;
  const edited = useConfigForm(GLOBAL, ARCHIVE_FORM);
  const { value, again } = usePolled<ArchiveState>('v3/archive', 'steady', { news: ['config'] });
  return (
    <section class="archive feature-form">
      <LowerPageHeader title={t.archive} href={settingsLink('storage')} above={storageWords.value.storage} />
      <p class="dim">{t.text}</p>
      {value && <ArchiveProgress status={value} />}
      {value && <ArchiveKey status={value} onChanged={again} />}
      {edited ? <Fields edited={edited} /> : <div class="skeleton block" />}
      {value && value.state !== 'off' && <ArchiveScope />}
    </section>
  );
}

const ARCHIVE_FORM: FormSettings<ArchiveConfig, ArchiveValues> = {
  valuesOf,
  changeOf,
  validate: {
    archiveURL: (typed, { archive }) =>
      archive !== 's3' || isServerUrl(serverUrlOf(typed)) ? undefined : archiveWords.peek().urlWrong,
    archiveBucket: (typed, { archive }) =>
      archive !== 's3' || typed.trim() !== '' ? undefined : archiveWords.peek().bucketMissing,
    archiveAccessKey: (typed, { archive }) =>
      archive !== 's3' || typed.trim() !== '' ? undefined : archiveWords.peek().accessKeyMissing,
    archiveFolder: (typed, { archive }) =>
      archive !== 'folder' || typed.startsWith('/') ? undefined : archiveWords.peek().folderWrong,
    archiveMaxRate: (typed) =>
      typed.trim() === '' || RATE.test(typed.trim()) ? undefined : storageWords.peek().rateWrong,
    archiveHours: (typed) => (typed === '' || HOURS.test(typed) ? undefined : archiveWords.peek().hoursWrong),
  },
};

function Fields({ edited }: { readonly edited: ArchiveForm }) {
  const t = archiveWords.value;
  const { form } = edited;
  const { archive } = form.values.value;
  const text = (name: TextKey, label: string, hint?: string) => (
    <TextField label={label} hint={hint} autocomplete="off" {...fieldProps(form, name, 1_000)} />
  );
  return (
    <PageForm edited={edited} text={t.effect}>
      <SegmentedControl
        label={t.where}
        options={[
          { value: 'no', text: t.off },
          { value: 's3', text: t.s3 },
          { value: 'folder', text: t.folder },
        ]}
        {...choiceProps(form, 'archive')}
      />
      {archive === 's3' && (
        <>
          {text('archiveURL', t.url, t.urlHint)}
          {text('archiveBucket', t.bucket)}
          {text('archiveRegion', t.region, t.regionHint)}
          {text('archiveAccessKey', t.accessKey)}
          <PasswordField
            label={t.secretKey}
            hint={t.secretHint}
            autocomplete="off"
            {...fieldProps(form, 'archiveSecretKey', 256)}
          />
        </>
      )}
      {archive === 'folder' && text('archiveFolder', t.folderPath, t.folderHint)}
      {archive !== 'no' && (
        <>
          <SegmentedControl
            label={t.encryption}
            options={[
              { value: 'auto', text: t.auto },
              { value: 'yes', text: t.on },
              { value: 'no', text: t.off },
            ]}
            {...choiceProps(form, 'archiveEncryption')}
          />
          <p class="dim small">{t.encryptionHint}</p>
          {text('archiveMaxRate', storageWords.value.rate, storageWords.value.rateHint)}
          {text('archiveHours', t.hours, t.hoursHint)}
          <Test form={form} />
        </>
      )}
      <ConflictLines form={form} format={(value) => value} />
    </PageForm>
  );
}

function Test({ form }: { readonly form: ArchiveForm['form'] }) {
  const t = archiveWords.value;
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<ArchiveResult | { readonly failure: unknown }>();
  const test = async () => {
    setResult(undefined);
    if (!form.judge()) {
      return;
    }
    setBusy(true);
    try {
      const body = testOf(form.values.peek());
      setResult(await fetchJson<ArchiveResult>('v3/archive/test', { method: 'POST', body, limitMs: TEST_MS }));
    } catch (failure) {
      setResult({ failure });
    }
    setBusy(false);
  };
  const isGood = result !== undefined && 'isGood' in result && result.isGood;
  return (
    <>
      <Button busy={isBusy && t.testing} onClick={() => void test()}>
        {t.test}
      </Button>
      <p class={isGood && result.warning === null ? 'good small' : 'bad small'} role="status">
        {result && 'failure' in result && actionErrorText(result.failure)}
        {result && 'isGood' in result && resultText(result)}
      </p>
    </>
  );
}

function resultText(result: ArchiveResult): string {
  const { good, sameDisk } = archiveWords.value;
  return result.isGood ? (result.warning === null ? good : sameDisk) : failureText(result);
}
