import { useId } from 'preact/hooks';
import type { MotionNow } from '../../../api-client/api-types.ts';
import type { Tagged } from '../../../api-client/config.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { ConfigForm } from '../../../forms/config-form.ts';
import { ConflictLine } from '../../../forms/conflict.tsx';
import { FormFooter } from '../../../forms/form-footer.tsx';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { useConfigForm } from '../../../forms/use-config-form.ts';
import { SegmentedControl } from '../../../ui/controls/segment.tsx';
import { Stepper } from '../../../ui/controls/stepper.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { camerasWords } from '../../../words/settings/cameras.ts';
import { words } from '../../../words/words.ts';
import { cameraCall, configAddress, patchAddress } from './data/camera-data.ts';
import type { PathConfig } from './data/camera-settings.ts';
import {
  type MotionSettings,
  type MotionSource,
  motionOf,
  motionSourceText,
  SENSITIVITY_STEPS,
  scoreWith,
} from './data/motion-data.ts';

const POLL_MS = 500;
const SOURCES: readonly MotionSource[] = ['camera', 'stream', 'both'];

interface MotionProps {
  /** Of the path. */
  readonly name: string;
  readonly onClosed: () => void;
}
type MotionForm = ConfigForm<PathConfig, MotionSettings>;

/** Where events of motion come from, and how much moves now. */
export function MotionSheet({ name, onClosed }: MotionProps) {
  const edited = useConfigForm<PathConfig, MotionSettings>(configAddress(name), (seen) => motionForm(name, seen));
  return edited ? (
    <Loaded name={name} edited={edited} onClosed={onClosed} />
  ) : (
    <Sheet title={camerasWords.value.motion} onClosed={onClosed}>
      <div class="skeleton block" />
    </Sheet>
  );
}

const motionForm = (name: string, seen: Tagged<PathConfig>): MotionForm =>
  new ConfigForm({
    ...{ get: configAddress(name), patch: patchAddress(name), seen },
    valuesOf: motionOf,
    changeOf: ({ source, sensitivity }) => ({
      ...(source !== undefined && { motionSource: source }),
      ...(sensitivity !== undefined && { motionSensitivity: sensitivity }),
    }),
  });

function Loaded({ name, edited, onClosed }: MotionProps & { readonly edited: MotionForm }) {
  const t = camerasWords.value;
  const { form, config } = edited;
  const { source, sensitivity } = form.values.value;
  return (
    <FormSheet
      title={t.motion}
      form={form}
      foot={<FormFooter form={form} text={t.appliesAtOnce} />}
      onClosed={onClosed}
      onSaved={() => edited.toastSaved(words.peek().saved)}
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
      {source !== 'camera' && (
        <>
          <Stepper
            label={t.sensitivity}
            value={sensitivity}
            steps={SENSITIVITY_STEPS}
            format={String}
            onChange={(value) => form.set('sensitivity', value)}
          />
          <ConflictLine form={form} name="sensitivity" format={String} />
          <Score name={name} saved={motionOf(config)} sensitivity={sensitivity} />
        </>
      )}
    </FormSheet>
  );
}

interface ScoreProps {
  readonly name: string;
  readonly saved: MotionSettings;
  /** Not saved yet. */
  readonly sensitivity: number;
}

/** How much moves now, measured with the sensitivity that is chosen. */
function Score({ name, saved, sensitivity }: ScoreProps) {
  const t = camerasWords.value;
  const label = useId();
  const isOn = saved.source !== 'camera';
  const { value: now } = usePolled<MotionNow>(isOn ? cameraCall('motion', name) : undefined, { everyMs: POLL_MS });
  if (typeof now?.stream !== 'string') {
    return <p class="dim small">{isOn ? t.motionNotSeen : t.motionAfterSaving}</p>;
  }
  const score = scoreWith(now.score, saved.sensitivity, sensitivity);
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
