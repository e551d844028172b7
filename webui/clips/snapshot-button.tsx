import { givePicture } from '../ui/browser/share-picture.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { liveWords } from '../words/words.ts';
import { takePicture } from './snapshot.ts';

/** The picture of the moment as a file. */
export function SnapshotButton({ title }: { readonly title: string }) {
  return (
    <button
      class="round"
      type="button"
      aria-label={liveWords.value.snapshot}
      onClick={async () => givePicture(await takePicture(title))}
    >
      <Icon name="snapshot" />
    </button>
  );
}
