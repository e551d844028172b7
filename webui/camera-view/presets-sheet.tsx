import { useMemo } from 'preact/hooks';
import { boxForm } from '../forms/server-form.ts';
import { FormFoot } from '../forms/form-footer.tsx';
import { FormSheet } from '../forms/form-sheet.tsx';
import { TextField } from '../ui/controls/field.tsx';
import { toast } from '../ui/feedback/toast.tsx';
import { Sure } from '../ui/sheet/confirm.tsx';
import { cinemaWords } from '../words/cinema.ts';
import { forgetPlace, listPlaces, type Preset, savePlace } from './ptz-api.ts';

/** As the box takes it. */
const LONGEST = 64;

interface PlacesSheetProps {
  readonly camera: string;
  readonly all: readonly Preset[];
  readonly onChanged: (all: readonly Preset[]) => void;
  readonly onClosed: () => void;
}

/** Where it looks now gets a name; what it knows can be forgotten. */
export function PlacesSheet({ camera, all, onChanged, onClosed }: PlacesSheetProps) {
  const say = cinemaWords.value;
  const form = useMemo(() => newForm(camera, onChanged), [camera]);
  return (
    <FormSheet
      title={say.presets}
      form={form}
      onClosed={onClosed}
      onSaved={() => toast(cinemaWords.peek().placeSaved)}
      foot={<FormFoot form={form} action={say.savePlace} text={say.savePlaceText} />}
    >
      <TextField
        label={say.placeName}
        name="place"
        autocomplete="off"
        value={form.values.value.name}
        onInput={(text) => form.set('name', text.slice(0, LONGEST))}
        isLocked={form.saving.value !== 'no'}
        hint={say.placeNameHint}
        wrong={form.wrong.value.name}
      />
      {all.map(({ token, name }) => (
        <Sure
          key={token}
          title={say.forgetPlace(name || token)}
          text={say.forgetPlaceSure}
          onSure={async () => {
            const isForgotten = await forgetPlace(camera, token).then(
              () => true,
              () => false,
            );
            toast(isForgotten ? cinemaWords.peek().placeForgotten : cinemaWords.peek().placeKept);
            if (isForgotten) {
              onChanged(all.filter((place) => place.token !== token));
            }
          }}
        />
      ))}
    </FormSheet>
  );
}

const newForm = (camera: string, onChanged: PlacesSheetProps['onChanged']) =>
  boxForm<{ readonly name: string }>({
    initial: { name: '' },
    judge: { name: (text) => (text.trim() === '' ? cinemaWords.peek().placeNameHint : undefined) },
    save: async (values) => {
      await savePlace(camera, (values.name ?? '').trim());
      onChanged(await listPlaces(camera));
    },
  });
