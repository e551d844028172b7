import { isOwner } from '../api-client/session.ts';
import { usePolled } from '../api-client/use-polled.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { recordingsWords } from '../words/recordings.ts';

interface Disks {
  readonly items: readonly { readonly folder: string; readonly state: string }[];
}

/** A disk with recordings of this camera is missing. */
export function MissingDisk() {
  const { value } = usePolled<Disks>(isOwner.value ? 'v3/disks' : undefined, 'slow', { news: ['disk'] });
  const away = value?.items.filter(({ state }) => state === 'vanished') ?? [];
  return (
    <>
      {away.map(({ folder }) => (
        <p key={folder} class="hint bad missing-disk" role="alert">
          <Icon name="alert" small />
          <span>{recordingsWords.value.diskAway(folder)}</span>
        </p>
      ))}
    </>
  );
}
