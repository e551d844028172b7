import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Protection, protect, protectionsOf, unprotect } from '../api-client/recordings/protections.ts';
import { mayPlayBack } from '../api-client/recordings/recordings.ts';
import { isOwner } from '../api-client/session.ts';
import { nowMs } from '../shell/page-state.ts';
import { invalidateLanes } from '../timeline/lane-data.ts';
import { clip, seek } from '../timeline/view.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { attempt } from '../ui/feedback/toast-failure.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { clipWords } from '../words/clips.ts';
import { dayName } from '../words/dates.ts';
import { clockSeconds, duration } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import type { Clip } from './clip.ts';
import { zoomToClip } from './clip-selection.ts';
import { Thumbnail } from './thumbnail.tsx';

/** Protected recordings of a camera. The owner can remove the protection. */
export function ProtectedList({ name, onGo }: { readonly name: string; readonly onGo: () => void }) {
  const all = useProtections(name) ?? [];
  if (all.length === 0) {
    return null;
  }
  return (
    <section class="protected">
      <h3>{clipWords.value.savedClips}</h3>
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
  const { language, words: common } = i18n();
  const words = clipWords.value;
  const { id, startMs, endMs, note } = protection;
  const length = duration(endMs - startMs, { language, words: common });
  const stop = async () => {
    if (await attempt(() => unprotectClip(name, id))) {
      const again = { startMs, endMs, ...(note && { note }) };
      toast(words.removedClip, () => void protectClip(name, again).catch(() => toast(words.clipNotSaved)));
    }
  };
  return (
    <>
      <button
        class="row"
        type="button"
        onClick={() => {
          clip.value = { startMs, endMs };
          zoomToClip({ startMs, endMs });
          seek(startMs, false);
          onGo();
        }}
      >
        <Thumbnail name={name} ms={startMs} />
        <span class="grow">
          <b class="digits">
            {dayName(startMs, nowMs.value, { language, words: common })} {clockSeconds(startMs, language)}
          </b>
          <span class="small dim">{note === '' ? length : <bdi>{`${length} · ${note}`}</bdi>}</span>
        </span>
      </button>
      {isOwner.value && (
        <button class="round" type="button" aria-label={words.removeClip} onClick={stop}>
          <Icon name="cross" />
        </button>
      )}
    </>
  );
}

/** Protected clips of one camera, newest first. */
const known = signal<{ readonly name: string; readonly all: readonly Protection[] } | undefined>(undefined);

/** Protected clips of the camera; undefined until the first response. */
export function useProtections(name: string): readonly Protection[] | undefined {
  const mayAsk = mayPlayBack(name);
  useEffect(() => {
    if (mayAsk) {
      load(name);
    }
  }, [name, mayAsk]);
  return known.value?.name === name ? known.value.all : undefined;
}

async function load(name: string): Promise<void> {
  const all = await protectionsOf(name).catch(() => undefined);
  if (all) {
    known.value = { name, all };
  }
}

/** The protection that covers the whole clip. */
export const protectionOf = (all: readonly Protection[], { startMs, endMs }: Clip): Protection | undefined =>
  all.find((one) => one.startMs <= startMs && one.endMs >= endMs);

export async function protectClip(name: string, clip: Clip & { readonly note?: string }): Promise<void> {
  await protect(name, clip);
  await changed(name);
}

export async function unprotectClip(name: string, id: string): Promise<void> {
  await unprotect(id);
  await changed(name);
}

async function changed(name: string): Promise<void> {
  invalidateLanes();
  await load(name);
}
