import type { CameraSettingsAnswer } from '../../../agent/features/boxes/routes.ts';
import { encodeName } from '../../api-client/urls.ts';
import { cameras } from '../../cameras/cameras.ts';
import type { ConfigForm, ConfigPlace, FormSettings } from '../../forms/config-form.ts';
import { DAY_STEPS, daysOf, daysText, durationOf } from '../../forms/days.ts';
import { choiceProps } from '../../forms/field-props.ts';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { useConfigForm } from '../../forms/use-config-form.ts';
import { Row } from '../../ui/controls/row.tsx';
import { SegmentedControl } from '../../ui/controls/segment.tsx';
import { Stepper } from '../../ui/controls/stepper.tsx';
import { Switch } from '../../ui/controls/switch.tsx';
import { Sheet } from '../../ui/sheet/sheet.tsx';
import { camerasWords } from '../../words/settings/cameras.ts';
import type { CameraRow, CameraSheetProps } from '../contract.ts';
import { boxesWords } from './words.ts';

interface FormValues {
  readonly record: 'always' | 'motion' | 'no';
  /** Days. */
  readonly days: number;
  readonly sound: boolean;
}

function placeOf(name: string): ConfigPlace {
  const address = `v3/boxes/settings/${encodeName(name)}`;
  return { get: address, patch: address };
}

export const BoxSettingsRow: CameraRow['row'] = ({ name, onClick }) => {
  const box = cameras.value?.find((one) => one.name === name)?.main.box;
  return box?.settings && box.awaySince === null ? (
    <Row title={boxesWords.value.boxSettings} text={box.name} onClick={onClick} />
  ) : null;
};

/** Settings of a camera of a box, as far as its owner permits them to this server. */
export function BoxSettingsSheet({ name, onClosed }: CameraSheetProps) {
  const edited = useConfigForm(placeOf(name), SETTINGS);
  return edited ? (
    <Loaded edited={edited} onClosed={onClosed} />
  ) : (
    <Sheet title={boxesWords.value.boxSettings} onClosed={onClosed} />
  );
}

const SETTINGS: FormSettings<CameraSettingsAnswer, FormValues> = {
  valuesOf: ({ record, recordDeleteAfter = '', audio }) => ({
    record: record === 'motion' ? record : record === true ? 'always' : 'no',
    days: daysOf(recordDeleteAfter),
    sound: audio !== false,
  }),
  changeOf: ({ record, days, sound }) => ({
    ...(record !== undefined && { record: record === 'motion' ? record : record === 'always' }),
    ...(days !== undefined && { recordDeleteAfter: durationOf(days) }),
    ...(sound !== undefined && { audio: sound }),
  }),
};

interface LoadedProps {
  readonly edited: ConfigForm<CameraSettingsAnswer, FormValues>;
  readonly onClosed: () => void;
}

function Loaded({ edited, onClosed }: LoadedProps) {
  const { boxSettings, boxSettingsText } = boxesWords.value;
  const t = camerasWords.value;
  const { form } = edited;
  const { sound } = form.values.value;
  const records = { always: t.recordAlways, motion: t.recordMotion, no: t.recordOff };
  return (
    <FormSheet
      title={boxSettings}
      form={form}
      text={boxSettingsText}
      onClosed={onClosed}
      onSaved={() => edited.toastSaved()}
    >
      <SegmentedControl
        label={t.record}
        options={(['always', 'motion', 'no'] as const).map((value) => ({ value, text: records[value] }))}
        {...choiceProps(form, 'record')}
      />
      <Stepper label={t.keepFor} steps={DAY_STEPS} format={daysText} {...choiceProps(form, 'days')} />
      <Switch title={t.sound} text={t.soundText} isOn={sound} onChange={(isOn) => form.set('sound', isOn)} />
    </FormSheet>
  );
}
