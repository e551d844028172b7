import { useEffect, useRef, useState } from 'preact/hooks';
import { type ClipPage, clipsAddress, readClips, type SavedClip } from '../../api-client/recordings/saved-clips.ts';
import { isOwner } from '../../api-client/session.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { cameraTitle } from '../../cameras/camera-title.ts';
import { CameraChoice } from '../../clips/camera-choice.tsx';
import { isLiveOnly, LiveOnly } from '../../clips/live-only.tsx';
import { RecordedThumbnail } from '../../clips/thumbnail.tsx';
import { Empty } from '../../live/notices.tsx';
import { nowMs } from '../../shell/page-state.ts';
import { clipsLink, recordingsLink, route } from '../../shell/route.ts';
import { Button } from '../../ui/controls/button.tsx';
import { Icon } from '../../ui/icons/icon.tsx';
import { dayName } from '../../words/dates.ts';
import { byteSize, clockSeconds, duration, percent } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { libraryWords } from '../../words/settings/library.ts';
import { words } from '../../words/words.ts';
import { ClipSheet } from './clip-sheet.tsx';
import { DeletedRecordings } from './deleted-recordings.tsx';

const PAGE = 50;

export function ClipsPage() {
  const here = route.value;
  const path = here.page === 'clips' ? here.camera : undefined;
  return isLiveOnly(path) ? <LiveOnly name={path} /> : <Clips path={path} />;
}

/** The library: saved clips of all cameras, newest first. */
function Clips({ path }: { readonly path: string | undefined }) {
  const [count, setCount] = useState(PAGE);
  const [isCopying, setCopying] = useState(false);
  const { value, again } = usePolled<ClipPage>(clipsAddress(path, count), isCopying ? 'fast' : 'slow');
  const last = useRef<{ readonly path: string | undefined; readonly page: ClipPage }>(undefined);
  if (value) {
    last.current = { path, page: value };
  }
  // The list stays while a longer one loads.
  const page = value ?? (last.current?.path === path ? last.current?.page : undefined);
  const clips = page && readClips(page);
  const isAnyCopied = clips?.some(({ copying }) => copying) ?? false;
  useEffect(() => setCopying(isAnyCopied), [isAnyCopied]);
  const [open, setOpen] = useState<string>();
  const shown = clips?.find(({ id }) => id === open);
  const t = libraryWords.value;
  return (
    <div class="clips-page">
      <header class="top">
        <h1>{words.value.clips}</h1>
        <CameraChoice path={path} linkTo={clipsLink} />
      </header>
      {clips?.length === 0 && (
        <Empty title={t.noClips} text={t.noClipsText}>
          <a class="button main" href={path === undefined ? '#/rec' : recordingsLink(path)}>
            {words.value.recordings}
          </a>
        </Empty>
      )}
      {clips ? (
        <ul>
          {clips.map((clip) => (
            <li key={clip.id}>
              <button type="button" onClick={() => setOpen(clip.id)}>
                <Entry clip={clip} />
              </button>
            </li>
          ))}
        </ul>
      ) : (
        <div class="skeleton block" />
      )}
      {page && page.itemCount > count && <Button onClick={() => setCount(count + PAGE)}>{t.moreClips}</Button>}
      {isOwner.value && <DeletedRecordings />}
      {shown && <ClipSheet key={shown.id} clip={shown} onChanged={again} onClosed={() => setOpen(undefined)} />}
    </div>
  );
}

function Entry({ clip }: { readonly clip: SavedClip }) {
  const { language, words: common } = i18n();
  const { path, startMs, endMs, note, bytes, pictureMs, copying } = clip;
  const length = duration(endMs - startMs, { language, words: common });
  const t = libraryWords.value;
  return (
    <>
      <span class="clip-thumb">
        <RecordedThumbnail name={path} ms={pictureMs} />
        <span class="clip-length digits">{length}</span>
      </span>
      <span class="clip-caption">
        <b>
          <bdi>{note || cameraTitle(path)}</bdi>
        </b>
        {note !== '' && (
          <span class="small">
            <bdi>{cameraTitle(path)}</bdi>
          </span>
        )}
        <span class="small dim digits">
          {dayName(startMs, nowMs.value, { language, words: common })} {clockSeconds(startMs, language)}
        </span>
        {copying ? (
          <span class="small dim digits">
            {copying.error === null ? t.clipCopying(percent(copying.share, language)) : t.clipWaits}
          </span>
        ) : pictureMs !== undefined ? (
          <span class="small dim digits">{byteSize(bytes, language)}</span>
        ) : (
          <span class="small clip-lost">
            <Icon name="alert" small />
            {t.clipLost}
          </span>
        )}
      </span>
    </>
  );
}
