import { useState } from 'preact/hooks';
import { patchConfig } from '../../box/config.ts';
import { ask } from '../../box/request.ts';
import { Button } from '../../parts/button.tsx';
import { Sheet } from '../../parts/sheet.tsx';
import { toast } from '../../parts/toast.tsx';
import { voice } from '../../parts/voice.ts';
import { byteSize } from '../../words/format.ts';
import { storageWords } from '../../words/storage.ts';
import { words } from '../../words/words.ts';
import type { Place } from './storage-facts.ts';

const DEFAULTS = 'v3/config/pathdefaults/patch';

interface PlacesProps {
  readonly places: readonly Place[];
  readonly onClosed: () => void;
  readonly onChanged: () => void;
}

/** Another disk to record to: nothing on it is deleted, and nothing is formatted. */
export function PlacesSheet({ places, onClosed, onChanged }: PlacesProps) {
  const say = storageWords.value;
  const now = places.find(({ isChosen }) => isChosen)?.folder;
  const [chosen, setChosen] = useState(now);
  const [isBusy, setBusy] = useState(false);
  const [isDone, setDone] = useState(false);
  const place = places.find(({ folder }) => folder === chosen);
  const others = places.filter(({ isChosen }) => !isChosen);
  const record = async () => {
    if (!place) {
      return;
    }
    setBusy(true);
    try {
      const { recordPath: before } = await ask<{ recordPath: string }>('v3/config/pathdefaults/get');
      await patchConfig(DEFAULTS, { recordPath: place.recordPath }, undefined);
      onChanged();
      toast(storageWords.peek().recordsThere, () => {
        patchConfig(DEFAULTS, { recordPath: before }, undefined).then(onChanged, () => toast(words.peek().noAnswer));
      });
      setDone(true);
    } catch {
      toast(words.peek().noAnswer);
    }
    setBusy(false);
  };
  return (
    <Sheet
      title={say.otherDisk}
      isDone={isDone}
      onClosed={onClosed}
      foot={
        others.length > 0 && (
          <>
            <Button
              kind="main"
              isOff={!place?.writable || chosen === now}
              busy={isBusy && words.value.saving}
              onClick={() => void record()}
            >
              {say.recordHere}
            </Button>
            <p class="dim small">{say.otherDiskText}</p>
          </>
        )
      }
    >
      <fieldset class="choices">
        <legend class="unseen">{say.disks}</legend>
        {places.map((one) => (
          <PlaceChoice
            key={one.folder}
            place={one}
            isChosen={one.folder === chosen}
            onChoose={() => setChosen(one.folder)}
          />
        ))}
      </fieldset>
      {others.length === 0 && <p>{say.noOtherDisk}</p>}
    </Sheet>
  );
}

interface ChoiceProps {
  readonly place: Place;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

function PlaceChoice({ place, isChosen, onChoose }: ChoiceProps) {
  const { language } = voice();
  const say = storageWords.value;
  const facts = [
    say.freeOf(byteSize(place.freeBytes, language), byteSize(place.totalBytes, language)),
    place.removable && say.removable,
    place.network && say.inNetwork,
    !place.writable && say.notWritable,
    place.isChosen && say.recordsNow,
  ];
  return (
    <label class="fate">
      <input type="radio" name="place" checked={isChosen} disabled={!place.writable} onChange={onChoose} />
      <span class="grow">
        <b class="folder">
          <bdi>{place.folder}</bdi>
        </b>
        <span class="dim small">{facts.filter(Boolean).join(' · ')}</span>
      </span>
    </label>
  );
}
