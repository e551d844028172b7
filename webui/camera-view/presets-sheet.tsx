import { useMemo } from 'preact/hooks';
import { fieldProps } from '../forms/field-props.ts';
import { FormSheet } from '../forms/form-sheet.tsx';
import { serverForm } from '../forms/server-form.ts';
import { TextField } from '../ui/controls/field.tsx';
import { toast } from '../ui/feedback/toast.tsx';
import { Confirm } from '../ui/sheet/confirm.tsx';
import { cameraViewWords } from '../words/camera-view.ts';
import { listPresets, type Preset, removePreset, savePreset } from './ptz-api.ts';

interface PresetsSheetProps {
  readonly camera: string;
  readonly all: readonly Preset[];
  readonly onChanged: (all: readonly Preset[]) => void;
  readonly onClosed: () => void;
}

export function PresetsSheet({ camera, all, onChanged, onClosed }: PresetsSheetProps) {
  const t = cameraViewWords.value;
  const form = useMemo(() => newForm(camera, onChanged), [camera]);
  return (
    <FormSheet
      title={t.presets}
      form={form}
      onClosed={onClosed}
      onSaved={() => toast(cameraViewWords.peek().placeSaved)}
      action={t.savePlace}
      text={t.savePlaceText}
    >
      <TextField
        label={t.placeName}
        autocomplete="off"
        hint={t.placeNameHint}
        {...fieldProps(form, 'name', 64)}
        name="place"
      />
      {all.map(({ token, name }) => (
        <Confirm
          key={token}
          title={t.forgetPlace(name || token)}
          text={t.forgetPlaceSure}
          onConfirm={async () => {
            const isForgotten = await removePreset(camera, token).then(
              () => true,
              () => false,
            );
            toast(isForgotten ? cameraViewWords.peek().placeForgotten : cameraViewWords.peek().placeKept);
            if (isForgotten) {
              onChanged(all.filter((preset) => preset.token !== token));
            }
          }}
        />
      ))}
    </FormSheet>
  );
}

const newForm = (camera: string, onChanged: PresetsSheetProps['onChanged']) =>
  serverForm<{ readonly name: string }>({
    initial: { name: '' },
    validate: { name: (text) => (text.trim() === '' ? cameraViewWords.peek().placeNameHint : undefined) },
    save: async (values) => {
      await savePreset(camera, (values.name ?? '').trim());
      onChanged(await listPresets(camera));
    },
  });
