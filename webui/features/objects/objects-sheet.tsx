import { useRef } from 'preact/hooks';
import type { ObjectsStatus } from '../../../agent/features/objects/routes.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { useMotionReports } from '../../cameras/motion-reports.ts';
import { type ConfigForm, pathPlace } from '../../forms/config-form.ts';
import { ConflictLine } from '../../forms/conflict.tsx';
import { choiceProps } from '../../forms/field-props.ts';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { useConfigForm } from '../../forms/use-config-form.ts';
import { Row } from '../../ui/controls/row.tsx';
import { Stepper } from '../../ui/controls/stepper.tsx';
import { Switch } from '../../ui/controls/switch.tsx';
import { Sheet } from '../../ui/sheet/sheet.tsx';
import { i18n } from '../../words/i18n.ts';
import { camerasWords } from '../../words/settings/cameras.ts';
import type { CameraRow, CameraSheetProps } from '../contract.ts';
import {
  HEIGHT_STEPS,
  heightText,
  isBlind,
  keysOf,
  kindNames,
  kindsText,
  OBJECT_KINDS,
  type ObjectsConfig,
  type ObjectsSettings,
  settingsOf,
} from './objects-data.ts';
import { objectsWords } from './words.ts';

type ObjectsForm = ConfigForm<ObjectsConfig, ObjectsSettings>;

export const ObjectsRow: CameraRow['row'] = ({ config, onClick }) => {
  const t = objectsWords.value;
  return <Row title={t.title} text={kindsText(config, t, i18n().language)} onClick={onClick} />;
};

/** What is looked for in the pictures of a camera. */
export function ObjectsSheet({ name, camera, onClosed }: CameraSheetProps) {
  const title = camera ? objectsWords.value.change(camera.title) : objectsWords.value.title;
  const reportsOf = useMotionReports();
  const reports = useRef<boolean | undefined>(undefined);
  reports.current = camera && reportsOf(camera);
  const edited = useConfigForm<ObjectsConfig, ObjectsSettings>(pathPlace(name), {
    valuesOf: settingsOf,
    changeOf: (changed, config) => keysOf(changed, config, reports.current),
  });
  return edited ? (
    <Loaded name={name} title={title} edited={edited} reports={reports.current} onClosed={onClosed} />
  ) : (
    <Sheet title={title} onClosed={onClosed} />
  );
}

interface LoadedProps {
  readonly name: string;
  readonly title: string;
  readonly edited: ObjectsForm;
  /** The camera reports motion itself. */
  readonly reports: boolean | undefined;
  readonly onClosed: () => void;
}

function Loaded({ name, title, edited, reports, onClosed }: LoadedProps) {
  const t = objectsWords.value;
  const { language } = i18n();
  const { form } = edited;
  const { minHeight, ...kinds } = form.values.value;
  const { value: status } = usePolled<ObjectsStatus>('v3/objects', 'steady', { news: ['config'] });
  const isByCamera = status?.cameras.some((camera) => camera.name === name && camera.by === 'camera');
  const names = kindNames(t);
  const onOff = (isOn: boolean) => (isOn ? t.on : t.off);
  return (
    <FormSheet
      title={title}
      form={form}
      text={camerasWords.value.appliesAtOnce}
      onClosed={onClosed}
      onSaved={() => edited.toastSaved()}
    >
      <p class="dim small">{isByCamera ? t.byCameraText : t.needsMotion}</p>
      {!isByCamera && isBlind(edited.config, reports) && <p class="warn">{t.noMotionText}</p>}
      <div class="card">
        {OBJECT_KINDS.map((kind) => (
          <Switch key={kind} title={names[kind]} isOn={kinds[kind]} onChange={(isOn) => form.set(kind, isOn)} />
        ))}
      </div>
      {!isByCamera && <p class="dim small">{t.animalsMissed}</p>}
      {OBJECT_KINDS.map((kind) => (
        <ConflictLine key={kind} form={form} name={kind} format={(isOn) => `${names[kind]}: ${onOff(isOn)}`} />
      ))}
      <Stepper
        label={t.minHeight}
        steps={HEIGHT_STEPS}
        format={(share) => heightText(share, t, language)}
        {...choiceProps(form, 'minHeight')}
        hint={t.minHeightHint}
      />
      <ConflictLine form={form} name="minHeight" format={(share) => heightText(share, t, language)} />
    </FormSheet>
  );
}
