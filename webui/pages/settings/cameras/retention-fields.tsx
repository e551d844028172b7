import { ConflictLine } from '../../../forms/conflict.tsx';
import { DAY_STEPS, daysText } from '../../../forms/days.ts';
import { choiceProps } from '../../../forms/field-props.ts';
import type { Form } from '../../../forms/form.ts';
import { Stepper } from '../../../ui/controls/stepper.tsx';
import { byteSize } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { sentences } from '../../../words/sentences.ts';
import { camerasWords } from '../../../words/settings/cameras.ts';
import type { CameraFacts } from './data/camera-data.ts';
import {
  type CameraFormValues,
  costBytes,
  diskOf,
  fewerDays,
  NO_LIMIT,
  type PathConfig,
  SIZE_STEPS,
} from './data/camera-settings.ts';

interface KeepProps {
  readonly form: Form<CameraFormValues>;
  readonly config: PathConfig;
  readonly facts: CameraFacts;
  readonly name: string;
}

/** Fields for the retention by age and by size. */
export function KeepFields({ form, config, facts, name }: KeepProps) {
  const { language } = i18n();
  const t = camerasWords.value;
  const { days, maxBytes, record } = form.values.value;
  const limitWords = (bytes: number) => (bytes === NO_LIMIT ? t.noLimit : byteSize(bytes, language));
  return (
    <>
      <Stepper
        label={t.keepFor}
        steps={DAY_STEPS}
        format={daysText}
        {...choiceProps(form, 'days')}
        hint={record === 'no' ? undefined : costText({ days, maxBytes, config, facts, name, language })}
      />
      <ConflictLine form={form} name="days" format={daysText} />
      <Stepper label={t.atMost} steps={SIZE_STEPS} format={limitWords} {...choiceProps(form, 'maxBytes')} />
      <ConflictLine form={form} name="maxBytes" format={limitWords} />
    </>
  );
}

interface CostProps extends Pick<KeepProps, 'config' | 'facts' | 'name'> {
  readonly days: number;
  readonly maxBytes: number;
  readonly language: string;
}

/** `About 340 GB of the 1.8 TB disk.`, or how much less fits. */
function costText({ days, maxBytes, config, facts, name, language }: CostProps): string | undefined {
  const t = camerasWords.value;
  const use = facts.use?.items.find(({ path }) => path === name);
  if (facts.use === undefined) {
    return undefined;
  }
  if (use?.bytesPerDay == null) {
    return t.costUnknown;
  }
  const fits = fewerDays(use, days);
  if (fits !== undefined) {
    return sentences([t.onlyFits(daysText(fits)), t.oldestGo]);
  }
  const bytes = costBytes(use, days, maxBytes);
  const disk = diskOf(config.recordPath ?? '', facts.disks);
  if (bytes === undefined) {
    return undefined;
  }
  return disk
    ? t.keepCosts(byteSize(bytes, language), byteSize(disk.totalBytes, language))
    : t.keepCostsAlone(byteSize(bytes, language));
}
