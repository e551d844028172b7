import { useState } from 'preact/hooks';
import { Icon } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { cinemaWords } from '../words/cinema.ts';
import type { Preset } from './ptz-api.ts';

const PlacesSheet = lazyPart(() => import('./presets-sheet.tsx').then((part) => part.PlacesSheet));

interface PlacesProps {
  readonly camera: string;
  readonly all: readonly Preset[];
  readonly chosen: string | undefined;
  readonly onGo: (token: string) => void;
  readonly onChanged: (all: readonly Preset[]) => void;
}

/** Where the camera can go by itself; the last one makes another, or has one forgotten. */
export function Places({ camera, all, chosen, onGo, onChanged }: PlacesProps) {
  const [isOpen, setOpen] = useState(false);
  const say = cinemaWords.value;
  return (
    <>
      <fieldset class="presets" aria-label={say.presets}>
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
        <button
          class="chip tap"
          type="button"
          aria-label={all.length > 0 ? say.changePlaces : undefined}
          aria-haspopup="dialog"
          onClick={() => setOpen(true)}
        >
          <Icon name="plus" />
          {all.length === 0 && say.savePlace}
        </button>
      </fieldset>
      {isOpen && <PlacesSheet camera={camera} all={all} onChanged={onChanged} onClosed={() => setOpen(false)} />}
    </>
  );
}
