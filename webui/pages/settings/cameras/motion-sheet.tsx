import { useId } from 'preact/hooks';
import type { CameraMotion } from '../../../api-client/api-types.ts';
import type { Tagged } from '../../../api-client/config.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import type { Camera } from '../../../cameras/camera.ts';
import type { Shape } from '../../../cameras/mask-shape.ts';
import { ConfigForm } from '../../../forms/config-form.ts';
import { ConflictLine } from '../../../forms/conflict.tsx';
import { fieldProps } from '../../../forms/field-props.ts';
import { FormFooter } from '../../../forms/form-footer.tsx';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { HOURS } from '../../../forms/hours.ts';
import { useConfigForm } from '../../../forms/use-config-form.ts';
import { TextField } from '../../../ui/controls/field.tsx';
import { SegmentedControl } from '../../../ui/controls/segment.tsx';
import { Stepper } from '../../../ui/controls/stepper.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { camerasWords } from '../../../words/settings/cameras.ts';
import { cameraCall, configAddress, patchAddress } from './data/camera-data.ts';
import type { PathConfig } from './data/camera-settings.ts';
import {
  type MotionSettings,
  type MotionSource,
  minSizeText,
  motionKeys,
  motionOf,
  motionSourceText,
  SENSITIVITY_STEPS,
  SIZE_STEPS,
  scoreWith,
} from './data/motion-data.ts';
import { MotionAreas } from './motion-areas.tsx';

const SOURCES: readonly MotionSource[] = ['camera', 'stream', 'both'];

interface MotionProps {
  /** Name of the path. */
  readonly name: string;
  /** Undefined: the path is not among the cameras, and has no picture. */
  readonly camera: Camera | undefined;
  readonly onClosed: () => void;
}
type MotionForm = ConfigForm<PathConfig, MotionSettings>;

/** Where events of motion come from, which motion counts, and how much moves now. */
export function MotionSheet(props: MotionProps) {
  const { name, onClosed } = props;
  const edited = useConfigForm<PathConfig, MotionSettings>(configAddress(name), (seen) => motionForm(name, seen));
  return edited ? (
    <Loaded edited={edited} {...props} />
  ) : (
    <Sheet title={camerasWords.value.motion} onClosed={onClosed}>
      <div class="skeleton block" />
    </Sheet>
  );
}

const motionForm = (name: string, seen: Tagged<PathConfig>): MotionForm =>
  new ConfigForm({
    get: configAddress(name),
    patch: patchAddress(name),
    seen,
    valuesOf: motionOf,
    changeOf: motionKeys,
    validate: {
      hours: (typed) => (typed === '' || HOURS.test(typed) ? undefined : camerasWords.peek().motionHoursWrong),
    },
  });

function Loaded({ name, camera, edited, onClosed }: MotionProps & { readonly edited: MotionForm }) {
  const t = camerasWords.value;
  const { form } = edited;
  const { source } = form.values.value;
  return (
    <FormSheet
      title={t.motion}
      form={form}
      foot={<FormFooter form={form} text={t.appliesAtOnce} />}
      onClosed={onClosed}
      onSaved={() => edited.toastSaved()}
    >
      <SegmentedControl
        label={t.motionFrom}
        value={source}
        options={SOURCES.map((value) => ({ value, text: motionSourceText(value) }))}
        onChange={(value) => form.set('source', value)}
      />
      <ConflictLine form={form} name="source" format={motionSourceText} />
      <p class="dim small">
        {{ camera: t.motionCameraText, stream: t.motionStreamText, both: t.motionBothText }[source]}
      </p>
      {source !== 'camera' && <StreamFields name={name} camera={camera} edited={edited} />}
    </FormSheet>
  );
}

/** Which motion of the stream counts. */
function StreamFields({ name, camera, edited }: Omit<MotionProps, 'onClosed'> & { readonly edited: MotionForm }) {
  const t = camerasWords.value;
  const { form, config } = edited;
  const { sensitivity, zones, masks, minSize } = form.values.value;
  const saved = motionOf(config);
  const isOn = saved.source !== 'camera';
  const { value: now } = usePolled<CameraMotion>(isOn ? cameraCall('motion', name) : undefined, 'live');
  const isSeen = typeof now?.stream === 'string';
  const score = scoreWith(isSeen ? now.score : 0, saved.sensitivity, sensitivity);
  const moving = now?.boxes?.map((box) => ({ ...box, score: scoreWith(box.score, saved.sensitivity, sensitivity) }));
  const count = (shapes: readonly Shape[]) => String(shapes.length);
  return (
    <>
      <Stepper
        label={t.sensitivity}
        value={sensitivity}
        steps={SENSITIVITY_STEPS}
        format={String}
        onChange={(value) => form.set('sensitivity', value)}
      />
      <ConflictLine form={form} name="sensitivity" format={String} />
      {isSeen ? <Score score={score} /> : <p class="dim small">{isOn ? t.motionNotSeen : t.motionAfterSaving}</p>}
      {isSeen && !now.inHours && <p class="dim small">{t.motionOutOfHours}</p>}
      {camera && (
        <MotionAreas
          camera={camera}
          areas={{ zones, masks }}
          moving={moving}
          isLocked={form.saving.value !== 'no'}
          onChange={(kind, shapes) => form.set(kind, shapes)}
        />
      )}
      {isSeen && now.boxes === null && <p class="dim small">{t.motionNoBlocks}</p>}
      <ConflictLine form={form} name="zones" format={count} />
      <ConflictLine form={form} name="masks" format={count} />
      <Stepper
        label={t.motionMinSize}
        value={minSize}
        steps={SIZE_STEPS}
        format={minSizeText}
        onChange={(value) => form.set('minSize', value)}
        hint={t.motionMinSizeHint}
      />
      <ConflictLine form={form} name="minSize" format={minSizeText} />
      <TextField label={t.motionHours} hint={t.motionHoursHint} autocomplete="off" {...fieldProps(form, 'hours', 11)} />
      <ConflictLine form={form} name="hours" format={String} />
    </>
  );
}

/** How much moves now, measured with the sensitivity that is chosen. */
function Score({ score }: { readonly score: number }) {
  const t = camerasWords.value;
  const label = useId();
  return (
    <div class="field">
      <span class="label" id={label}>
        {t.motionNow}
      </span>
      <meter min={0} max={2} high={1} optimum={0} value={score} aria-labelledby={label} />
      <p class="hint">{score >= 1 ? t.motionIsEvent : t.motionIsNone}</p>
    </div>
  );
}
