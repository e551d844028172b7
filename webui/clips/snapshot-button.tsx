import { Icon } from '../parts/icon.tsx';
import { toast } from '../parts/toast.tsx';
import { liveWords } from '../words/words.ts';
import { savePicture } from './snapshot.ts';

/** The picture of the moment as a file. */
export function SnapshotButton({ title }: { readonly title: string }) {
  return (
    <button
      class="round"
      type="button"
      aria-label={liveWords.value.snapshot}
      onClick={async () => {
        if (await savePicture(title)) {
          toast(liveWords.peek().pictureSaved);
        }
      }}
    >
      <Icon name="snapshot" />
    </button>
  );
}
