import { byteSize, moment } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { archiveWords } from '../../../words/settings/archive.ts';
import type { ArchiveStatus } from './archive-data.ts';

/** What is archived and what waits; while it fails, since when and why. */
export function ArchiveState({ status }: { readonly status: ArchiveStatus }) {
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

export function failureText({ why, error }: { readonly why: string | null; readonly error: string | null }): string {
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
