import { notDoneWords } from '../../../api-client/error-text.ts';
import { ask } from '../../../api-client/request.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { cameras } from '../../../cameras/cameras.ts';
import { readableName } from '../../../cameras/camera.ts';
import { recordingsLink } from '../../../shell/route.ts';
import { toast } from '../../../ui/feedback/toast.tsx';
import { voice } from '../../../words/i18n.ts';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { duration, moment } from '../../../words/format.ts';
import { storageWords } from '../../../words/storage.ts';

/** As `/v3/recordings/protected` has it. Times are RFC 3339. */
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

/** What stays whatever its age: each leads to its moment. */
export function ProtectedSheet({ clips, onClosed, onChanged }: ProtectedProps) {
  const say = storageWords.value;
  const unprotect = async ({ id, path, start, end, note }: ProtectedClip) => {
    try {
      await ask(`v3/recordings/protect/${id}`, { method: 'DELETE' });
      onChanged();
      toast(storageWords.peek().unprotected, () => {
        ask('v3/recordings/protect', { method: 'POST', body: { path, start, end, note } }).then(
          onChanged,
          (error: unknown) => toast(notDoneWords(error)),
        );
      });
    } catch (error) {
      toast(notDoneWords(error));
    }
  };
  return (
    <Sheet title={say.protectedClips} onClosed={onClosed}>
      <p class="dim small">{say.protectedText}</p>
      <ul class="clips-kept">
        {clips.map((clip) => (
          <li key={clip.id}>
            <Clip clip={clip} />
            <button class="text" type="button" onClick={() => void unprotect(clip)}>
              {say.unprotect}
            </button>
          </li>
        ))}
      </ul>
    </Sheet>
  );
}

function Clip({ clip: { path, start, end, note } }: { readonly clip: ProtectedClip }) {
  const speaker = voice();
  const [startMs, endMs] = [Date.parse(start), Date.parse(end)];
  const title = cameras.value?.find(({ name }) => name === path)?.title ?? readableName(path);
  const when = moment(startMs, nowMs.value, speaker);
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
          {storageWords.value.protectedFrom(when, duration(endMs - startMs, speaker))}
        </span>
      </span>
    </a>
  );
}
