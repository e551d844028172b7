import { actionErrorText } from '../../../api-client/error-text.ts';
import { fetchJson } from '../../../api-client/request.ts';
import { readableName } from '../../../cameras/camera.ts';
import { cameras } from '../../../cameras/cameras.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { recordingsLink } from '../../../shell/route.ts';
import { toast } from '../../../ui/feedback/toast.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { duration, moment } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { storageWords } from '../../../words/storage.ts';

/** Of `/v3/recordings/protected`. Times are RFC 3339. */
export interface ProtectedClip {
  readonly id: string;
  readonly path: string;
  readonly start: string;
  readonly end: string;
  readonly note: string;
}

interface ProtectedProps {
  readonly clips: readonly ProtectedClip[];
  readonly onClosed: () => void;
  readonly onChanged: () => void;
}

/** Protected recordings, with links to their moments. */
export function ProtectedSheet({ clips, onClosed, onChanged }: ProtectedProps) {
  const t = storageWords.value;
  const unprotect = async ({ id, path, start, end, note }: ProtectedClip) => {
    try {
      await fetchJson(`v3/recordings/protect/${id}`, { method: 'DELETE' });
      onChanged();
      toast(storageWords.peek().unprotected, () => {
        fetchJson('v3/recordings/protect', { method: 'POST', body: { path, start, end, note } }).then(
          onChanged,
          (error: unknown) => toast(actionErrorText(error)),
        );
      });
    } catch (error) {
      toast(actionErrorText(error));
    }
  };
  return (
    <Sheet title={t.protectedClips} onClosed={onClosed}>
      <p class="dim small">{t.protectedText}</p>
      <ul class="protected-clips">
        {clips.map((clip) => (
          <li key={clip.id}>
            <Clip clip={clip} />
            <button class="text" type="button" onClick={() => void unprotect(clip)}>
              {t.unprotect}
            </button>
          </li>
        ))}
      </ul>
    </Sheet>
  );
}

function Clip({ clip: { path, start, end, note } }: { readonly clip: ProtectedClip }) {
  const intl = i18n();
  const [startMs, endMs] = [Date.parse(start), Date.parse(end)];
  const title = cameras.value?.find(({ name }) => name === path)?.title ?? readableName(path);
  const when = moment(startMs, nowMs.value, intl);
  return (
    <a class="row" href={recordingsLink(path, { atMs: startMs, clip: { startMs, endMs } })}>
      <span class="grow">
        <b>
          <bdi>{note || title}</bdi>
        </b>
        <span class="dim small">
          {note && (
            <>
              <bdi>{title}</bdi>
              {' · '}
            </>
          )}
          {storageWords.value.protectedFrom(when, duration(endMs - startMs, intl))}
        </span>
      </span>
    </a>
  );
}
