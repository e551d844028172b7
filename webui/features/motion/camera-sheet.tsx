import { useId } from 'preact/hooks';
import type { CameraMotion } from '../../../agent/features/motion/routes.ts';
import { cameraCall } from '../../api-client/camera-addresses.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { useMotionReports } from '../../cameras/motion-reports.ts';
import { type ConfigForm, type FormSettings, pathPlace } from '../../forms/config-form.ts';
import { ConflictLine } from '../../forms/conflict.tsx';
import { choiceProps, fieldProps } from '../../forms/field-props.ts';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { HOURS } from '../../forms/hours.ts';
import { useConfigForm } from '../../forms/use-config-form.ts';
import { TextField } from '../../ui/controls/field.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { SegmentedControl } from '../../ui/controls/segment.tsx';
import { Stepper } from '../../ui/controls/stepper.tsx';
import { Sheet } from '../../ui/sheet/sheet.tsx';
import { camerasWords } from '../../words/settings/cameras.ts';
import type { CameraRow, CameraSheetProps } from '../contract.ts';
import { MotionAreas } from './motion-areas.tsx';
import {
  type Area,
  type MotionConfig,
  type MotionSettings,
  type MotionSource,
  minSizeText,
  motionKeys,
  motionOf,
  motionSourceText,
  SENSITIVITY_STEPS,
  SIZE_STEPS,
  scoreWith,
} from './motion-data.ts';
import { motionWords } from './words.ts';

const SOURCES: readonly MotionSource[] = ['camera', 'stream', 'both'];

type MotionForm = ConfigForm<MotionConfig, MotionSettings>;

export const MotionRow: CameraRow['row'] = ({ config, onClick }) => (
  <Row title={motionWords.value.title} text={motionSourceText(motionOf(config).source)} onClick={onClick} />
);

/** Where events of motion come from, which motion counts, and how much moves now. */
export function MotionSheet(props: CameraSheetProps) {
  const { name, onClosed } = props;
  const edited = useConfigForm(pathPlace(name), SETTINGS);
  return edited ? <Loaded edited={edited} {...props} /> : <Sheet title={motionWords.value.title} onClosed={onClosed} />;
}

const SETTINGS: FormSettings<MotionConfig, MotionSettings> = {
  valuesOf: motionOf,
  changeOf: motionKeys,
  validate: {
    hours: (typed) => (typed === '' || HOURS.test(typed) ? undefined : motionWords.peek().hoursWrong),
  },
};

function Loaded({ name, camera, edited, onClosed }: CameraSheetProps & { readonly edited: MotionForm }) {
  const t = motionWords.value;
  const { form } = edited;
  const { source } = form.values.value;
  const reportsOf = useMotionReports();
  const isSilent = camera !== undefined && reportsOf(camera) === false;
  return (
    <FormSheet
      title={t.title}
      form={form}
      text={camerasWords.value.appliesAtOnce}
      onClosed={onClosed}
      onSaved={() => edited.toastSaved()}
    >
      <SegmentedControl
        label={t.from}
        options={SOURCES.map((value) => ({ value, text: motionSourceText(value) }))}
        {...choiceProps(form, 'source')}
      />
      <ConflictLine form={form} name="source" format={motionSourceText} />
      {isSilent && source === 'camera' ? (
        <p class="warn">{t.cameraSilent}</p>
      ) : (
        <p class="dim small">{{ camera: t.cameraText, stream: t.streamText, both: t.bothText }[source]}</p>
      )}
      {source !== 'camera' && <StreamFields name={name} camera={camera} edited={edited} />}
    </FormSheet>
  );
}

/** Which motion of the stream counts. */
function StreamFields({ name, camera, edited }: Omit<CameraSheetProps, 'onClosed'> & { readonly edited: MotionForm }) {
  const t = motionWords.value;
  const { form, config } = edited;
  const { sensitivity, zones, masks } = form.values.value;
  const saved = motionOf(config);
  const isOn = saved.source !== 'camera';
  const { value: now } = usePolled<CameraMotion>(isOn ? cameraCall('motion', name) : undefined, 'live');
  const isSeen = typeof now?.stream === 'string';
  const score = scoreWith(isSeen ? now.score : 0, saved.sensitivity, sensitivity);
  const moving = now?.boxes?.map((box) => ({ ...box, score: scoreWith(box.score, saved.sensitivity, sensitivity) }));
  const count = (areas: readonly Area[]) => String(areas.length);
  return (
    <>
      <Stepper label={t.sensitivity} steps={SENSITIVITY_STEPS} format={String} {...choiceProps(form, 'sensitivity')} />
      <ConflictLine form={form} name="sensitivity" format={String} />
      {isSeen ? <Score score={score} /> : <p class="dim small">{isOn ? t.notSeen : t.afterSaving}</p>}
      {isSeen && !now.inHours && <p class="dim small">{t.outOfHours}</p>}
      {camera && (
        <MotionAreas
          camera={camera}
          areas={{ zones, masks }}
          moving={moving}
          isLocked={form.saving.value !== 'no'}
          onChange={(kind, shapes) => form.set(kind, shapes)}
        />
      )}
      {isSeen && now.boxes === null && <p class="dim small">{t.noBlocks}</p>}
      <ConflictLine form={form} name="zones" format={count} />
      <ConflictLine form={form} name="masks" format={count} />
      <Stepper
        label={t.minSize}
        steps={SIZE_STEPS}
        format={minSizeText}
        {...choiceProps(form, 'minSize')}
        hint={t.minSizeHint}
      />
      <ConflictLine form={form} name="minSize" format={minSizeText} />
      <TextField label={t.hours} hint={t.hoursHint} autocomplete="off" {...fieldProps(form, 'hours', 11)} />
      <ConflictLine form={form} name="hours" format={String} />
    </>
  );
}

/** How much moves now, measured with the sensitivity that is chosen. */
function Score({ score }: { readonly score: number }) {
  const t = motionWords.value;
  const label = useId();
  return (
    <div class="field">
      <span class="label" id={label}>
        {t.now}
      </span>
      <meter min={0} max={2} high={1} optimum={0} value={score} aria-labelledby={label} />
      <p class="hint">{score >= 1 ? t.isEvent : t.isNone}</p>
    </div>
  );
}
