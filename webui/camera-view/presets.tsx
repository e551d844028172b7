import { useState } from 'preact/hooks';
import { isOwner } from '../api-client/session.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { cameraViewWords } from '../words/camera-view.ts';
import type { Preset } from './ptz-api.ts';

const PlacesSheet = lazyPart(() => import('./presets-sheet.tsx').then((part) => part.PresetsSheet));

interface PresetsProps {
  readonly camera: string;
  readonly all: readonly Preset[];
  readonly chosen: string | undefined;
  readonly onGo: (token: string) => void;
  readonly onChanged: (all: readonly Preset[]) => void;
}

/** Presets; the last chip edits them. */
export function Presets({ camera, all, chosen, onGo, onChanged }: PresetsProps) {
  const [isOpen, setOpen] = useState(false);
  const t = cameraViewWords.value;
  return (
    <>
      <fieldset class="presets" aria-label={t.presets}>
        {all.map(({ token, name }) => (
          <button
            key={token}
            class="chip tap"
            type="button"
            aria-pressed={token === chosen}
            onClick={() => onGo(token)}
          >
            <bdi>{name || token}</bdi>
          </button>
        ))}
        {isOwner.value && (
          <button
            class="chip tap"
            type="button"
            aria-label={all.length > 0 ? t.changePlaces : undefined}
            aria-haspopup="dialog"
            onClick={() => setOpen(true)}
          >
            <Icon name="plus" />
            {all.length === 0 && t.savePlace}
          </button>
        )}
      </fieldset>
      {isOpen && <PlacesSheet camera={camera} all={all} onChanged={onChanged} onClosed={() => setOpen(false)} />}
    </>
  );
}
