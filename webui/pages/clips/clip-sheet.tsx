import { useEffect, useMemo, useState } from 'preact/hooks';
import { type CameraEvent, fetchEvents } from '../../api-client/recordings/event-list.ts';
import { protect, setNote, unprotect } from '../../api-client/recordings/protections.ts';
import type { SavedClip } from '../../api-client/recordings/saved-clips.ts';
import { isMe, isOwner } from '../../api-client/session.ts';
import { filmAddress } from '../../api-client/urls.ts';
import { cameraTitle } from '../../cameras/camera-title.ts';
import { cameras } from '../../cameras/cameras.ts';
import { groups, loadLayouts } from '../../cameras/layouts.ts';
import { filmCameras, MAX_FILM_MS } from '../../clips/clip.ts';
import { ClipDelivery } from '../../clips/clip-delivery.tsx';
import { clipFileAddress, useClipDownload } from '../../clips/clip-download.ts';
import { fieldProps } from '../../forms/field-props.ts';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { serverForm } from '../../forms/server-form.ts';
import { nowMs } from '../../shell/page-state.ts';
import { recordingsLink } from '../../shell/route.ts';
import { TextField } from '../../ui/controls/field.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt, toastFailure } from '../../ui/feedback/toast-failure.ts';
import { lazyPart } from '../../ui/lazy/lazy-page.tsx';
import { Sheet } from '../../ui/sheet/sheet.tsx';
import { clipWords } from '../../words/clips.ts';
import { dayName } from '../../words/dates.ts';
import { byteSize, clockSeconds, duration, listed, moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { libraryWords } from '../../words/settings/library.ts';
import { ClipVideo } from './clip-video.tsx';

const LinkSheet = lazyPart(() => import('./clip-link-sheet.tsx').then((part) => part.ClipLinkSheet));

interface ClipSheetProps {
  readonly clip: SavedClip;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** Plays a clip of the library; owners edit, share and remove it. */
export function ClipSheet({ clip, onChanged, onClosed }: ClipSheetProps) {
  const intl = i18n();
  const t = libraryWords.value;
  const { path, startMs, endMs, note, bytes, pictureMs, by, createdMs } = clip;
  const title = cameraTitle(path);
  const delivery = useClipDownload(path, title, clip, bytes);
  const [open, setOpen] = useState<'note' | 'link'>();
  const [isDone, setDone] = useState(false);
  const close = () => setOpen(undefined);
  const remove = () =>
    attempt(async () => {
      await unprotect(clip.id);
      setDone(true);
      onChanged();
      toast(clipWords.value.removedClip, () => {
        protect(path, { startMs, endMs, note }).then(onChanged, toastFailure);
      });
    });
  const saved = createdMs === undefined ? undefined : moment(createdMs, nowMs.value, intl);
  return (
    <>
      <Sheet title={title} onClosed={onClosed} isDone={isDone}>
        {pictureMs !== undefined ? (
          <ClipVideo address={clipFileAddress(path, clip)} />
        ) : (
          <p class="hint warn">{t.clipLostText}</p>
        )}
        <div class="clip-facts">
          {note !== '' && (
            <p>
              <bdi>{note}</bdi>
            </p>
          )}
          <p class="dim small digits">
            {dayName(startMs, nowMs.value, intl)} {clockSeconds(startMs, intl.language)} ·{' '}
            {duration(endMs - startMs, intl)}
            {pictureMs !== undefined && ` · ${byteSize(bytes, intl.language)}`}
          </p>
          {saved && (
            <p class="dim small">{by === undefined || isMe(by) ? t.clipSavedAt(saved) : t.clipSavedBy(by, saved)}</p>
          )}
        </div>
        <ClipDelivery delivery={delivery} isOff={pictureMs === undefined} />
        <div class="rows-end">
          {isOwner.value && (
            <>
              <Row icon="link" title={t.clipLink} text={t.clipLinkText} onClick={() => setOpen('link')} />
              <Row icon="note" title={note === '' ? t.addNote : t.editNote} onClick={() => setOpen('note')} />
            </>
          )}
          {pictureMs !== undefined && <Film clip={clip} />}
          <Row
            icon="recordings"
            title={t.showInRecordings}
            href={recordingsLink(path, { atMs: startMs, clip: { startMs, endMs } })}
          />
          {isOwner.value && (
            <Row icon="cross" danger title={clipWords.value.removeClip} text={t.removeClipText} onClick={remove} />
          )}
        </div>
      </Sheet>
      {open === 'note' && <NoteSheet clip={clip} onChanged={onChanged} onClosed={close} />}
      {open === 'link' && <LinkSheet clip={clip} onClosed={close} />}
    </>
  );
}

/** Events that began earlier are not looked for. */
const BEFORE_MS = 10 * 60_000;

/** The clip from all cameras that saw it, if others did. */
function Film({ clip }: { readonly clip: SavedClip }) {
  const { path, startMs, endMs } = clip;
  const [events, setEvents] = useState<readonly CameraEvent[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    const query = { fromMs: startMs - BEFORE_MS, toMs: endMs, path: undefined, types: [] };
    Promise.all([fetchEvents(query, undefined, stop.signal), loadLayouts()]).then(
      ([{ items }]) => setEvents(items),
      () => {},
    );
    return () => stop.abort();
  }, [startMs, endMs]);
  const known = (cameras.value ?? []).filter(({ main }) => main.mayPlayback !== false).map(({ name }) => name);
  const names = filmCameras(path, { startMs, endMs }, events, groups.value ?? [], known);
  if (names.length < 2 || endMs - startMs > MAX_FILM_MS) {
    return null;
  }
  const text = listed(names.map(cameraTitle), i18n().language);
  return <Row icon="download" title={libraryWords.value.film} text={text} href={filmAddress(names, startMs, endMs)} />;
}

function NoteSheet({ clip, onChanged, onClosed }: ClipSheetProps) {
  const t = libraryWords.value;
  const form = useMemo(
    () =>
      serverForm<{ readonly note: string }>({
        initial: { note: clip.note },
        validate: {},
        save: async ({ note = '' }) => setNote(clip.id, note.trim()),
      }),
    [],
  );
  return (
    <FormSheet
      title={clip.note === '' ? t.addNote : t.editNote}
      form={form}
      onClosed={onClosed}
      onSaved={onChanged}
      text={t.noteText}
    >
      <TextField label={t.clipNote} autocomplete="off" {...fieldProps(form, 'note', 500)} />
    </FormSheet>
  );
}
