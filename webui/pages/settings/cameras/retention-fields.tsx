import { ConflictLine } from '../../../forms/conflict.tsx';
import type { Conflict, Form } from '../../../forms/form.ts';
import { Stepper } from '../../../ui/controls/stepper.tsx';
import { voice } from '../../../words/i18n.ts';
import { camerasWords } from '../../../words/cameras.ts';
import { byteSize } from '../../../words/format.ts';
import type { CameraFacts } from './camera-data.ts';
import {
  type CameraSettings,
  costBytes,
  DAY_STEPS,
  diskOf,
  fewerDays,
  NO_LIMIT,
  type PathConfig,
  SIZE_STEPS,
} from './camera-settings.ts';
import { formatDuration } from './span-words.ts';

interface KeepProps {
  readonly form: Form<CameraSettings>;
  readonly config: PathConfig;
  readonly facts: CameraFacts;
  readonly name: string;
  readonly settled: <K extends keyof CameraSettings>(
    field: K,
  ) => {
    readonly conflict: Conflict<CameraSettings[K]> | undefined;
    readonly onTake: () => void;
    readonly onKeep: () => void;
  };
}

/** How long recordings are kept, and how much room they may take. */
export function KeepFields({ form, config, facts, name, settled }: KeepProps) {
  const { language } = voice();
  const say = camerasWords.value;
  const { days, mostBytes, record } = form.values.value;
  const limitWords = (bytes: number) => (bytes === NO_LIMIT ? say.noLimit : byteSize(bytes, language));
  return (
    <>
      <Stepper
        label={say.keepFor}
        value={days}
        steps={DAY_STEPS}
        say={formatDuration}
        onChange={(value) => form.set('days', value)}
        hint={record === 'no' ? undefined : costWords({ days, mostBytes, config, facts, name, language })}
      />
      <ConflictLine {...settled('days')} say={formatDuration} />
      <Stepper
        label={say.atMost}
        value={mostBytes}
        steps={SIZE_STEPS}
        say={limitWords}
        onChange={(value) => form.set('mostBytes', value)}
      />
      <ConflictLine {...settled('mostBytes')} say={limitWords} />
    </>
  );
}

interface CostProps extends Pick<KeepProps, 'config' | 'facts' | 'name'> {
  readonly days: number;
  readonly mostBytes: number;
  readonly language: string;
}

/** `About 340 GB of the 1.8 TB disk.`, or how much less fits: what does not fit costs nothing. */
function costWords({ days, mostBytes, config, facts, name, language }: CostProps): string | undefined {
  const say = camerasWords.value;
  const use = facts.use?.items.find(({ path }) => path === name);
  if (facts.use === undefined) {
    return undefined;
  }
  if (use?.bytesPerDay == null) {
    return say.costUnknown;
  }
  const fits = fewerDays(use, days);
  if (fits !== undefined) {
    const space = language === 'zh-CN' ? '' : ' ';
    return [say.onlyFits(formatDuration(fits)), say.oldestGo].join(space);
  }
  const bytes = costBytes(use, days, mostBytes);
  const disk = diskOf(config.recordPath ?? '', facts.disks);
  if (bytes === undefined) {
    return undefined;
  }
  return disk
    ? say.keepCosts(byteSize(bytes, language), byteSize(disk.totalBytes, language))
    : say.keepCostsAlone(byteSize(bytes, language));
}
