import { notDoneWords } from '../api-client/error-text.ts';
import type { Protection } from '../api-client/protections.ts';
import { isOwner } from '../api-client/session.ts';
import { nowMs } from '../shell/page-state.ts';
import { clip, seek } from '../timeline/view.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { voice } from '../words/i18n.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { clipWords } from '../words/clips.ts';
import { clockSeconds, dayName, duration } from '../words/format.ts';
import { comeCloser } from './clip-selection.ts';
import { keep, keepNoMore, useProtections } from './protected.ts';
import { Thumb } from './thumbnail.tsx';

/** What of a camera is protected: one goes to it, and its owner protects it no more. Nothing while there is none. */
export function ProtectedList({ name, onGo }: { readonly name: string; readonly onGo: () => void }) {
  const all = useProtections(name) ?? [];
  if (all.length === 0) {
    return null;
  }
  return (
    <section class="protected">
      <h3>{clipWords.value.protectedList}</h3>
      <ul>
        {all.map((one) => (
          <li key={one.id}>
            <Entry name={name} protection={one} onGo={onGo} />
          </li>
        ))}
      </ul>
    </section>
  );
}

interface EntryProps {
  readonly name: string;
  readonly protection: Protection;
  readonly onGo: () => void;
}

function Entry({ name, protection, onGo }: EntryProps) {
  const { language, words: common } = voice();
  const words = clipWords.value;
  const { id, startMs, endMs, note } = protection;
  const length = duration(endMs - startMs, { language, words: common });
  const stop = async () => {
    const isDone = await keepNoMore(name, id).then(
      () => true,
      (error: unknown) => {
        toast(notDoneWords(error));
        return false;
      },
    );
    if (isDone) {
      const again = { startMs, endMs, ...(note && { note }) };
      toast(words.unprotected, () => void keep(name, again).catch(() => toast(words.notProtected)));
    }
  };
  return (
    <>
      <button
        class="row"
        type="button"
        onClick={() => {
          clip.value = { startMs, endMs };
          comeCloser({ startMs, endMs });
          seek(startMs, false);
          onGo();
        }}
      >
        <Thumb name={name} ms={startMs} />
        <span class="grow">
          <b class="digits">
            {dayName(startMs, nowMs.value, { language, words: common })} {clockSeconds(startMs, language)}
          </b>
          <span class="small dim">{note === '' ? length : <bdi>{`${length} · ${note}`}</bdi>}</span>
        </span>
      </button>
      {isOwner.value && (
        <button class="round" type="button" aria-label={words.unprotect} onClick={stop}>
          <Icon name="cross" />
        </button>
      )}
    </>
  );
}
