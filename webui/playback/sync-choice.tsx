import { syncedCameras } from '../timeline/view.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { recordingsWords } from '../words/recordings.ts';

const NONE = '';

interface SyncChoiceProps {
  readonly cameras: readonly { readonly name: string; readonly title: string }[];
}

/** Chooses a second camera on phones, which have no lanes. */
export function SyncChoice({ cameras }: SyncChoiceProps) {
  const t = recordingsWords.value;
  return (
    <label class="round sync-choice">
      <Icon name="arrange" />
      <select
        aria-label={t.stepWith}
        value={syncedCameras.value.at(-1) ?? NONE}
        onChange={({ currentTarget: { value } }) => {
          syncedCameras.value = value === NONE ? [] : [value];
        }}
      >
        <option value={NONE}>{t.stepAlone}</option>
        {cameras.map(({ name, title }) => (
          <option key={name} value={name}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}
