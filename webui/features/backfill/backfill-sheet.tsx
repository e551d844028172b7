import type { BackfillList } from '../../../agent/features/backfill/routes.ts';
import { serverText } from '../../api-client/error-text.ts';
import { fetchJson } from '../../api-client/request.ts';
import { encodeName } from '../../api-client/urls.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { type ConfigForm, type FormSettings, pathPlace } from '../../forms/config-form.ts';
import { ConflictLine } from '../../forms/conflict.tsx';
import { choiceProps, fieldProps } from '../../forms/field-props.ts';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { HOURS } from '../../forms/hours.ts';
import { useConfigForm } from '../../forms/use-config-form.ts';
import { nowMs } from '../../shell/page-state.ts';
import { Button } from '../../ui/controls/button.tsx';
import { TextField } from '../../ui/controls/field.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { Stepper } from '../../ui/controls/stepper.tsx';
import { Switch } from '../../ui/controls/switch.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { Sheet } from '../../ui/sheet/sheet.tsx';
import { moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { camerasWords } from '../../words/settings/cameras.ts';
import type { CameraRow, CameraSheetProps } from '../contract.ts';
import {
  type BackfillConfig,
  type BackfillSettings,
  failureOf,
  keysOf,
  mayHaveCard,
  RATE_STEPS,
  rateText,
  rowText,
  sentencesOf,
  settingsOf,
} from './backfill-data.ts';
import { backfillWords } from './words.ts';

type BackfillForm = ConfigForm<BackfillConfig, BackfillSettings>;

const LIST = 'v3/backfill/list';

export const BackfillRow: CameraRow['row'] = ({ name, config, onClick }) => {
  const t = backfillWords.value;
  const isShown = mayHaveCard(config);
  const { value: list } = usePolled<BackfillList>(isShown ? LIST : undefined, 'normal');
  const item = list?.items.find(({ path }) => path === name);
  return isShown ? <Row title={t.title} text={rowText(config, item, t, formatsNow())} onClick={onClick} /> : null;
};

/** Whether gaps are filled from the card of a camera, and what that holds. */
export function BackfillSheet({ name, onClosed }: CameraSheetProps) {
  const edited = useConfigForm(pathPlace(name), SETTINGS);
  return edited ? (
    <Loaded name={name} edited={edited} onClosed={onClosed} />
  ) : (
    <Sheet title={backfillWords.value.title} onClosed={onClosed} />
  );
}

const SETTINGS: FormSettings<BackfillConfig, BackfillSettings> = {
  valuesOf: settingsOf,
  changeOf: keysOf,
  validate: {
    hours: (typed) => (typed === '' || HOURS.test(typed) ? undefined : backfillWords.peek().hoursWrong),
  },
};

interface LoadedProps {
  readonly name: string;
  readonly edited: BackfillForm;
  readonly onClosed: () => void;
}

function Loaded({ name, edited, onClosed }: LoadedProps) {
  const t = backfillWords.value;
  const { language } = i18n();
  const { form } = edited;
  const { isOn } = form.values.value;
  const onOff = (on: boolean) => (on ? t.on : t.off);
  return (
    <FormSheet
      title={t.title}
      form={form}
      text={camerasWords.value.appliesAtOnce}
      onClosed={onClosed}
      onSaved={() => edited.toastSaved()}
    >
      <p class="dim small">{t.about}</p>
      <div class="card">
        <Switch title={t.title} isOn={isOn} onChange={(on) => form.set('isOn', on)} />
      </div>
      <ConflictLine form={form} name="isOn" format={onOff} />
      <State name={name} />
      {isOn && (
        <>
          <Stepper
            label={t.rate}
            steps={RATE_STEPS}
            format={(value) => rateText(value, t, language)}
            {...choiceProps(form, 'rate')}
            hint={t.rateHint}
          />
          <ConflictLine form={form} name="rate" format={(value) => rateText(value, t, language)} />
          <TextField label={t.hours} hint={t.hoursHint} autocomplete="off" {...fieldProps(form, 'hours', 11)} />
          <ConflictLine form={form} name="hours" format={String} />
        </>
      )}
    </FormSheet>
  );
}

const formatsNow = () => ({
  language: i18n().language,
  nowMs: nowMs.value,
  timeOf: (ms: number) => moment(ms, nowMs.value, i18n()),
});

/** What the card holds, what happens now, and why not. */
function State({ name }: { readonly name: string }) {
  const t = backfillWords.value;
  const { value: list, again } = usePolled<BackfillList>(LIST, 'fast');
  const item = list?.items.find(({ path }) => path === name);
  const failure = failureOf(item);
  const formats = formatsNow();
  const retry = async () => {
    await attempt(async () => {
      await fetchJson(`v3/backfill/retry/${encodeName(name)}`, { method: 'POST', body: {} });
      toast(backfillWords.peek().retried);
    });
    again();
  };
  return (
    <>
      {sentencesOf(item, t, formats).map((text) => (
        <p key={text} class="small">
          {text}
        </p>
      ))}
      {failure !== null && <p class="small">{serverText(t.failed, failure)}</p>}
      <Button onClick={() => void retry()}>{t.retry}</Button>
    </>
  );
}
